"""Index of a folder tree: pairs, labels, split folders and recordings together."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from fusebench.data import splits
from fusebench.data.dataset_index import DatasetIndex
from fusebench.data.image_files.infrared_scaling import InfraredScaling
from fusebench.data.pairs import CAUTION_PREFIX
from fusebench.data.sequences import ConditionAndSequence
from fusebench.data.trees import box_files, label_map_files, pair_files, pair_list, recordings
from fusebench.data.trees.options import Tree
from fusebench.data.trees.pair_files import TreePair
from fusebench.data.trees.split_folders import divide_by_folders


def index_tree(
    name: str,
    folder: Path,
    tree: Tree,
    classes: tuple[str, ...],
    rule: splits.SplitRule | None,
    infrared_scaling: InfraredScaling | None = None,
) -> DatasetIndex:
    """List the files of a tree.

    Args:
        name: Name of the data set.
        folder: Its folder.
        tree: Where its files lie.
        classes: Class names in the order of their ids; empty: those of the label files.
        rule: Split rule; None: the folders that ``{split}`` stands for, or blocks of ids.
        infrared_scaling: Rule that scales infrared images of more than 8 bits to 8 bits.

    Raises:
        UserError: If images or labels are missing or do not match, see the modules of this
            package.
    """
    all_pairs = _find_pairs(folder, tree)
    known_recordings = recordings.find_recordings(folder, all_pairs, tree.recordings)
    folders = {pair.key: pair.values.get("split", "") for pair in all_pairs}
    pairs = all_pairs
    boxes = label_maps = None
    if tree.boxes is not None:
        boxes = box_files.find_boxes(folder, all_pairs, tree.boxes, classes)
        classes = boxes.classes
        pairs = [pair for pair in pairs if pair.key in boxes.keys]
        folders = {key: text or boxes.splits.get(key, "") for key, text in folders.items()}
    if tree.label_maps is not None:
        label_maps = label_map_files.find_label_maps(folder, all_pairs, tree.label_maps, classes)
        pairs = [pair for pair in pairs if pair.key in label_maps.files]
    by_folders = divide_by_folders(
        {pair.key: folders[pair.key] for pair in pairs}, tree.split_folders
    )
    if rule is None:
        rule = splits.OfficialRule() if any(folders.values()) else splits.BlockRule()
    is_by_folders = isinstance(rule, splits.OfficialRule)
    return DatasetIndex(
        name,
        folder,
        classes,
        files=[(pair.key, pair.infrared, pair.visible) for pair in pairs],
        rule=rule,
        read_boxes=None if boxes is None else boxes.read,
        label_rule=(str(folder), classes, tree.model_dump_json()) if tree.boxes is not None else (),
        label_maps={} if label_maps is None else label_maps.files,
        label_conversion=None if label_maps is None else label_maps.conversion,
        official_split=by_folders.parts,
        official_split_hint=by_folders.hint,
        official_split_text=by_folders.text if is_by_folders else "",
        conditions_and_sequences=known_recordings,
        notes=(
            *_describe_labels(tree, len(all_pairs), len(pairs)),
            *(by_folders.notes if is_by_folders else ()),
            *_describe_sequences([pair.key for pair in pairs], known_recordings),
        ),
        infrared_scaling=infrared_scaling,
    )


def list_input_files(folder: Path, tree: Tree) -> list[Path]:
    """List what decides `index_tree` besides the files below the folder.

    Raises:
        UserError: If the list of pairs cannot be read.
    """
    files = [path for path in (tree.pair_list, tree.recordings.file) if path is not None]
    folders: dict[Path, None] = {}
    if tree.pair_list is not None:  # it may name images anywhere
        for pair in pair_list.read_pair_list(folder, tree.pair_list):
            folders |= {Path(pair.infrared).parent: None, Path(pair.visible).parent: None}
    return [*(folder / file for file in files), *folders]


def _find_pairs(folder: Path, tree: Tree) -> list[TreePair]:
    if tree.pair_list is not None:
        return pair_list.read_pair_list(folder, tree.pair_list)
    return pair_files.find_pairs(folder, tree)


def _describe_labels(tree: Tree, pair_count: int, labeled_count: int) -> Sequence[tuple[str, str]]:
    """Return the notes on the labels: the sensor that they were drawn for, and pairs left out."""
    notes = []
    for name, labels in (("boxes", tree.boxes), ("label maps", tree.label_maps)):
        text = labels.describe_sensor() if labels is not None else ""
        if text:
            notes.append((name, text))
    if labeled_count < pair_count:
        count = pair_count - labeled_count
        notes.append(("pairs without labels", f"{count} of {pair_count} left out"))
    return notes


def _describe_sequences(
    keys: Sequence[str], known: Mapping[str, ConditionAndSequence]
) -> Sequence[tuple[str, str]]:
    """Return a caution if the sequence of some pairs is known and that of others is not."""
    count = sum(key not in known or not known[key].sequence for key in keys)
    if count in (0, len(keys)):
        return []
    text = f"{count} of {len(keys)} pairs; runs of neighboring ids take their place"
    return [(f"{CAUTION_PREFIX}unknown sequences", text)]
