"""Checks of a split's labels as a whole: every pair has a label, and not all labels are empty.

A split of which ``--limit`` selects a part may have no label in that part: the protocol then has a
caution (`fusebench.data.box_labels.label_notes`, `segmentation.agreement`).
"""

from pathlib import Path

from fusebench.config import schema
from fusebench.data.label_images import statistics
from fusebench.data.pairs import Split
from fusebench.errors import UserError

STATISTICS_FILE = "labels.json"  # in the folder of a checked split


def check_complete(split: Split, task_name: str, task: schema.Task) -> None:
    """Raise if a pair lacks the labels that its task needs: boxes, or a label map.

    Args:
        split: The split.
        task_name: Name of the task, for the message.
        task: The task.

    Raises:
        UserError: Naming the first such pair.
    """
    is_detection = task.kind == "detection"
    unlabeled = split.find_unlabeled("boxes" if is_detection else "label_map")
    if unlabeled is None:
        return
    pair = next(pair for pair in split.pairs if pair.key == unlabeled)
    advice = f"put them there, see fusebench/datasets/{task.dataset}.py"
    if task.dataset == "pairs":
        option = "boxes" if is_detection else "label_maps"
        advice = f"say where they are: data.{option}, see docs/datasets.md"
    raise UserError(
        f"tasks.{task_name}: {task.kind} needs {'boxes' if is_detection else 'label maps'}, and "
        f"{task.dataset} has none in {pair.visible.parent.parent} (first: {unlabeled}); {advice}"
    )


def check_any_box(split: Split, task_name: str) -> None:
    """Raise if no image of a whole split has a box.

    Args:
        split: The split; all its images have boxes, maybe none.
        task_name: Name of the task, for the message.

    Raises:
        UserError: Naming the split.
    """
    if split.excluded_keys or any(split.count_boxes()):
        return
    purpose = "train on" if split.name == "train" else "score"
    raise UserError(
        f"tasks.{task_name}: {split.dataset}, {split.name}: in {_format_count(split)}, there is "
        f"not one true box of {', '.join(split.classes)}: nothing to {purpose}. Check the "
        "annotation files and the names of the classes, or choose another split"
    )


def check_any_labeled_pixel(split: Split, checked: Path) -> None:
    """Raise if no pixel of a whole split has a label, or if the label maps cannot be trusted.

    Args:
        split: The split.
        checked: Folder of the checked split, with the statistics of its label maps.

    Raises:
        UserError: Naming the split and what was found.
    """
    where = f"{split.dataset}, {split.name}: in {_format_count(split)}"
    label_statistics = statistics.read_label_statistics(checked / STATISTICS_FILE)
    label_statistics.check_bit_depths(where)
    if not split.excluded_keys:
        label_statistics.check_any_class(split.classes, where)


def _format_count(split: Split) -> str:
    count = len(split.pairs)
    return f"{count} image{'' if count == 1 else 's'}"
