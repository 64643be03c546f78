"""Label files with boxes of a tree: which file belongs to which pair, and how it is read."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from fusebench.data import box_annotations
from fusebench.data.box_labels import class_list, coco_labels, label_notes
from fusebench.data.box_labels.coco_labels import CocoFile, CocoImage
from fusebench.data.box_labels.label_notes import BoxLabels
from fusebench.data.matching import name_hints
from fusebench.data.matching.keys import index_keys, resolve_key
from fusebench.data.trees.options import LABEL_EXTENSIONS, BoxFiles
from fusebench.data.trees.pair_files import TreePair, describe_found, get_identity
from fusebench.data.trees.path_template import FoundFile, PathTemplate, parse_template
from fusebench.errors import UserError

BoxReader = Callable[[str, tuple[int, int]], BoxLabels]  # (key, image size) -> boxes


@dataclass(frozen=True)
class TreeBoxes:
    """The boxes of a tree.

    Attributes:
        classes: Class names in the order of their ids.
        read: Reads the boxes of a pair.
        keys: Keys of the pairs that remain.
    """

    classes: tuple[str, ...]
    read: BoxReader
    keys: frozenset[str]


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
    template = parse_template(options.used_files, LABEL_EXTENSIONS[options.format])
    label_files = template.find(folder)
    if not label_files:
        raise UserError(
            f"{folder}: no label file is called {template.text}; "
            f"{describe_found(label_files, template, folder)}"
        )
    if options.format == "coco":
        return _find_coco_boxes(label_files, pairs, options, classes)
    files = _match_files(label_files, template, pairs, options)
    keys = _check_complete(files, pairs, options, template.text)

    if options.format == "voc":
        if not classes:
            raise UserError("data.classes: name the classes of the VOC files, in any order")

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
    classes, class_order = _order_yolo_classes(Path(label_files[0].path).parent, options, classes)

    def read_yolo(key: str, size: tuple[int, int]) -> BoxLabels:
        if key not in files:
            return label_notes.UNLABELED_IMAGE
        return box_annotations.read_yolo_labels(files[key], class_order, size)

    return TreeBoxes(classes, read_yolo, keys)


def list_coco_classes(folder: Path, options: BoxFiles) -> tuple[str, ...]:
    """List the class names that the COCO files of a data set name, in the order of their ids.

    Raises:
        UserError: If a file cannot be read, or two files have different categories.
    """
    template = parse_template(options.used_files, LABEL_EXTENSIONS["coco"])
    files = [coco_labels.read_coco_file(Path(file.path)) for file in template.find(folder)]
    return _join_categories(files, options)


def _match_files(
    label_files: Sequence[FoundFile],
    template: PathTemplate,
    pairs: Sequence[TreePair],
    options: BoxFiles,
) -> dict[str, str]:
    """Return the label file of each pair that has one."""
    names = template.names
    missing = [name for name in names if any(name not in pair.values for pair in pairs)]
    if missing:
        raise UserError(
            f"data.boxes.files {template.text!r}: has {{{missing[0]}}}, which the images' paths do "
            "not have; write * there, or the same placeholder in infrared or visible"
        )
    files = {get_identity(file.values, names): file.path for file in label_files}
    by_key = {pair.key: files.get(get_identity(pair.values, names)) for pair in pairs}
    matched = {key: path for key, path in by_key.items() if path is not None}
    unmatched = sorted(set(files.values()) - set(matched.values()))
    unmatched = [path for path in unmatched if Path(path).name.lower() != "classes.txt"]
    if unmatched and options.unmatched_labels == "refuse":
        raise UserError(_describe_unmatched(unmatched, pairs))
    return matched


def _describe_unmatched(unmatched: Sequence[str], pairs: Sequence[TreePair]) -> str:
    return (
        f"{len(unmatched)} label(s) have no images: {name_hints.list_first(unmatched)}; images are "
        f"e.g. {pairs[0].infrared} and {pairs[0].visible}. If this is part of a data set, set "
        "unmatched_labels: leave_out"
    )


def _check_complete(
    labeled: Mapping[str, object], pairs: Sequence[TreePair], options: BoxFiles, where: str
) -> frozenset[str]:
    """Return the keys of the pairs that remain; refuse missing labels unless they are allowed."""
    missing = [pair.key for pair in pairs if pair.key not in labeled]
    if missing and options.unlabeled_images == "refuse":
        raise UserError(
            f"{len(missing)} pair(s) have no label {where}: {name_hints.list_first(missing)}; add "
            "the missing files, or set boxes.unlabeled_images: background if these are images "
            "without objects, or leave_out"
        )
    left_out = set(missing) if options.unlabeled_images == "leave_out" else set()
    keys = frozenset(pair.key for pair in pairs) - left_out
    if not keys:
        raise UserError(f"no pair has a label {where}; images are e.g. {pairs[0].visible}")
    return keys


def _order_yolo_classes(
    label_folder: Path, options: BoxFiles, classes: tuple[str, ...]
) -> tuple[tuple[str, ...], tuple[int | None, ...]]:
    """Return the classes and the class id of each id in the files."""
    names = options.names or class_list.find_class_list(label_folder) or classes
    if not names:
        raise UserError(
            "data.classes: name the classes in the order of the ids in the label files; there is "
            f"no classes.txt and no data.yaml in {label_folder} or above it"
        )
    renamed = [options.rename.get(name, name) for name in names]
    classes = classes or tuple(dict.fromkeys(name for name in renamed if name is not None))
    unknown = [name for name in renamed if name is not None and name not in classes]
    if unknown:
        raise UserError(
            f"data.classes: {', '.join(classes)}; but the label files in {label_folder} also have "
            f"{', '.join(unknown)}; add these, or leave them out: boxes.rename: "
            f"{{{unknown[0]}: null}}"
        )
    return classes, tuple(None if name is None else classes.index(name) for name in renamed)


def _find_coco_boxes(
    label_files: Sequence[FoundFile],
    pairs: Sequence[TreePair],
    options: BoxFiles,
    classes: tuple[str, ...],
) -> TreeBoxes:
    files = [coco_labels.read_coco_file(Path(file.path)) for file in label_files]
    classes = classes or _join_categories(files, options)
    class_ids: dict[str, int | None] = {name: i for i, name in enumerate(classes)}
    for name, target in options.rename.items():
        if target is not None and target not in classes:
            raise UserError(f"data.boxes.rename: {name}: {target!r} is none of data.classes")
        class_ids[name] = None if target is None else class_ids[target]
    images: dict[str, tuple[CocoFile, CocoImage]] = {}
    unmatched = []
    for file, found_file in zip(files, label_files, strict=True):
        split = found_file.values.get("split")
        candidates = [pair for pair in pairs if split is None or pair.values.get("split") == split]
        find_key = _index_images(candidates)
        for image in file.images:
            key = find_key(image.file_name)
            if key is None:
                unmatched.append(f"{image.file_name} in {file.path}")
            elif key in images:
                raise UserError(
                    f"{file.path}: {image.file_name} is listed twice, here or in "
                    f"{images[key][0].path}; delete one"
                )
            else:
                images[key] = file, image
    if unmatched and options.unmatched_labels == "refuse":
        raise UserError(_describe_unmatched(unmatched, pairs))
    keys = _check_complete(images, pairs, options, f"in {label_files[0].path}")

    def read(key: str, size: tuple[int, int]) -> BoxLabels:
        if key not in images:
            return label_notes.UNLABELED_IMAGE
        return coco_labels.read_coco_boxes(*images[key], class_ids, size)

    return TreeBoxes(classes, read, keys)


def _index_images(pairs: Sequence[TreePair]) -> Callable[[str], str | None]:
    """Return a function that finds the key of a pair by the file name in a COCO file.

    The file name is that of one of the pair's images, with as many folders as make it unique, or
    the pair's key.
    """
    by_name: dict[str, list[tuple[str, str]]] = defaultdict(list)  # stem to (path, key)
    for pair in pairs:
        for path in dict.fromkeys((pair.infrared, pair.visible)):
            by_name[PurePosixPath(path).stem].append((path, pair.key))
    known_keys = index_keys([pair.key for pair in pairs])

    def find(file_name: str) -> str | None:
        name = PurePosixPath(file_name)
        candidates = by_name.get(name.stem, []) or by_name.get(name.name, [])
        folders = name.parts[:-1]
        for count in range(len(folders) + 1):
            parts = folders[len(folders) - count :]
            fitting = {
                key
                for path, key in candidates
                if PurePosixPath(path).parts[-1 - count : -1] == parts
            }
            if len(fitting) == 1:
                return fitting.pop()
            if not fitting:
                break
        return resolve_key(file_name, known_keys)

    return find


def _join_categories(files: Sequence[CocoFile], options: BoxFiles) -> tuple[str, ...]:
    """Return the class names of the files' categories, in the order of their ids."""
    names: list[str | None] = []
    for file in files:
        own = [options.rename.get(name, name) for name in file.categories.values()]
        if names and own != names:
            raise UserError(
                f"{file.path}: its categories differ from those of {files[0].path}; name the "
                "classes of both with data.classes"
            )
        names = own
    return tuple(dict.fromkeys(name for name in names if name is not None))
