"""Class order of M3FD's text labels: five orders are in use, and label files do not name theirs.

Orders A and B differ in Lamp and Motorcycle only, so that a wrong choice swaps two columns of every
table without any error. Therefore the order is declared by the user, read from a list of names
beside the labels, or recognized from statistics of M3FD: the share of each class among all boxes,
and that lamps are small.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import median

from fusebench.errors import UserError
from fusebench.runtime.text_files import parse_float, read_text
from fusebench.runtime.yaml_text import parse_yaml

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
MAX_NAMES_BYTES = 1_000_000  # of a file of class names
MIN_BOXES = 1000  # no order is recognized from fewer boxes
MAX_DISTANCE = 1.0  # of the best order, see `_compute_share_distance`: a mean factor of two
MIN_DISTANCE_MARGIN = 0.35  # between the best and the second order; A and B are 0.73 apart


def resolve_class_order(
    labels: Mapping[str, Path], declared: str | Sequence[str] | None
) -> list[int]:
    """Determine the canonical class index of each id in the label files.

    Args:
        labels: Text label file per key.
        declared: Name of an order, the six class names in the order of their ids, or None.

    Raises:
        UserError: If the order is neither declared, nor listed beside the labels, nor recognized.
    """
    folder = next(iter(labels.values())).parent
    if declared is not None:
        names = CLASS_ORDERS[declared] if isinstance(declared, str) else tuple(declared)
        return _to_canonical_indices(names, "class_order")
    for path in (folder / "classes.txt", folder.parent / "classes.txt"):
        if path.is_file():
            return _to_canonical_indices(read_text(path).split(), str(path))
    for path in (folder / "data.yaml", folder.parent / "data.yaml"):
        if path.is_file():
            return _to_canonical_indices(_read_class_names(path), str(path))
    areas = _read_box_areas(labels.values())
    order = recognize_class_order(areas)
    if order is None:
        raise UserError(
            f"{folder}: the class order of these text labels is unknown and cannot be recognized "
            f"({_describe_box_statistics(areas)}). Set data.class_order in the task to one of "
            + "; ".join(f"{name}: {' '.join(order)}" for name, order in CLASS_ORDERS.items())
            + "; or to the six names in the order of their ids"
        )
    return _to_canonical_indices(CLASS_ORDERS[order], "class_order")


def recognize_class_order(areas: Sequence[Sequence[float]]) -> str | None:
    """Recognize the class order from box statistics.

    Args:
        areas: Per id 0..5 the areas of its boxes, relative to the image area.

    Returns:
        Name of the order, or None if it is not certain: too few boxes, class shares unlike M3FD's,
        two orders that fit almost equally well, or lamps that are not small.
    """
    if len(areas) != len(CANONICAL_ORDER) or not all(areas) or sum(map(len, areas)) < MIN_BOXES:
        return None
    # Rank the orders by how well class shares agree with M3FD's.
    (distance, best), (second_distance, _) = sorted(
        (_compute_share_distance(areas, name), name) for name in CLASS_ORDERS
    )[:2]
    if distance > MAX_DISTANCE or second_distance - distance < MIN_DISTANCE_MARGIN:
        return None
    # Verify the best order by box sizes.
    medians = {
        name: median(class_areas)
        for name, class_areas in zip(CLASS_ORDERS[best], areas, strict=True)
    }
    has_small_lamps = medians["Lamp"] < min(medians["Motorcycle"], medians["Bus"], medians["Truck"])
    return best if has_small_lamps else None


def _compute_share_distance(areas: Sequence[Sequence[float]], order: str) -> float:
    """Mean over classes of |log2(share of the boxes in these files / share in M3FD)|."""
    box_count, m3fd_box_count = sum(map(len, areas)), sum(M3FD_BOX_COUNTS.values())
    return sum(
        abs(
            math.log2(len(class_areas) / box_count)
            - math.log2(M3FD_BOX_COUNTS[name] / m3fd_box_count)
        )
        for class_areas, name in zip(areas, CLASS_ORDERS[order], strict=True)
    ) / len(areas)


def _read_box_areas(paths: Iterable[Path]) -> list[list[float]]:
    """Read the relative box areas per id; invalid rows are skipped and fail in the box reader."""
    areas: dict[int, list[float]] = {i: [] for i in range(len(CANONICAL_ORDER))}
    for path in paths:
        for columns in map(str.split, read_text(path).splitlines()):
            if len(columns) == 5 and columns[0].isdecimal():
                width, height = parse_float(columns[3]), parse_float(columns[4])
                areas.setdefault(int(columns[0]), []).append(width * height)
    return [areas[i] for i in sorted(areas)]


def _describe_box_statistics(areas: Sequence[Sequence[float]]) -> str:
    parts = [
        f"id {i}: {len(id_areas)} boxes"
        + (f", median {median(id_areas):.3%} of the image" if id_areas else "")
        for i, id_areas in enumerate(areas)
    ]
    if all(areas) and len(areas) == len(CANONICAL_ORDER):
        best = sorted(CLASS_ORDERS, key=lambda name: _compute_share_distance(areas, name))[:2]
        parts.append(f"nearest orders: {' then '.join(best)}")
    return "; ".join(parts)


def _read_class_names(path: Path) -> list[str]:
    expected = f"{path}: expected 'names:' with six class names"
    document = parse_yaml(read_text(path, MAX_NAMES_BYTES), expected)
    try:
        names = document["names"]
        values = [names[i] for i in sorted(names)] if isinstance(names, dict) else list(names)
    except (KeyError, TypeError) as error:
        raise UserError(f"{expected} ({error!r})") from None
    return list(map(str, values))


def _to_canonical_indices(names: Sequence[str], where: str) -> list[int]:
    if sorted(names) != sorted(CANONICAL_ORDER):
        raise UserError(
            f"{where}: expected the six names {', '.join(CANONICAL_ORDER)} in some order, "
            f"got {', '.join(names) or 'nothing'}"
        )
    return [CANONICAL_ORDER.index(name) for name in names]
