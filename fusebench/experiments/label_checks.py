"""Checks of a split's labels as a whole: nothing is trained or scored without a single label."""

from pathlib import Path

from fusebench.data.label_images import statistics
from fusebench.data.pairs import Split

STATISTICS_FILE = "labels.json"  # in the folder of a checked split


def check_any_label(split: Split, checked: Path) -> None:
    """Raise if a split that is trained or scored has no labeled pixel.

    Args:
        split: The split.
        checked: Folder of the checked split, with the statistics of its label maps.

    Raises:
        UserError: Naming the split and what was found.
    """
    count = len(split.pairs)
    where = f"{split.dataset}, {split.name}: in {count} image{'s' if count != 1 else ''}"
    if split.excluded_keys:
        where += f" of {count + len(split.excluded_keys)} (--limit)"
    label_statistics = statistics.read_label_statistics(checked / STATISTICS_FILE)
    label_statistics.check_any_class(split.classes, where)
