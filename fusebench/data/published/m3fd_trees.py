"""Trees of M3FD in circulation that hold train and test in folders, with labels for detectors."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from fusebench.data import folder_discovery, m3fd_class_order, splits
from fusebench.data.box_labels.class_list import is_class_list, read_class_list
from fusebench.data.dataset_index import DatasetIndex
from fusebench.data.image_files.infrared_scaling import InfraredScaling
from fusebench.data.images import IMAGE_EXTENSIONS
from fusebench.data.m3fd_class_order import CANONICAL_ORDER, ClassOrder
from fusebench.data.splitting.leakage import has_neighbors_in_both_parts
from fusebench.data.trees.label_options import LABEL_EXTENSIONS, BoxFiles
from fusebench.data.trees.options import Tree
from fusebench.data.trees.path_template import FoundFile, parse_template
from fusebench.data.trees.tree_index import index_tree
from fusebench.errors import UserError

RELEASE_FOLDER_NAMES = ("m3fd_4200",)  # of the package of IVIF_ZOO, beside fused results
XML_FOLDER_NAMES = ("Annotation", "Annotations")
UnlabeledImages = Literal["refuse", "background"]


@dataclass(frozen=True)
class SplitTree:
    """Path templates of a tree.

    Attributes:
        infrared: Infrared images.
        visible: Visible images.
        labels: Text labels, the first that are there; they are the same for both sensors.
    """

    infrared: str
    visible: str
    labels: tuple[str, ...]


SPLIT_TREES = (
    SplitTree(  # DEYOLO
        "images/Ir_{split}",
        "images/vis_{split}",
        ("labels/vis_{split}", "labels/Ir_{split}", "labels/{split}", "labels"),
    ),
    SplitTree(  # YOLOv11-RGBT
        "images/infrared/{split}",
        "images/visible/{split}",
        ("labels/visible/{split}", "labels/infrared/{split}", "labels/{split}"),
    ),
    SplitTree(  # YOLOv11-RGBT, its other form
        "{split}/infrared/images",
        "{split}/visible/images",
        ("{split}/visible/labels", "{split}/infrared/labels", "{split}/labels"),
    ),
)


def find_release_folder(folder: Path) -> Path:
    """Return the folder of the 4200 pairs if others, e.g. of fused results, are beside it."""
    if folder_discovery.find_subfolder(folder, folder_discovery.INFRARED_FOLDER_NAMES):
        return folder
    return folder_discovery.find_subfolder(folder, RELEASE_FOLDER_NAMES) or folder


def find_split_tree(folder: Path) -> SplitTree | None:
    """Return the tree with folders of train and test that the data set has.

    Returns:
        None if it has none of them, or images directly in its folder of infrared images.
    """
    infrared = folder_discovery.find_subfolder(folder, folder_discovery.INFRARED_FOLDER_NAMES)
    visible = folder_discovery.find_subfolder(folder, folder_discovery.VISIBLE_FOLDER_NAMES)
    if infrared is not None and _has_images(infrared):
        return None
    trees = list(SPLIT_TREES)
    if infrared is not None and visible is not None:
        trees.append(_build_sensor_tree(infrared.name, visible.name))
    for tree in trees:
        templates = (parse_template(t, IMAGE_EXTENSIONS) for t in (tree.infrared, tree.visible))
        if all(template.fits(folder) for template in templates):
            return tree
    return None


def index_split_tree(
    folder: Path,
    tree: SplitTree,
    rule: splits.SplitRule | None,
    *,
    class_order: str | Sequence[str] | None,
    unlabeled_images: UnlabeledImages,
    infrared_scaling: InfraredScaling | None,
) -> DatasetIndex:
    """List the pairs of a tree and their labels.

    Args:
        folder: The data set.
        tree: Its tree.
        rule: Split rule; None: the folders.
        class_order: See `fusebench.data.m3fd_class_order.resolve_class_order`.
        unlabeled_images: What an image without a label file means.
        infrared_scaling: Rule that scales infrared images of more than 8 bits to 8 bits.

    Raises:
        UserError: If a file is missing or does not match its partner, a pair is in train and in
            test, or the class order of text labels is not certain.
    """
    boxes, order = _find_labels(folder, tree, class_order, unlabeled_images)
    index = index_tree(
        "m3fd",
        folder,
        Tree(infrared=tree.infrared, visible=tree.visible, boxes=boxes),
        CANONICAL_ORDER,
        rule,
        infrared_scaling,
    )
    leaks = has_neighbors_in_both_parts(index.official_split)
    return replace(index, notes=(*index.notes, *order.notes), official_split_leaks=leaks)


def _find_labels(
    folder: Path,
    tree: SplitTree,
    class_order: str | Sequence[str] | None,
    unlabeled_images: UnlabeledImages,
) -> tuple[BoxFiles | None, ClassOrder]:
    """Find the labels: XML files if there are any, else text."""
    for name in XML_FOLDER_NAMES:
        if _find_files(folder, name, "voc"):
            boxes = BoxFiles(format="voc", files=name, unlabeled_images=unlabeled_images)
            return boxes, ClassOrder(())
    for template in tree.labels:
        files = _find_files(folder, template, "yolo")
        files = [file for file in files if not is_class_list(Path(file.path).name)]
        if files:
            labels = {file.path: file.path for file in files}
            class_order = class_order or _read_class_lists(labels)
            order = m3fd_class_order.resolve_class_order(labels, class_order)
            names = tuple(CANONICAL_ORDER[i] for i in order.indices)
            boxes = BoxFiles(
                format="yolo", files=template, names=names, unlabeled_images=unlabeled_images
            )
            return boxes, order
    return None, ClassOrder(())


def _read_class_lists(labels: Collection[str]) -> tuple[str, ...] | None:
    """Return the class order of the lists beside the labels; None if there is no list.

    Raises:
        UserError: If two folders of labels have lists in another order.
    """
    lists: dict[tuple[str, ...], Path] = {}
    for folder in sorted({Path(label).parent for label in labels}):
        listed = read_class_list(folder, CANONICAL_ORDER)
        if listed is not None:
            lists.setdefault(tuple(CANONICAL_ORDER[i] for i in listed), folder)
    if len(lists) > 1:
        first, second = list(lists.values())[:2]
        raise UserError(
            f"{first} and {second}: the lists of class names have different orders; correct one, "
            "or set data.class_order in the task"
        )
    return next(iter(lists), None)


def _find_files(folder: Path, template: str, label_format: str) -> list[FoundFile]:
    return parse_template(template, LABEL_EXTENSIONS[label_format]).find(folder)


def _build_sensor_tree(infrared: str, visible: str) -> SplitTree:
    """Build the tree with folders of train and test below those of the sensors."""
    beside_images = (f"{visible}/{{split}}", f"{infrared}/{{split}}")
    apart = (f"labels/{visible}/{{split}}", "labels/{split}", "labels")
    return SplitTree(f"{infrared}/{{split}}", f"{visible}/{{split}}", (*beside_images, *apart))


def _has_images(folder: Path) -> bool:
    return any(path.suffix.lower() in IMAGE_EXTENSIONS for path in folder.iterdir())
