"""Class order of M3FD's text labels: five orders are in use, and label files do not name theirs.

Orders A and B differ in Lamp and Motorcycle only, so that a wrong choice swaps two columns of every
table without any error. Therefore the order is declared by the user, read from a list of names
beside the labels, or recognized from the numbers of boxes, if these leave no doubt.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path
from statistics import median

from fusebench.data.box_labels.class_list import read_class_list, to_class_indices
from fusebench.errors import UserError
from fusebench.runtime.reading.text_files import parse_float, read_text

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
M3FD_SHARES = {
    name: count / sum(M3FD_BOX_COUNTS.values()) for name, count in M3FD_BOX_COUNTS.items()
}
MIN_BOXES = 20_000  # of M3FD's 34,407; no order is recognized from fewer boxes
# Largest ratio of the share of a class to that in M3FD. Any two shares in M3FD differ by a factor
# of 1.34 or more, far above the square of this, so that no other order fits too.
MAX_RATIO = 1.1


@dataclass(frozen=True)
class ClassOrder:
    """Canonical class index of each id in the label files, and how it was recognized.

    Attributes:
        indices: Index into `CANONICAL_ORDER` of each id.
        notes: Note for `Split.notes` if the order was recognized, not stated.
    """

    indices: Sequence[int]
    notes: tuple[tuple[str, str], ...] = ()


def resolve_class_order(
    labels: Mapping[str, str], declared: str | Sequence[str] | None
) -> ClassOrder:
    """Determine the canonical class index of each id in the label files.

    Args:
        labels: Text label file per key.
        declared: Name of an order, the six class names in the order of their ids, or None.

    Raises:
        UserError: If the order is neither declared, nor listed beside the labels, nor recognized.
    """
    folder = Path(next(iter(labels.values()))).parent
    if declared is not None:
        names = CLASS_ORDERS[declared] if isinstance(declared, str) else tuple(declared)
        return ClassOrder(to_class_indices(names, CANONICAL_ORDER, "class_order"))
    listed = read_class_list(folder, CANONICAL_ORDER)
    if listed is not None:
        return ClassOrder(listed)
    areas = _read_box_areas(labels.values())
    order = recognize_class_order(areas)
    name = next((name for name, names in CLASS_ORDERS.items() if names == order), None)
    if order is None or name is None:
        raise UserError(
            f"{folder}: the class order of these text labels is unknown and cannot be recognized "
            f"({_describe_box_statistics(areas)}). Set data.class_order in the task to one of "
            + "; ".join(f"{name}: {' '.join(names)}" for name, names in CLASS_ORDERS.items())
            + "; or to the six names in the order of their ids"
            + (f". The numbers of boxes fit [{', '.join(order)}]" if order else "")
        )
    evidence = (
        f"recognized as {name} ({' '.join(order)}): the share of every class among the "
        f"{sum(map(len, areas))} boxes is M3FD's within {MAX_RATIO - 1:.0%}, and the sizes fit"
    )
    indices = [CANONICAL_ORDER.index(name) for name in order]
    return ClassOrder(indices, (("class order", evidence),))


def recognize_class_order(areas: Sequence[Sequence[float]]) -> tuple[str, ...] | None:
    """Recognize the class order from the numbers and sizes of boxes.

    The share of each class among all boxes must be almost that in M3FD, and its typical size must
    agree: a lamp is smaller than a motorcycle, and that is smaller than a bus or a truck.

    Args:
        areas: Per id 0..5 the areas of its boxes, relative to the image area.

    Returns:
        The class names in the order of their ids; an order that is none of `CLASS_ORDERS` is
        possible. None if it is not certain.
    """
    box_count = sum(map(len, areas))
    if len(areas) != len(CANONICAL_ORDER) or not all(areas) or box_count < MIN_BOXES:
        return None
    shares = [len(class_areas) / box_count for class_areas in areas]
    for order in permutations(CANONICAL_ORDER):
        ratios = [share / M3FD_SHARES[name] for name, share in zip(order, shares, strict=True)]
        if max(ratios) <= MAX_RATIO and min(ratios) >= 1 / MAX_RATIO:
            sizes = {name: median(values) for name, values in zip(order, areas, strict=True)}
            largest = min(sizes["Bus"], sizes["Truck"])
            return order if sizes["Lamp"] < sizes["Motorcycle"] < largest else None
    return None


def _read_box_areas(paths: Iterable[str]) -> list[list[float]]:
    """Read the relative box areas of the ids 0..5, and then of all others if there are any.

    Rows that are no boxes are skipped; they fail in the box reader.
    """
    areas: dict[float, list[float]] = {float(i): [] for i in range(len(CANONICAL_ORDER))}
    others: list[float] = []
    for path in paths:
        for columns in map(str.split, read_text(path).splitlines()):
            values = [parse_float(text) for text in columns]
            if len(values) == 5:
                areas.get(values[0], others).append(values[3] * values[4])
    return [*areas.values(), *([others] if others else [])]


def _describe_box_statistics(areas: Sequence[Sequence[float]]) -> str:
    return "; ".join(
        f"{'other ids' if i == len(CANONICAL_ORDER) else f'id {i}'}: {len(id_areas)} boxes"
        + (f", median {median(id_areas):.3%} of the image" if id_areas else "")
        for i, id_areas in enumerate(areas)
    )
