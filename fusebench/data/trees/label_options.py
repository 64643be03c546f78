"""What a user writes about the labels of a folder tree in tasks.yaml: boxes and label maps.

All paths are templates below the data set's folder, see `fusebench.data.trees.path_template`.
"""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    model_validator,
)

from fusebench.data.images import IMAGE_EXTENSIONS
from fusebench.data.trees.path_template import parse_template

Sensor = Literal["infrared", "visible"]
LABEL_EXTENSIONS: Mapping[str, tuple[str, ...]] = {
    "yolo": (".txt",),
    "voc": (".xml",),
    "coco": (".json",),
}

Channel = Annotated[int, Field(ge=0, le=255)]
Color = tuple[Channel, Channel, Channel]  # red, green, blue


class TreeModel(BaseModel):
    """Options that do not change and have no other fields."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class SensorFiles(TreeModel):
    """Labels of their own for the images of each sensor."""

    infrared: str
    visible: str


def _choose_form(files: Any) -> str | None:
    if isinstance(files, str):
        return "path"
    return "sensors" if isinstance(files, Mapping | SensorFiles) else None


PathOrSensorFiles = Annotated[
    Annotated[str, Tag("path")] | Annotated[SensorFiles, Tag("sensors")],
    Discriminator(
        _choose_form,
        custom_error_type="label_files",
        custom_error_message="expected a path, or a path for each sensor: "
        "{infrared: ..., visible: ...}",
    ),
]


class LabelFiles(TreeModel):
    """What label files with boxes and label maps have in common.

    Attributes:
        SECTION: Name of these options in the task file.
        files: Template of the files, or one for each sensor.
        sensor: The sensor whose images the labels were drawn for; required if each has its own.
        unlabeled_images: What an image without a label means.
        unmatched_labels: What a label without an image means: ``refuse`` or ``leave_out``.
    """

    SECTION: ClassVar[str]

    files: PathOrSensorFiles
    sensor: Sensor | None = None
    unlabeled_images: Literal["refuse", "background", "leave_out"] = "refuse"
    unmatched_labels: Literal["refuse", "leave_out"] = "refuse"

    @model_validator(mode="after")
    def _check_sensor(self) -> "LabelFiles":
        if isinstance(self.files, SensorFiles) and self.sensor is None:
            raise ValueError(
                "each sensor has labels of its own; say which are used: sensor: infrared, or "
                "sensor: visible"
            )
        return self

    @property
    def used_files(self) -> str:
        """Template of the label files that are used."""
        if isinstance(self.files, SensorFiles):
            return self.files.infrared if self.sensor == "infrared" else self.files.visible
        return self.files

    def list_files(self) -> tuple[str, ...]:
        """List all templates of label files, also of those that are not used."""
        if isinstance(self.files, SensorFiles):
            return self.files.infrared, self.files.visible
        return (self.files,)

    def describe_sensor(self) -> str:
        """Describe for which sensor's images the labels were drawn; empty if it is not said."""
        if self.sensor is None:
            return ""
        others = {"infrared": "visible", "visible": "infrared"}[self.sensor]
        unused = isinstance(self.files, SensorFiles)
        return f"drawn for the {self.sensor} images" + (
            f"; those of the {others} images are not used" if unused else ""
        )


class BoxFiles(LabelFiles):
    """Label files with boxes.

    Attributes:
        format: ``yolo`` (one text file per image), ``voc`` (one XML file per image) or ``coco``
            (one JSON file for all images, or one per split).
        files: Template of the files, or one for each sensor.
        sensor: The sensor whose images the labels were drawn for; required if each has its own.
        names: Only for ``yolo``: class names in the order of the ids in the files. Empty: those of
            the lists beside the labels (`class_list.LIST_NAMES`), else the order of ``classes``.
        rename: Name in the label files to the name of a class; null leaves its boxes out.
        oriented_boxes: Only for ``voc``: ``upright_hulls`` reads polygons and rotated boxes as the
            upright boxes around them; ``refuse``: they are an error.
        unlabeled_images: What an image without a label means: ``refuse``, because a file can be
            missing; ``background``: it has no objects; ``leave_out``: the pair is left out.
        unmatched_labels: What a label without an image means: ``refuse`` or ``leave_out``.
    """

    SECTION: ClassVar[str] = "boxes"

    format: Literal["yolo", "voc", "coco"]
    names: tuple[str, ...] = ()
    rename: dict[str, str | None] = Field(default_factory=dict)
    oriented_boxes: Literal["refuse", "upright_hulls"] = "refuse"

    @model_validator(mode="after")
    def _check_files(self) -> "BoxFiles":
        for files in self.list_files():
            template = parse_template(files, LABEL_EXTENSIONS[self.format])
            if self.format == "coco" and not files.lower().endswith(".json"):
                raise ValueError(f"files {files!r}: expected the path of a .json file")
            if self.format != "coco" and "key" not in template.names:
                raise ValueError(
                    f"files {files!r}: expected a folder, or a name with {{key}}: there is one "
                    "file per image"
                )
        if self.names and self.format != "yolo":
            raise ValueError(f"names is for format yolo; {self.format} files have class names")
        if self.oriented_boxes != "refuse" and self.format != "voc":
            raise ValueError(f"oriented_boxes is for format voc, not {self.format}")
        if len(set(self.names)) < len(self.names):
            raise ValueError("names: a name is there twice; expected one name per id in the files")
        return self


class LabelMapFiles(LabelFiles):
    """Label maps: images whose pixels are class ids or colors.

    Attributes:
        files: Template of the files, or one for each sensor.
        sensor: The sensor whose images the labels were drawn for.
        ids: Id in the files to class name; null is unlabeled. Empty: the order of ``classes``.
        colors: Class name to its RGB color in the files; without it the files hold ids.
        unlabeled_color: RGB color of unlabeled pixels, with ``colors``.
        unlabeled_images: ``refuse`` or ``leave_out`` pairs without a label map.
        unmatched_labels: ``refuse`` or ``leave_out`` label maps without images.
    """

    SECTION: ClassVar[str] = "label_maps"

    ids: dict[Channel, str | None] = Field(default_factory=dict)
    colors: dict[str, Color] = Field(default_factory=dict)
    unlabeled_color: Color | None = None
    unlabeled_images: Literal["refuse", "leave_out"] = "refuse"

    @model_validator(mode="after")
    def _check_files(self) -> "LabelMapFiles":
        for files in self.list_files():
            if "key" not in parse_template(files, IMAGE_EXTENSIONS).names:
                raise ValueError(f"files {files!r}: expected a folder, or a name with {{key}}")
        if self.unlabeled_color is not None and not self.colors:
            raise ValueError("unlabeled_color: set colors too; the label maps hold ids without it")
        if self.ids and self.colors:
            raise ValueError("ids and colors exclude each other: the files hold one of them")
        colors = [*self.colors.values(), *([self.unlabeled_color] if self.unlabeled_color else [])]
        if len(set(colors)) < len(colors):
            raise ValueError("colors: two classes have one color")
        return self
