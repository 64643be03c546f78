"""tasks.yaml as objects: what to run, on which sources, scored how."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from fusebench.config import overrides, yaml_loader
from fusebench.errors import UserError, format_validation_error
from fusebench.runtime import file_names

T = TypeVar("T")


def _check_distinct(values: tuple[T, ...]) -> tuple[T, ...]:
    for value in values:
        if values.count(value) > 1:
            raise ValueError(f"{value!r} is listed twice")
    return values


MAX_SEED = 2**32 - 1  # what NumPy takes
Seed = Annotated[int, Field(ge=0, le=MAX_SEED)]
UniqueNames = Annotated[tuple[str, ...], AfterValidator(_check_distinct)]


class StrictModel(BaseModel):
    """Read from a file: unknown keys are errors, and nothing changes after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class SensorSource(StrictModel):
    """One of the two images of the pair, as the camera gave it."""

    kind: Literal["infrared", "visible"]


class FusionMethodSource(StrictModel):
    """Images this project fuses itself; ``method`` is a file in fusion/methods."""

    kind: Literal["method"]
    method: str
    options: dict[str, Any] = {}


class ExternalImagesSource(StrictModel):
    """Images fused by somebody else, matched to the pairs by file stem, any image extension.

    Attributes:
        folder: Where they lie; ``{dataset}`` and ``{split}`` in it are filled in. Relative to
            the task file.
        color: ``saved`` shows them as they are; ``visible`` takes their luminance and puts the
            visible image's Cb and Cr back (for gray results).
    """

    kind: Literal["folder"]
    folder: str
    color: Literal["saved", "visible"] = "saved"


Source = Annotated[
    SensorSource | FusionMethodSource | ExternalImagesSource, Field(discriminator="kind")
]


class TaskBase(StrictModel):
    """What every task says.

    Attributes:
        dataset: A file in fusebench/datasets; ``data`` are its options (folder, split rule, ...).
        sources: Names from the file's ``sources``.
        metrics: Metric name (a file in <kind>/metrics) to its options.
        preset: Settings of the file's ``presets`` that this task builds on.
        on_request: Left out unless ``--task`` or a preset that lists it asks for it by name.
    """

    dataset: str
    data: dict[str, Any] = {}
    sources: Annotated[tuple[str, ...], Field(min_length=1), AfterValidator(_check_distinct)]
    preset: str | None = None
    on_request: bool = False


class QualityTask(TaskBase):
    """Score fused images against their two inputs, no training."""

    kind: Literal["quality"]
    metrics: dict[str, dict[str, Any]] = {"entropy": {}}


class ModelTaskBase(TaskBase):
    """Train a model on a source's training images, predict its test images, score.

    Attributes:
        model: A file in <kind>/models; ``options`` decide what it learns, ``predict`` how it
            is asked.
        seeds: One training each; a model that was trained elsewhere has none.
        train_on: Train on this source's training images alone and test on every source: a name
            from the file's ``sources``, or ``infrared`` or ``visible``. None: each on its own.
        chosen: In words what the protocol's source leaves unsaid and was chosen here; printed.
    """

    options: dict[str, Any] = {}
    predict: dict[str, Any] = {}
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1), AfterValidator(_check_distinct)] = (0,)
    train_on: str | None = None
    chosen: UniqueNames = ()


class DetectionTask(ModelTaskBase):
    """Boxes.

    Attributes:
        classes: The classes whose columns come first, in this order; the others follow.
        without: Classes that a second mean leaves out; both means are printed.
    """

    kind: Literal["detection"]
    model: str = "yolov5"
    classes: UniqueNames = ()
    without: UniqueNames = ()
    metrics: dict[str, dict[str, Any]] = {
        "average_precision": {},
        "precision_recall": {},
        "average_precision_yolov5": {},
        "error_types": {},
    }


class SegmentationTask(ModelTaskBase):
    """Label maps."""

    kind: Literal["segmentation"]
    model: str = "segformer"
    metrics: dict[str, dict[str, Any]] = {"iou": {}, "boundary_iou": {}}


Task = Annotated[QualityTask | DetectionTask | SegmentationTask, Field(discriminator="kind")]

TASK_CLASSES: dict[str, type[TaskBase]] = {
    "quality": QualityTask,
    "detection": DetectionTask,
    "segmentation": SegmentationTask,
}


class FusionTraining(StrictModel):
    """Weights of a fusion method that this project trains; see `fusion.train`.

    Attributes:
        stage: The last one to train; those before it are trained first.
        preset: What the recipe starts from, ``paper`` or ``small``.
        options: Laid over the preset.
    """

    method: str
    stage: Annotated[str, BeforeValidator(str)]
    preset: str = "small"
    options: dict[str, Any] = {}
    seed: Seed = 0


class Preset(StrictModel):
    """Settings under a name: which tasks it runs, and what those of each kind start from."""

    tasks: tuple[str, ...]
    quality: dict[str, Any] = {}
    detection: dict[str, Any] = {}
    segmentation: dict[str, Any] = {}


class PresetSection(StrictModel):
    """The presets alone: they have to be right before a task can be laid over one."""

    presets: dict[str, Preset] = {}


