"""Label maps of a tree: which file belongs to which pair, and what its ids or colors mean."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fusebench.data.images import IMAGE_EXTENSIONS
from fusebench.data.label_images.conversion import LabelConversion
from fusebench.data.label_maps import IGNORE_INDEX
from fusebench.data.trees.label_matching import match_label_files, select_labeled_pairs
from fusebench.data.trees.label_options import LabelMapFiles
from fusebench.data.trees.pair_files import TreePair
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
    if len(classes) > IGNORE_INDEX:
        raise UserError(
            f"data.classes: {len(classes)} classes; label maps can have {IGNORE_INDEX}, because "
            f"{IGNORE_INDEX} marks unlabeled pixels"
        )
    conversion = _build_conversion(options, classes)
    template = parse_template(options.used_files, IMAGE_EXTENSIONS)
    files = match_label_files(folder, template, pairs, options)
    keys = select_labeled_pairs(pairs, files, options, template.text)
    return TreeLabelMaps({key: Path(files[key]) for key in files if key in keys}, conversion)


def _build_conversion(options: LabelMapFiles, classes: tuple[str, ...]) -> LabelConversion | None:
    section = "colors" if options.colors else "ids"
    named = [name for name in (*options.ids.values(), *options.colors) if name is not None]
    unknown = [name for name in named if name not in classes]
    if unknown:
        raise UserError(
            f"data.label_maps.{section}: {unknown[0]!r} is none of data.classes "
            f"({', '.join(classes)})"
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
        return LabelConversion(ids={IGNORE_INDEX: IGNORE_INDEX, **ids})
    return None
