"""Which class an id in M3FD's text labels means: five orders are in use, and files do not say.

Orders A and B differ in Lamp and Motorcycle only, which swaps two columns of every table without
any error. So the order is declared, read from a list of names beside the labels, or recognized
from what is known of M3FD: the share of each class, and that lamps are small.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import median

import yaml

from fusebench.data.box_annotations import parse_float, read_text
from fusebench.errors import UserError

CLASS_ORDERS: dict[str, tuple[str, ...]] = {
    "A": ("People", "Car", "Bus", "Lamp", "Motorcycle", "Truck"),  # TarDAL
    "B": ("People", "Car", "Bus", "Motorcycle", "Lamp", "Truck"),  # DEYOLO
    "C": ("People", "Car", "Motorcycle", "Bus", "Truck", "Lamp"),  # voc2coco
    "D": ("Car", "Truck", "People", "Bus", "Lamp", "Motorcycle"),  # EAEFNet
    "E": ("People", "Car", "Lamp", "Bus", "Motorcycle", "Truck"),  # older YOLOv11-RGBT
}
CANONICAL_ORDER = CLASS_ORDERS["B"]
M3FD_BOX_COUNTS = {
    "People": 11477,
    "Car": 18296,
    "Bus": 700,
    "Motorcycle": 521,
    "Lamp": 2405,
    "Truck": 1008,
}
MIN_BOXES = 1000  # boxes, below which nothing is recognized
MAX_DISTANCE = 1.0  # mean factor of two between a class's share here and in M3FD
MIN_DISTANCE_MARGIN = 0.35  # by which the next order has to be farther; A and B lie 0.73 apart


def resolve_class_order(
    labels: Mapping[str, Path], declared: str | Sequence[str] | None
) -> list[int]:
    """Canonical class index of each id in the files.

    Raises:
        UserError: If the order is neither declared, written beside the labels, nor certain.
    """
    place = next(iter(labels.values())).parent
    if declared is not None:
        names = CLASS_ORDERS[declared] if isinstance(declared, str) else tuple(declared)
        return _to_canonical_indices(names, "class_order")
    for path in (place / "classes.txt", place.parent / "classes.txt"):
        if path.is_file():
            return _to_canonical_indices(read_text(path).split(), str(path))
    for path in (place / "data.yaml", place.parent / "data.yaml"):
        if path.is_file():
            return _to_canonical_indices(_read_class_names(path), str(path))
    areas = _read_box_areas(labels.values())
    order = recognize_class_order(areas)
    if order is None:
        raise UserError(
            f"{place}: text labels do not say which class an id is, and these are no clear case "
            f"({_describe_box_statistics(areas)}). Set data.class_order in the task to one of "
            + "; ".join(f"{name}: {' '.join(order)}" for name, order in CLASS_ORDERS.items())
            + "; or to the six names in the order of their ids"
        )
    return _to_canonical_indices(CLASS_ORDERS[order], "class_order")


def recognize_class_order(areas: Sequence[Sequence[float]]) -> str | None:
    """The name of the order, or None if it is not certain.

    Args:
        areas: For each id 0..5 the areas of its boxes, as shares of the image.
    """
    if len(areas) != len(CANONICAL_ORDER) or not all(areas) or sum(map(len, areas)) < MIN_BOXES:
        return None
    (near, best), (next_near, _) = sorted(
        (_class_share_distance(areas, name), name) for name in CLASS_ORDERS
    )[:2]
    middle = {name: median(some) for name, some in zip(CLASS_ORDERS[best], areas, strict=True)}
    small = middle["Lamp"] < min(middle["Motorcycle"], middle["Bus"], middle["Truck"])
    return (
        best if small and near <= MAX_DISTANCE and next_near - near >= MIN_DISTANCE_MARGIN else None
    )


def _class_share_distance(areas: Sequence[Sequence[float]], order: str) -> float:
    """Mean over classes of |log2(share of the boxes here / share in M3FD)|."""
    here, there = sum(map(len, areas)), sum(M3FD_BOX_COUNTS.values())
    return sum(
        abs(math.log2(len(some) / here) - math.log2(M3FD_BOX_COUNTS[name] / there))
        for some, name in zip(areas, CLASS_ORDERS[order], strict=True)
    ) / len(areas)


def _read_box_areas(paths: Iterable[Path]) -> list[list[float]]:
    """Box areas per id; rows that are not understood are left to the reader of the boxes."""
    found: dict[int, list[float]] = {i: [] for i in range(len(CANONICAL_ORDER))}
    for path in paths:
        for words in map(str.split, read_text(path).splitlines()):
            if len(words) == 5 and words[0].isdecimal():
                found.setdefault(int(words[0]), []).append(
                    parse_float(words[3]) * parse_float(words[4])
                )
    return [found[i] for i in sorted(found)]


def _describe_box_statistics(areas: Sequence[Sequence[float]]) -> str:
    rows = [
        f"id {i}: {len(some)} boxes" + (f", median {median(some):.3%} of the image" if some else "")
        for i, some in enumerate(areas)
    ]
    if all(areas) and len(areas) == len(CANONICAL_ORDER):
        best = sorted(CLASS_ORDERS, key=lambda name: _class_share_distance(areas, name))[:2]
        rows.append(f"nearest orders: {' then '.join(best)}")
    return "; ".join(rows)


def _read_class_names(path: Path) -> list[str]:
    try:
        names = yaml.safe_load(read_text(path))["names"]
        listed = [names[i] for i in sorted(names)] if isinstance(names, dict) else list(names)
    except (yaml.YAMLError, KeyError, TypeError) as fault:
        raise UserError(f"{path}: expected 'names:' with six class names ({fault!r})") from None
    return list(map(str, listed))


def _to_canonical_indices(names: Sequence[str], where: str) -> list[int]:
    if sorted(names) != sorted(CANONICAL_ORDER):
        raise UserError(
            f"{where}: expected the six names {', '.join(CANONICAL_ORDER)} in some order, "
            f"got {', '.join(names) or 'nothing'}"
        )
    return [CANONICAL_ORDER.index(name) for name in names]
