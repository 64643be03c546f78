"""COCO files of a tree: which pair each of their images is, and their classes."""

import unicodedata
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from fusebench.data.box_labels import coco_labels
from fusebench.data.box_labels.coco_labels import CocoFile, CocoImage
from fusebench.data.matching import name_hints
from fusebench.data.matching.keys import index_keys, remove_folders_and_extension, resolve_key
from fusebench.data.trees.label_matching import check_unmatched_labels
from fusebench.data.trees.label_options import BoxFiles
from fusebench.data.trees.pair_files import TreePair, get_identity
from fusebench.data.trees.path_template import FoundFile
from fusebench.errors import UserError

Match = tuple[str, int]  # key of a pair, number of folders by which it was recognized


@dataclass(frozen=True)
class CocoMatches:
    """What COCO files say about the pairs of a tree.

    Attributes:
        images: The file and its image, by key of the pair.
        splits: What ``{split}`` stands for in the path of the file, by key; empty if it has none.
    """

    images: Mapping[str, tuple[CocoFile, CocoImage]]
    splits: Mapping[str, str]


def read_coco_files(files: Sequence[FoundFile]) -> list[CocoFile]:
    """Read COCO files, in their order.

    Raises:
        UserError: If one cannot be read.
    """
    return [coco_labels.read_coco_file(Path(file.path)) for file in files]


def match_coco_images(
    files: Sequence[CocoFile],
    found_files: Sequence[FoundFile],
    pairs: Sequence[TreePair],
    options: BoxFiles,
) -> CocoMatches:
    """Find the pair of each image of COCO files.

    A file is about the pairs with its own placeholders' texts, e.g. of its split.

    Args:
        files: The files.
        found_files: Where each of them lies.
        pairs: The pairs of the data set.
        options: What to do about images without a pair.

    Raises:
        UserError: If an image has no pair, or two images are one pair.
    """
    names = [name for name in found_files[0].values if all(name in p.values for p in pairs)]
    groups: dict[tuple[str, ...], list[TreePair]] = defaultdict(list)
    for pair in pairs:
        groups[get_identity(pair.values, names)].append(pair)
    finders: dict[tuple[str, ...], Callable[[str], Match | None]] = {}
    matches: dict[str, tuple[int, CocoFile, CocoImage, FoundFile]] = {}
    unmatched: list[str] = []
    for file, found_file in zip(files, found_files, strict=True):
        identity = get_identity(found_file.values, names)
        if identity not in finders:
            finders[identity] = _index_images(groups[identity])
        for image in file.images:
            match = finders[identity](image.file_name)
            key, folder_count = match or ("", 0)
            other = matches.get(key)
            if other is not None and other[0] == folder_count:
                raise UserError(
                    f"{file.path}: {image.file_name} is listed twice, here or as "
                    f"{other[2].file_name} in {other[1].path}: both are {key}; delete one"
                )
            if match is None or (other is not None and other[0] > folder_count):
                unmatched.append(f"{image.file_name} in {file.path}")
                continue
            if other is not None:
                unmatched.append(f"{other[2].file_name} in {other[1].path}")
            matches[key] = folder_count, file, image, found_file
    check_unmatched_labels(unmatched, pairs, options, _suggest_name(unmatched, pairs))
    has_split = "split" in found_files[0].values
    return CocoMatches(
        {key: (file, image) for key, (_, file, image, _) in matches.items()},
        {key: entry[3].values["split"] for key, entry in matches.items()} if has_split else {},
    )


def order_coco_classes(
    files: Sequence[CocoFile], options: BoxFiles, classes: tuple[str, ...]
) -> tuple[tuple[str, ...], dict[str, int | None]]:
    """Return the classes, and the class id of each category name.

    Args:
        files: All COCO files of the data set.
        options: Its ``rename``.
        classes: Class names in the order of their ids; empty: the categories with annotations, in
            the order of their ids.

    Raises:
        UserError: If two files have different categories and ``classes`` is empty, or a category of
            an annotation is no class.
    """
    categories = {name for file in files for name in file.categories.values()}
    used = {
        file.categories[annotation["category_id"]]
        for file in files
        for image in file.images
        for annotation in image.annotations
    }
    if not classes:
        differing = next((f for f in files if f.categories != files[0].categories), None)
        if differing is not None:
            raise UserError(
                f"{differing.path}: its categories differ from those of {files[0].path}; name the "
                "classes of both with data.classes"
            )
        names = [name for name in files[0].categories.values() if name in used]
        renamed = [options.rename.get(name, name) for name in names]
        classes = tuple(dict.fromkeys(name for name in renamed if name is not None))
    class_ids = {
        name: None if target is None else classes.index(target)
        for name in sorted(categories)
        if (target := options.rename.get(name, name)) is None or target in classes
    }
    unknown = sorted(used - set(class_ids))
    if unknown:
        raise UserError(
            f"{files[0].path}: annotations have categories that are no classes: "
            f"{', '.join(unknown)}; add them to data.classes ({', '.join(classes)}), or leave them "
            f"out: boxes.rename: {{{', '.join(f'{name}: null' for name in unknown)}}}"
        )
    return classes, class_ids


def _index_images(pairs: Sequence[TreePair]) -> Callable[[str], Match | None]:
    """Return a function that finds the key of a pair by the file name in a COCO file.

    The name is that of one of the pair's images, or the pair's key. Where several pairs have
    images of that name, the folders in front of it decide: those that any of these images lies in
    have to be, in their order, in the path of exactly one pair.
    """
    by_name: dict[str, list[tuple[tuple[str, ...], str]]] = defaultdict(list)
    for pair in pairs:
        for path in dict.fromkeys((pair.infrared, pair.visible)):
            parts = PurePosixPath(unicodedata.normalize("NFC", path)).parts
            by_name[remove_folders_and_extension(path)].append((parts[:-1], pair.key))
    known_keys = index_keys([pair.key for pair in pairs])

    def find(file_name: str) -> Match | None:
        path = PurePosixPath(unicodedata.normalize("NFC", file_name))
        candidates = by_name.get(remove_folders_and_extension(path.name), [])
        candidates = candidates or by_name.get(path.stem, [])
        present = {folder for folders, _ in candidates for folder in folders}
        wanted = [folder for folder in path.parts[:-1] if folder in present]
        fitting = {key for folders, key in candidates if _contains_in_order(folders, wanted)}
        if len(fitting) == 1:
            return fitting.pop(), len(wanted)
        if fitting:
            return None
        if len({key for _, key in candidates}) == 1:
            return candidates[0][1], 0
        key = resolve_key(file_name, known_keys) or resolve_key("_".join(path.parts), known_keys)
        return None if key is None else (key, 0)

    return find


def _contains_in_order(folders: Sequence[str], wanted: Sequence[str]) -> bool:
    remaining = iter(folders)
    return all(folder in remaining for folder in wanted)


def _suggest_name(unmatched: Sequence[str], pairs: Sequence[TreePair]) -> str:
    """Suggest how to correct the first file name without a pair; empty if none is similar."""
    if not unmatched:
        return ""
    stem = remove_folders_and_extension(min(unmatched).rpartition(" in ")[0])
    names = {remove_folders_and_extension(path) for p in pairs for path in (p.infrared, p.visible)}
    return name_hints.describe_similar_name(stem, names)
