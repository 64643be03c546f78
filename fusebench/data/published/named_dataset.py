"""What named data sets on folder trees share: options, and the choice among their trees.

A file in ``fusebench/datasets`` lists the trees in which its data set is in circulation, the
official one first; the first whose images and labels are there is read.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from fusebench.data import folder_discovery, splits
from fusebench.data.dataset_index import DatasetIndex
from fusebench.data.image_files.infrared_scaling import InfraredScaling
from fusebench.data.images import IMAGE_EXTENSIONS
from fusebench.data.sequences import ConditionAndSequence
from fusebench.data.splitting import split_lists
from fusebench.data.splitting.input_paths import list_input_paths
from fusebench.data.trees.label_options import LABEL_EXTENSIONS, Sensor, SensorFiles
from fusebench.data.trees.options import Tree
from fusebench.data.trees.path_template import PathTemplate, parse_template
from fusebench.data.trees.tree_index import index_tree
from fusebench.errors import UserError


class NamedOptions(BaseModel):
    """Options that every named data set has.

    Attributes:
        folder: Below the data folder, or absolute.
        split: Split rule.
        unlabeled_images: What an image without a label means, see `trees.label_options.BoxFiles`.
            None: what is usual for the tree.
        unmatched_labels: What a label without an image means, likewise.
        infrared_scaling: Rule that scales infrared images of more than 8 bits to 8 bits.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    folder: Path
    split: splits.SplitRule = splits.OfficialRule()
    unlabeled_images: Literal["refuse", "background", "leave_out"] | None = None
    unmatched_labels: Literal["refuse", "leave_out"] | None = None
    infrared_scaling: InfraredScaling | None = None


@dataclass(frozen=True)
class NamedDataset:
    """A data set in one of several trees.

    Attributes:
        name: Name in the task file.
        title: Name in messages.
        classes: Class names in the order of their ids.
        trees: Short description of each tree, for messages, to the tree.
        alternative: Command that works without this data set, for messages.
        official_lists: List files of the official split; the first two that exist are used. Rows
            are keys or names of images.
        describe_key: Returns the condition and the sequence that a key tells, or None.
    """

    name: str
    title: str
    classes: tuple[str, ...]
    trees: Mapping[str, Tree]
    alternative: str = "python -m detection.run --scenes"
    official_lists: tuple[splits.ListRule, ...] = ()
    describe_key: Callable[[str], ConditionAndSequence | None] | None = None

    def load(self, root: Path, options: NamedOptions, sensor: Sensor | None = None) -> DatasetIndex:
        """List the pairs and their labels.

        Args:
            root: The data folder.
            options: Checked options.
            sensor: The sensor whose labels are used, where each has its own.

        Raises:
            DatasetNotFoundError: If the data set is not on this machine.
            UserError: If its folder has none of the trees, or a file is missing or does not match
                its partner.
        """
        folder = self.locate(root, options)
        tree = self._choose_tree(folder, options, sensor)
        index = index_tree(
            self.name, folder, tree, self.classes, options.split, options.infrared_scaling
        )
        index = self._add_recordings(index)
        return self._add_official_lists(index)

    def locate(self, root: Path, options: NamedOptions) -> Path:
        """Return the data set's folder.

        Raises:
            DatasetNotFoundError: If there is none.
        """
        return folder_discovery.locate_dataset(
            root,
            options.folder,
            title=self.title,
            trees=[self._describe_trees()],
            alternative=self.alternative,
        )

    def _describe_trees(self) -> str:
        """Describe the first tree, and say where the others are described."""
        first, *others = self.trees
        return f"{first} (other trees: docs/datasets.md)" if others else first

    def _choose_tree(self, folder: Path, options: NamedOptions, sensor: Sensor | None) -> Tree:
        """Return the first tree whose images of both sensors and labels are there.

        Where no tree has its labels, it is the first whose images are there, without labels: its
        pairs can be fused and scored.

        Raises:
            UserError: If there is none, or only the other sensor has labels.
        """
        unlabeled = None
        for each in self.trees.values():
            tree = _apply_options(each, options, sensor)
            if not _has_images(folder, tree):
                continue
            if all(template.fits(folder) for template in _list_label_templates(tree)):
                return tree
            _check_other_sensor(folder, tree, options, sensor)
            unlabeled = unlabeled or tree.model_copy(update={"boxes": None, "label_maps": None})
        if unlabeled is not None:
            return unlabeled
        raise UserError(
            f"{folder}: expected {' or '.join(self.trees)}; found: "
            f"{folder_discovery.list_entries(folder)}{self._suggest_inner_folder(folder)}. Data in "
            "another tree can be described with dataset: pairs, see docs/own-data.md"
        )

    def _suggest_inner_folder(self, folder: Path) -> str:
        """Suggest a subfolder that has one of the trees; empty if there is none."""
        for path in sorted(folder.iterdir()):
            if path.is_dir() and any(_has_images(path, tree) for tree in self.trees.values()):
                return f"; {path} has one: name it with data.folder in the task"
        return ""

    def list_input_paths(self, root: Path, options: NamedOptions) -> list[Path]:
        """List the folders and files that decide what `load` returns; empty if not known."""
        return list_input_paths(root, options.folder, options.split, options.infrared_scaling)

    def _add_recordings(self, index: DatasetIndex) -> DatasetIndex:
        if self.describe_key is None:
            return index
        recordings = dict(index.conditions_and_sequences)
        for key in index.keys:
            described = self.describe_key(key)
            if described is not None:
                known = recordings.get(key, described)
                recordings[key] = ConditionAndSequence(
                    known.condition or described.condition, known.sequence or described.sequence
                )
        return replace(index, conditions_and_sequences=recordings)

    def _add_official_lists(self, index: DatasetIndex) -> DatasetIndex:
        if not isinstance(index.rule, splits.OfficialRule) or index.official_split is not None:
            return index
        lists = split_lists.find_lists(index.folder, self.official_lists)
        if lists is not None:
            parts = split_lists.read_split_lists(index.folder, lists, index.keys)
            names = _index_image_names(index.files)
            parts = {
                part: [names.get(re.split(r"[\\/]", row)[-1], row) for row in rows]
                for part, rows in parts.items()
            }
            text = f"official: {lists.train.name} / {lists.test.name}"
            return replace(index, official_split=parts, official_split_text=text)
        hint = ": folders of training and of test images are not both there"
        for lists in self.official_lists:
            hint += f", nor {lists.train} and {lists.test}"
        return replace(index, official_split_hint=hint)