class TrainingSection(StrictModel):
    """The trainings alone: a file may hold nothing else."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    trainings: Annotated[dict[str, FusionTraining], Field(min_length=1)]


class TaskFile(PresetSection):
    """The whole file."""

    sources: dict[str, Source]
    tasks: dict[str, Task]
    trainings: dict[str, FusionTraining] = {}

    def get_source(self, name: str) -> Source:
        """Look a source up by name.

        Raises:
            UserError: If there is none of that name.
        """
        if name not in self.sources:
            raise UserError(f"no source is called {name!r}; there is {', '.join(self.sources)}")
        return self.sources[name]

    def get_training_source_name(self, name: str) -> str | None:
        """The name of the one source that a task's models are trained on; None: each row's own."""
        wanted: str | None = getattr(self.tasks[name], "train_on", None)
        if wanted is None or wanted in self.sources:
            return wanted
        raw = [
            n for n, s in self.sources.items() if isinstance(s, SensorSource) and s.kind == wanted
        ]
        return (raw or [wanted])[0]


def load_task_file(path: Path, preset: str | None = None, changes: Sequence[str] = ()) -> TaskFile:
    """Read and check a task file.

    A task starts from the settings of its preset, then its own words are laid over them, then
    the changes.

    Args:
        path: The file.
        preset: Use this preset for every task instead of the one the task names.
        changes: ``tasks.NAME.option=value``; an option that is not a field of the task is one
            of its model. ``sources.NAME.options.x=value`` works too. Values are YAML.

    Raises:
        UserError: With one line per fault: where in the file, what is wrong, what was given.
    """
    raw = _read_task_mapping(path)
    for change in changes:
        overrides.apply_task_override(
            raw, change, {kind: model.model_fields for kind, model in TASK_CLASSES.items()}
        )
    try:
        presets = PresetSection(presets=raw.get("presets", {})).presets
        if preset is not None and preset not in presets:
            known = ", ".join(presets)
            raise UserError(f"{path}: no preset is called {preset!r}; there is {known}")
        for name, task in raw["tasks"].items():
            if isinstance(task, dict):
                raw["tasks"][name] = _apply_preset(path, name, task, presets, preset)
        file = TaskFile.model_validate(raw)
    except ValidationError as fault:
        raise UserError(format_validation_error(str(path), fault)) from None
    _check_names(path, file)
    return file


def load_trainings(path: Path) -> dict[str, FusionTraining]:
    """The trainings of a task file, by name.

    Raises:
        UserError: If there are none, or with one line per fault.
    """
    raw = _read_yaml_file(path)
    if not isinstance(raw, dict) or "trainings" not in raw:
        raise UserError(f"{path}: has no section trainings:")
    try:
        return TrainingSection.model_validate(raw).trainings
    except ValidationError as fault:
        raise UserError(format_validation_error(str(path), fault)) from None


def _read_yaml_file(path: Path) -> Any:
    if not path.exists():
        raise UserError(f"{path}: no such file; --tasks names another one")
    return yaml_loader.read_yaml(path)


def _read_task_mapping(path: Path) -> dict[str, Any]:
    raw = _read_yaml_file(path)
    if not isinstance(raw, dict) or not isinstance(raw.get("tasks"), dict):
        raise UserError(f"{path}: expected a mapping with sources: and tasks:")
    return raw


def _apply_preset(
    path: Path, name: str, task: dict[str, Any], presets: dict[str, Preset], chosen: str | None
) -> dict[str, Any]:
    """Lay a task over the settings of its preset.

    A chosen preset that says nothing about this kind of task leaves the task its own.
    """
    kind = str(task.get("kind"))
    used = task.get("preset")
    if chosen and (used is None or kind not in TASK_CLASSES or getattr(presets[chosen], kind)):
        used = chosen
    if used is None:
        return task
    if not isinstance(used, str) or used not in presets:
        raise UserError(
            f"{path}: tasks.{name}.preset: no preset is called {used!r}; "
            f"there is {', '.join(presets)}"
        )
    base = getattr(presets[used], kind) if kind in TASK_CLASSES else {}
    return overrides.merge_settings(base, {**task, "preset": used})


def _check_names(path: Path, file: TaskFile) -> None:
    """Every name that one part of the file uses must be declared in another."""
    faults = [
        f"{path}: tasks.{name}.sources: no source is called {source!r} "
        f"(there is {', '.join(file.sources)})"
        for name, task in file.tasks.items()
        for source in task.sources
        if source not in file.sources
    ]
    faults += [
        f"{path}: tasks.{name}.train_on: no source is called {teacher!r} "
        f"(there is {', '.join(file.sources)})"
        for name, teacher in ((name, file.get_training_source_name(name)) for name in file.tasks)
        if teacher is not None and teacher not in file.sources
    ]
    faults += [
        f"{path}: presets.{name}.tasks: no task is called {task!r} "
        f"(there is {', '.join(file.tasks)})"
        for name, preset in file.presets.items()
        for task in preset.tasks
        if task not in file.tasks
    ]
    faults += [
        f"{path}: the name {name!r} {file_names.find_name_error(name)}"
        for name in [*file.tasks, *file.sources]
        if file_names.find_name_error(name)
    ]
    if faults:
        raise UserError("\n".join(faults))
