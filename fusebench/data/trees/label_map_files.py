"""Label maps of a tree: which file belongs to which pair, and what its ids or colors mean."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fusebench.data.images import IMAGE_EXTENSIONS
from fusebench.data.label_images.conversion import LabelConversion
from fusebench.data.label_maps import IGNORE_INDEX
from fusebench.data.matching import name_hints
from fusebench.data.trees.options import LabelMapFiles
from fusebench.data.trees.pair_files import TreePair, describe_found, get_identity
from fusebench.data.trees.path_template import parse_template
from fusebench.errors import UserError


@dataclass(frozen=True)
class TreeLabelMaps:
    """The label maps of a tree.

    Attributes:
        files: File of each pair that remains, by key.
        conversion: How their ids or colors become class ids; None: they are class ids.
    """

    files: dict[str, Path]
    conversion: LabelConversion | None


def find_label_maps(
    folder: Path, pairs: Sequence[TreePair], options: LabelMapFiles, classes: tuple[str, ...]
) -> TreeLabelMaps:
    """Find the label map of each pair.

    Raises:
        UserError: If there is none, a pair has none, one has no pair, or a class is unknown.
    """
    if not classes:
        raise UserError("data.classes: name the classes of the label maps in the order of ids")
    conversion = _build_conversion(options, classes)
    template = parse_template(options.used_files, IMAGE_EXTENSIONS)
    map_files = template.find(folder)
    if not map_files:
        raise UserError(
            f"{folder}: no label map is called {template.text}; "
            f"{describe_found(map_files, template, folder)}"
        )
    names = template.names
    missing = [name for name in names if any(name not in pair.values for pair in pairs)]
    if missing:
        raise UserError(
            f"data.label_maps.files {template.text!r}: has {{{missing[0]}}}, which the images' "
            "paths do not have; write * there, or the same placeholder in infrared or visible"
        )
    by_identity = {get_identity(file.values, names): file.path for file in map_files}
    files = {}
    for pair in pairs:
        path = by_identity.get(get_identity(pair.values, names))
        if path is not None:
            files[pair.key] = Path(path)
    unlabeled = [pair.key for pair in pairs if pair.key not in files]
    if not files or (unlabeled and options.unlabeled_images == "refuse"):
        raise UserError(
            f"{len(unlabeled)} pair(s) have no label map {template.text}: "
            f"{name_hints.list_first(unlabeled)}; files are e.g. {map_files[0].path}. Add the "
            "missing files, or set label_maps.unlabeled_images: leave_out"
        )
    unmatched = sorted(set(by_identity.values()) - set(map(str, files.values())))
    if unmatched and options.unmatched_labels == "refuse":
        raise UserError(
            f"{len(unmatched)} label map(s) have no images: {name_hints.list_first(unmatched)}; if "
            "this is part of a data set, set label_maps.unmatched_labels: leave_out"
        )
    return TreeLabelMaps(files, conversion)


def _build_conversion(options: LabelMapFiles, classes: tuple[str, ...]) -> LabelConversion | None:
    named = [name for name in (*options.ids.values(), *options.colors) if name is not None]
    unknown = [name for name in named if name not in classes]
    if unknown:
        raise UserError(
            f"data.label_maps: {unknown[0]!r} is none of data.classes ({', '.join(classes)})"
        )
    if options.colors:
        colors = {color: classes.index(name) for name, color in options.colors.items()}
        if options.unlabeled_color is not None:
            colors[options.unlabeled_color] = IGNORE_INDEX
        return LabelConversion(colors=colors)
    if options.ids:
        ids = {
            value: IGNORE_INDEX if name is None else classes.index(name)
            for value, name in options.ids.items()
        }
        return LabelConversion(ids=ids)
    return None
