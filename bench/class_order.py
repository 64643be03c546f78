"""Which class an id in M3FD's text labels means: five orders are in use, and files do not say."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.errors import BenchError

ORDERS: dict[str, tuple[str, ...]] = {
    "A": ("People", "Car", "Bus", "Lamp", "Motorcycle", "Truck"),  # TarDAL
    "B": ("People", "Car", "Bus", "Motorcycle", "Lamp", "Truck"),  # DEYOLO
    "C": ("People", "Car", "Motorcycle", "Bus", "Truck", "Lamp"),  # voc2coco
    "D": ("Car", "Truck", "People", "Bus", "Lamp", "Motorcycle"),  # EAEFNet
    "E": ("People", "Car", "Lamp", "Bus", "Motorcycle", "Truck"),  # older YOLOv11-RGBT
}
CANONICAL = ORDERS["B"]


def find(labels: Mapping[str, Path], declared: str | Sequence[str] | None) -> list[int]:
    """Canonical class index of each id in the files.

    Raises:
        BenchError: If the order is not declared or not a permutation of the six names.
    """
    if declared is None:
        raise BenchError(
            f"{next(iter(labels.values())).parent}: text labels do not say which class an id is; "
            "set options.class_order to one of "
            + "; ".join(f"{name}: {' '.join(order)}" for name, order in ORDERS.items())
        )
    names = ORDERS[declared] if isinstance(declared, str) else tuple(declared)
    if sorted(names) != sorted(CANONICAL):
        raise BenchError(
            f"class_order: expected the six names {', '.join(CANONICAL)} in some order, "
            f"got {', '.join(names)}"
        )
    return [CANONICAL.index(name) for name in names]
