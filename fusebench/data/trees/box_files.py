"""Label files with boxes of a tree: which file belongs to which pair, and how it is read."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fusebench.data import box_annotations
from fusebench.data.box_labels import class_list, coco_labels, label_notes
from fusebench.data.box_labels.label_notes import BoxLabels
from fusebench.data.trees import coco_matching
from fusebench.data.trees.label_matching import (
    find_label_files,
    match_label_files,
    select_labeled_pairs,
)
from fusebench.data.trees.label_options import LABEL_EXTENSIONS, BoxFiles
from fusebench.data.trees.pair_files import TreePair
from fusebench.data.trees.path_template import PathTemplate, parse_template
from fusebench.errors import UserError

BoxReader = Callable[[str, tuple[int, int]], BoxLabels]  # (key, image size) -> boxes


@dataclass(frozen=True)
class TreeBoxes:
    """The boxes of a tree.

    Attributes:
        classes: Class names in the order of their ids.
        read: Reads the boxes of a pair.
        keys: Keys of the pairs that remain.
        splits: What ``{split}`` stands for in the path of the COCO file of each pair, by key.
    """

    classes: tuple[str, ...]
    read: BoxReader
    keys: frozenset[str]
    splits: Mapping[str, str] = field(default_factory=dict)


def find_boxes(
    folder: Path, pairs: Sequence[TreePair], options: BoxFiles, classes: tuple[str, ...]
) -> TreeBoxes:
    """Find the label file of each pair.

    Args:
        folder: The data set.
        pairs: Its pairs.
        options: How its labels are written.
        classes: Class names; empty: those of the files, where these have a list.

    Raises:
        UserError: If there is no label file, a pair has none, one has no pair, or the class names
            are not known.
    """
    template = _parse(options)
    if classes:
        _check_rename(options, classes)
    if options.format == "coco":
        return _find_coco_boxes(folder, template, pairs, options, classes)
    if options.format == "voc" and not classes:
        raise UserError("data.classes: name the classes of the VOC files, in any order")
    files = match_label_files(folder, template, pairs, options)
    keys = select_labeled_pairs(pairs, files, options, template.text)
    if options.format == "voc":

        def read(key: str, size: tuple[int, int]) -> BoxLabels:
            if key not in files:
                return label_notes.UNLABELED_IMAGE
            return box_annotations.read_voc_labels(
                files[key],
                classes,
                size,
                options.rename,
                use_hulls=options.oriented_boxes == "upright_hulls",
            )

        return TreeBoxes(classes, read, keys)
    classes, class_order = _order_yolo_classes(folder, list(files.values()), options, classes)

    def read_yolo(key: str, size: tuple[int, int]) -> BoxLabels:
        if key not in files:
            return label_notes.UNLABELED_IMAGE
        return box_annotations.read_yolo_labels(files[key], class_order, size)

    return TreeBoxes(classes, read_yolo, keys)


def list_classes(folder: Path, options: BoxFiles) -> tuple[str, ...]:
    """List the class names that the label files have, in the order of their ids; empty if none.

    Raises:
        UserError: If there are no label files, one cannot be read, or they disagree.
    """
    if options.format == "voc":
        return ()
    label_files = find_label_files(folder, _parse(options), options)
    if options.format == "coco":
        files = coco_matching.read_coco_files(label_files)
        return coco_matching.order_coco_classes(files, options, ())[0]
    return _order_yolo_classes(folder, [file.path for file in label_files], options, ())[0]


def _parse(options: BoxFiles) -> PathTemplate:
    return parse_template(options.used_files, LABEL_EXTENSIONS[options.format])


def _check_rename(options: BoxFiles, classes: tuple[str, ...]) -> None:
    for name, target in options.rename.items():
        if target is not None and target not in classes:
            raise UserError(
                f"data.boxes.rename: {name}: {target!r} is none of data.classes "
                f"({', '.join(classes)})"
            )


def _order_yolo_classes(
    folder: Path, label_files: Sequence[str], options: BoxFiles, classes: tuple[str, ...]
) -> tuple[tuple[str, ...], tuple[int | None, ...]]:
    """Return the classes and the class id of each id in the files."""
    label_folders = sorted({Path(file).parent for file in label_files})
    names = options.names or class_list.find_class_list(label_folders, folder) or classes
    if not names:
        raise UserError(
            "data.classes: name the classes in the order of the ids in the label files; there is "
            f"no {' or '.join(class_list.LIST_NAMES)} in {label_folders[0]} or above it"
        )
    renamed = [options.rename.get(name, name) for name in names]
    classes = classes or tuple(dict.fromkeys(name for name in renamed if name is not None))
    unknown = [name for name in renamed if name is not None and name not in classes]
    if unknown:
        raise UserError(
            f"data.classes: {', '.join(classes)}; but the label files in {label_folders[0]} also "
            f"have {', '.join(unknown)}; add these, or leave them out: boxes.rename: "
            f"{{{', '.join(f'{name}: null' for name in unknown)}}}"
        )
    return classes, tuple(None if name is None else classes.index(name) for name in renamed)


def _find_coco_boxes(
    folder: Path,
    template: PathTemplate,
    pairs: Sequence[TreePair],
    options: BoxFiles,
    classes: tuple[str, ...],
) -> TreeBoxes:
    label_files = find_label_files(folder, template, options)
    files = coco_matching.read_coco_files(label_files)
    classes, class_ids = coco_matching.order_coco_classes(files, options, classes)
    matches = coco_matching.match_coco_images(files, label_files, pairs, options)
    keys = select_labeled_pairs(pairs, matches.images, options, f"in {label_files[0].path}")

    def read(key: str, size: tuple[int, int]) -> BoxLabels:
        if key not in matches.images:
            return label_notes.UNLABELED_IMAGE
        return coco_labels.read_coco_boxes(*matches.images[key], class_ids, size)

    return TreeBoxes(classes, read, keys, matches.splits)
