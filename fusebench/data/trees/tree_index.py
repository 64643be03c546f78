"""Index of a folder tree: pairs, labels, split folders and recordings together."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from fusebench.data import splits
from fusebench.data.dataset_index import DatasetIndex
from fusebench.data.image_files.infrared_scaling import InfraredScaling
from fusebench.data.images import IMAGE_EXTENSIONS
from fusebench.data.pairs import CAUTION_PREFIX
from fusebench.data.trees import box_files, label_map_files, pair_files, pair_list, recordings
from fusebench.data.trees.options import LABEL_EXTENSIONS, SplitFolders, Tree
from fusebench.data.trees.pair_files import TreePair
from fusebench.data.trees.path_template import parse_template
from fusebench.errors import UserError

VALIDATION_NAMES = ("test", "val", "valid", "validation")  # the first that exists is the test part


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
    if tree.pair_list is not None:
        pairs = pair_list.read_pair_list(folder, tree.pair_list)
    else:
        pairs = pair_files.find_pairs(folder, tree)
    boxes = label_maps = None
    if tree.boxes is not None:
        boxes = box_files.find_boxes(folder, pairs, tree.boxes, classes)
        classes = boxes.classes
        pairs = [pair for pair in pairs if pair.key in boxes.keys]
    if tree.label_maps is not None:
        label_maps = label_map_files.find_label_maps(folder, pairs, tree.label_maps, classes)
        pairs = [pair for pair in pairs if pair.key in label_maps.files]
    official_split, unused = _divide_by_folders(pairs, tree.split_folders)
    if rule is None:
        rule = splits.BlockRule() if official_split is None else splits.OfficialRule()
    is_by_folder = isinstance(rule, splits.OfficialRule) and official_split is not None
    return DatasetIndex(
        name,
        folder,
        classes,
        [(pair.key, pair.infrared, pair.visible) for pair in pairs],
        rule,
        None if boxes is None else boxes.read,
        tree.boxes.model_dump_json() if tree.boxes is not None else (),
        {} if label_maps is None else label_maps.files,
        None if label_maps is None else label_maps.conversion,
        official_split,
        "; the paths of the images have no {split}",
        _describe_folders(pairs, tree.split_folders) if is_by_folder else "",
        recordings.find_recordings(folder, pairs, tree.recordings),
        (*_describe_labels(tree), *unused),
        infrared_scaling,
    )


def list_tree_paths(folder: Path, tree: Tree) -> list[Path]:
    """List the folders and files that decide what `index_tree` returns."""
    templates = [
        parse_template(text, IMAGE_EXTENSIONS)
        for text in ([tree.infrared, tree.visible] if tree.pair_list is None else [])
    ]
    if tree.boxes is not None:
        extensions = LABEL_EXTENSIONS[tree.boxes.format]
        templates.append(parse_template(tree.boxes.used_files, extensions))
    if tree.label_maps is not None:
        templates.append(parse_template(tree.label_maps.used_files, IMAGE_EXTENSIONS))
    if tree.pair_list is not None or any(not template.literal_folder for template in templates):
        return [folder]
    paths = [folder / template.literal_folder for template in templates]
    if tree.boxes is not None and tree.boxes.format == "yolo":
        return [folder]  # lists of class names lie above the labels
    files = [tree.recordings.file] if tree.recordings.file is not None else []
    return list(dict.fromkeys([*paths, *(folder / file for file in files)]))


def _divide_by_folders(
    pairs: Sequence[TreePair], names: SplitFolders
) -> tuple[splits.SplitKeys | None, tuple[tuple[str, str], ...]]:
    """Return the keys of train and test by ``{split}``, and a note on the folders not used."""
    if not all("split" in pair.values for pair in pairs):
        return None, ()
    test_names = _get_test_names(pairs, names)
    parts: splits.SplitKeys = {"train": [], "test": []}
    unused: Counter[str] = Counter()
    for pair in pairs:
        part = pair.values["split"].lower()
        if part in names.train:
            parts["train"].append(pair.key)
        elif part in test_names:
            parts["test"].append(pair.key)
        else:
            unused[pair.values["split"]] += 1
    if not any(parts.values()):
        raise UserError(
            f"{{split}} stands for {', '.join(sorted(unused))}; name them, e.g. "
            f"split_folders: {{train: {min(unused)}, test: {max(unused)}}}"
        )
    if not unused:
        return parts, ()
    text = ", ".join(f"{name} ({count} pairs)" for name, count in sorted(unused.items()))
    return parts, ((f"{CAUTION_PREFIX}folders left out", f"{text} are in no part"),)


def _get_test_names(pairs: Sequence[TreePair], names: SplitFolders) -> tuple[str, ...]:
    if names.test:
        return names.test
    folder_names = {pair.values["split"].lower() for pair in pairs if "split" in pair.values}
    return tuple(name for name in VALIDATION_NAMES if name in folder_names)[:1]


def _describe_folders(pairs: Sequence[TreePair], names: SplitFolders) -> str:
    train, test = (" and ".join(part) for part in (names.train, _get_test_names(pairs, names)))
    return f"folders {train} / {test}"


def _describe_labels(tree: Tree) -> tuple[tuple[str, str], ...]:
    labels = tree.boxes or tree.label_maps
    text = labels.describe_sensor() if labels is not None else ""
    return (("labels", text),) if text else ()