def _apply_options(tree: Tree, options: NamedOptions, sensor: Sensor | None) -> Tree:
    """Return the tree as the options say."""
    labels = {"boxes": tree.boxes, "label_maps": tree.label_maps}
    changed: dict[str, Any] = {}
    for name, files in labels.items():
        if files is None:
            continue
        update: dict[str, Any] = {
            field: value
            for field in ("unlabeled_images", "unmatched_labels")
            if (value := getattr(options, field)) is not None
        }
        if sensor is not None and isinstance(files.files, SensorFiles):
            update["sensor"] = sensor
        # Validated again, because a label map cannot be missing as background.
        changed[name] = type(files).model_validate({**files.model_dump(), **update})
    return tree.model_copy(update=changed)


def _has_images(folder: Path, tree: Tree) -> bool:
    templates = [parse_template(text, IMAGE_EXTENSIONS) for text in (tree.infrared, tree.visible)]
    return all(template.fits(folder) for template in templates)


def _check_other_sensor(
    folder: Path, tree: Tree, options: NamedOptions, sensor: Sensor | None
) -> None:
    """Raise if there are labels, but for the images of the sensor that is not asked for."""
    if sensor is None:
        return
    other: Sensor = "visible" if sensor == "infrared" else "infrared"
    templates = _list_label_templates(tree)
    others = _list_label_templates(_apply_options(tree, options, other))
    if others != templates and all(template.fits(folder) for template in others):
        raise UserError(
            f"{folder}: no labels of the {sensor} images, {templates[0].text}, but of the {other} "
            f"ones; use these: data: {{sensor: {other}}}"
        )


def _list_label_templates(tree: Tree) -> list[PathTemplate]:
    templates = []
    if tree.boxes is not None:
        extensions = LABEL_EXTENSIONS[tree.boxes.format]
        templates.append(parse_template(tree.boxes.used_files, extensions))
    if tree.label_maps is not None:
        templates.append(parse_template(tree.label_maps.used_files, IMAGE_EXTENSIONS))
    return templates


def _index_image_names(files: Sequence[tuple[str, str, str]]) -> dict[str, str]:
    """Return the key of a pair by the names of its images, with and without extension."""
    names = {}
    for key, *images in files:
        for image in map(PurePosixPath, images):
            names[image.stem] = names[image.name] = key
    return names
