"""What a user writes about a folder tree in tasks.yaml: images, split folders, recordings.

All paths are templates below the data set's folder, see `fusebench.data.trees.path_template`.
Labels: `fusebench.data.trees.label_options`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator

from fusebench.data.images import IMAGE_EXTENSIONS
from fusebench.data.trees.label_options import BoxFiles, LabelMapFiles, TreeModel
from fusebench.data.trees.path_template import parse_template


def _check_image_template(text: str) -> str:
    parse_template(text, IMAGE_EXTENSIONS)
    return text


ImageTemplate = Annotated[str, AfterValidator(_check_image_template)]


class Recordings(TreeModel):
    """Where the sequence and the condition of a pair are found, besides its path.

    Attributes:
        sequence: Pattern of the key, e.g. ``{sequence}_*``.
        condition: Pattern of the key, e.g. ``*{condition}`` for a last letter.
        conditions: Text in the key or path to the name of the condition, e.g. ``{D: day}``.
        file: CSV file with the columns ``key`` and ``sequence`` or ``condition`` or both.
    """

    sequence: str | None = None
    condition: str | None = None
    conditions: dict[str, str] = Field(default_factory=dict)
    file: Path | None = None

    @model_validator(mode="after")
    def _check_patterns(self) -> "Recordings":
        for name in ("sequence", "condition"):
            pattern = getattr(self, name)
            if pattern is not None and pattern.count(f"{{{name}}}") != 1:
                raise ValueError(f"{name}: expected a pattern with {{{name}}} once, of the key")
            if pattern is not None:
                parse_template(pattern, IMAGE_EXTENSIONS)
        return self


class SplitFolders(TreeModel):
    """Names of the folders, or parts of names, that ``{split}`` stands for.

    Attributes:
        train: Training pairs; the case of a name does not matter.
        test: Test pairs, likewise. Empty: ``test``; without one: ``val``, ``valid`` or
            ``validation``.
    """

    train: tuple[str, ...] = ("train",)
    test: tuple[str, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _accept_single_names(cls, values: Any) -> Any:
        if isinstance(values, Mapping):
            return {k: (v,) if isinstance(v, str) else v for k, v in values.items()}
        return values

    @model_validator(mode="after")
    def _check_parts(self) -> "SplitFolders":
        both = {name.lower() for name in self.train} & {name.lower() for name in self.test}
        if both:
            raise ValueError(f"{min(both)!r} is in train and in test")
        return self


class Tree(TreeModel):
    """One folder tree.

    Attributes:
        infrared: Template of the infrared images.
        visible: Template of the visible images.
        pair_list: File that names the two images of each pair, in place of ``infrared`` and
            ``visible``; see `fusebench.data.trees.pair_list`.
        key: How the key is put together, e.g. ``{split}_{key}`` where names are repeated. Empty:
            ``{sequence}_{key}`` if the path has a sequence, else ``{key}``.
        boxes: Label files with boxes.
        label_maps: Label maps.
        split_folders: What ``{split}`` stands for.
        recordings: Sequence and condition of each pair.
    """

    infrared: ImageTemplate = "ir"
    visible: ImageTemplate = "vi"
    pair_list: Path | None = None
    key: str = ""
    boxes: BoxFiles | None = None
    label_maps: LabelMapFiles | None = None
    split_folders: SplitFolders = SplitFolders()
    recordings: Recordings = Recordings()

    @model_validator(mode="after")
    def _check_list(self) -> "Tree":
        templates = {"infrared", "visible"} & self.model_fields_set
        if self.pair_list is not None and templates:
            raise ValueError(
                f"pair_list names the images; delete {' and '.join(sorted(templates))}"
            )
        if self.pair_list is None and self.infrared == self.visible:
            raise ValueError(
                f"infrared and visible are both {self.infrared!r}: each pair would be one image"
            )
        return self

    @model_validator(mode="after")
    def _check_key(self) -> "Tree":
        if self.key and "{key}" not in self.key:
            raise ValueError(f"key {self.key!r}: expected {{key}} in it, e.g. {{split}}_{{key}}")
        if "/" in self.key or "*" in self.key:
            raise ValueError(f"key {self.key!r}: result files are called like it; no / and no *")
        if self.key:
            parse_template(self.key, IMAGE_EXTENSIONS)
        return self
