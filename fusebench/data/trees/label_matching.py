"""Label files of a tree: which file belongs to which pair, for boxes and for label maps."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from fusebench.data.box_labels import class_list
from fusebench.data.matching import name_hints
from fusebench.data.trees.label_options import LabelFiles
from fusebench.data.trees.pair_files import TreePair, describe_missing_files, get_identity
from fusebench.data.trees.path_template import FoundFile, PathTemplate
from fusebench.errors import UserError


def find_label_files(folder: Path, template: PathTemplate, options: LabelFiles) -> list[FoundFile]:
    """Find all label files of a data set, sorted by path.

    Raises:
        UserError: If there is none.
    """
    label_files = template.find(folder)
    if not label_files:
        raise UserError(
            f"{folder}: data.{options.SECTION}.files: no file is called {template.text}; "
            f"{describe_missing_files(template, folder)}"
        )
    return label_files


def match_label_files(
    folder: Path, template: PathTemplate, pairs: Sequence[TreePair], options: LabelFiles
) -> dict[str, str]:
    """Find the label file of each pair, where there is one label file per pair.

    Args:
        folder: The data set.
        template: Of the label files.
        pairs: The pairs of the data set.
        options: What to do about labels without images.

    Returns:
        Label file by key; a pair without a label is not in it, see `select_labeled_pairs`.

    Raises:
        UserError: If there is no label file, two are of one pair, or one is of no pair or of two.
    """
    names = template.names
    missing = [name for name in names if any(name not in pair.values for pair in pairs)]
    if missing:
        raise UserError(
            f"data.{options.SECTION}.files {template.text!r}: has {{{missing[0]}}}, which the "
            "images' paths do not have; write * there, or the same placeholder in infrared or "
            "visible"
        )
    files: dict[tuple[str, ...], str] = {}
    for file in find_label_files(folder, template, options):
        identity = get_identity(file.values, names)
        if identity in files:
            raise UserError(
                f"{files[identity]} and {file.path} are both {template.text} of "
                f"{'/'.join(identity)}; keep one of them, or name the folders in "
                f"data.{options.SECTION}.files"
            )
        files[identity] = file.path
    by_key = {pair.key: files.get(get_identity(pair.values, names)) for pair in pairs}
    matched = {key: path for key, path in by_key.items() if path is not None}
    _check_not_shared(matched, template)
    unmatched = set(files.values()) - set(matched.values())
    check_unmatched_labels(
        [path for path in unmatched if not class_list.is_class_list(Path(path).name)],
        pairs,
        options,
    )
    return matched


def _check_not_shared(matched: Mapping[str, str], template: PathTemplate) -> None:
    """Refuse a label file of two pairs: images in two folders that are called alike."""
    first_keys: dict[str, str] = {}
    for key, path in matched.items():
        other = first_keys.setdefault(path, key)
        if other != key:
            raise UserError(
                f"{path}: would be the label of two pairs, {other} and {key}, whose images are "
                "called alike; give each pair a label of its own and write the placeholder that "
                f"tells them apart into {template.text!r}, e.g. {{split}}/{{key}}"
            )


def check_unmatched_labels(
    unmatched: Collection[str], pairs: Sequence[TreePair], options: LabelFiles, hint: str = ""
) -> None:
    """Refuse labels without images unless the task file allows them.

    Args:
        unmatched: Names of these labels.
        pairs: The pairs of the data set.
        options: Says whether they are allowed.
        hint: What to do, if it is known.

    Raises:
        UserError: With the first three.
    """
    if not unmatched or options.unmatched_labels == "leave_out":
        return
    raise UserError(
        f"{len(unmatched)} label(s) have no images: {name_hints.list_first(unmatched)}; images are "
        f"e.g. {pairs[0].infrared} and {pairs[0].visible}{hint and f' ({hint})'}. If images are "
        f"left out on purpose, set {options.SECTION}.unmatched_labels: leave_out"
    )


def select_labeled_pairs(
    pairs: Sequence[TreePair], labels: Mapping[str, object], options: LabelFiles, place: str
) -> frozenset[str]:
    """Return the keys of the pairs that remain; refuse missing labels unless they are allowed.

    Args:
        pairs: The pairs of the data set.
        labels: Label by key, for the pairs that have one.
        options: Says what an image without a label means.
        place: Where the labels were expected, for messages.

    Raises:
        UserError: If labels are missing, or no pair has one.
    """
    missing = [pair.key for pair in pairs if pair.key not in labels]
    keys = frozenset(pair.key for pair in pairs)
    if not missing:
        return keys
    if options.unlabeled_images == "refuse":
        allowed = (
            "background if these are images without objects, or leave_out"
            if options.SECTION == "boxes"
            else "leave_out"
        )
        raise UserError(
            f"{len(missing)} of {len(pairs)} pair(s) have no label {place}: "
            f"{name_hints.list_first(missing)}; add the missing labels, or set "
            f"{options.SECTION}.unlabeled_images: {allowed}"
        )
    if not labels:
        raise UserError(
            f"no pair has a label {place}; the pairs are e.g. {pairs[0].key}, with the images "
            f"{pairs[0].infrared} and {pairs[0].visible}"
        )
    return keys - set(missing) if options.unlabeled_images == "leave_out" else keys
