"""Checks of a split's labels as a whole: nothing is trained or scored without a single label."""

from pathlib import Path

from fusebench.data.label_images import statistics
from fusebench.data.pairs import Split
from fusebench.errors import UserError

STATISTICS_FILE = "labels.json"  # in the folder of a checked split


def check_any_label(split: Split, kind: str, checked: Path) -> None:
    """Raise if a split that is trained or scored has no true box or no labeled pixel.

    Args:
        split: The split.
        kind: Kind of the task: ``detection`` or ``segmentation``.
        checked: Folder of the checked split, with the statistics of its label maps.

    Raises:
        UserError: Naming the split and what was found.
    """
    count = len(split.pairs)
    where = f"{split.dataset}, {split.name}: in {count} image{'s' if count != 1 else ''}"
    if split.excluded_keys:
        where += f" of {count + len(split.excluded_keys)} (--limit)"
    if kind == "segmentation":
        label_statistics = statistics.read_label_statistics(checked / STATISTICS_FILE)
        label_statistics.check_any_class(split.classes, where)
    elif not any(pair.boxes is not None and len(pair.boxes) for pair in split.pairs):
        purpose = "train on" if split.name == "train" else "score"
        raise UserError(
            f"{where}, there is not one true box of {', '.join(split.classes)}: nothing to "
            f"{purpose}. Check the annotation files and the names of the classes, choose another "
            "split, or take more images"
        )
