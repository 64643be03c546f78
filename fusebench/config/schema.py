"""Schema of tasks.yaml (pydantic models): tasks, sources, presets and trainings."""

from collections import Counter
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from fusebench.config import overrides, reference_sources
from fusebench.config.engine_settings import EngineSection, LocalEngineSettings
from fusebench.config.reference_sources import ChannelsSource, EnsembleSource, ReplaceSource
from fusebench.config.validators import refuse_boolean
from fusebench.errors import UserError, format_validation_error, format_value, limit_lines
from fusebench.runtime import file_names
from fusebench.runtime.reading.yaml_text import read_yaml
from fusebench.runtime.unknown_names import explain_unknown_options, suggest_names

T = TypeVar("T", bound=Hashable)


def _check_distinct(values: tuple[T, ...]) -> tuple[T, ...]:
    for value, count in Counter(values).items():
        if count > 1:
            raise ValueError(f"{value!r} is listed twice")
    return values


MAX_SEED = 2**32 - 1  # the largest seed that NumPy accepts
Seed = Annotated[int, Field(ge=0, le=MAX_SEED), BeforeValidator(refuse_boolean)]
UniqueNames = Annotated[tuple[str, ...], AfterValidator(_check_distinct)]


class StrictModel(BaseModel):
    """Base of all models of the task file: unknown keys are errors, instances are frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class SensorSource(StrictModel):
    """One of the two original images of the pair."""

    kind: Literal["infrared", "visible"]


class FusionMethodSource(StrictModel):
    """Images fused by a method of this project; ``method`` is a file in fusion/methods."""

    kind: Literal["method"]
    method: str
    options: dict[str, Any] = {}


class ExternalImagesSource(StrictModel):
    """Images fused by other software, matched to the pairs by file name, any image extension.

    Attributes:
        kind: ``folder``.
        folder: Folder of the images, relative to the task file; ``{dataset}`` and ``{split}`` are
            filled in. Its last part can be a template of the file names: ``fused/{key}_ADF`` are
            the files ``carLight_ADF.jpg``, ... of the keys ``carLight``, ...
        color: ``saved`` uses the images as they are; ``visible`` combines their luminance with
            the visible image's Cb and Cr (for gray results).
    """

    kind: Literal["folder"]
    folder: str
    color: Literal["saved", "visible"] = "saved"


Source = Annotated[
    SensorSource
    | FusionMethodSource
    | ExternalImagesSource
    | EnsembleSource
    | ChannelsSource
    | ReplaceSource,
    Field(discriminator="kind"),
]


class TaskBase(StrictModel):
    """Fields of every task; each kind also has ``metrics``, metric name to options.

    Attributes:
        dataset: A file in fusebench/datasets.
        data: Options of the data set (folder, split rule, ...).
        sources: Names from the file's ``sources``.
        preset: Name of the preset whose settings this task starts from.
        on_request: Run only if ``--task`` or a chosen preset names this task.
    """

    dataset: str
    data: dict[str, Any] = {}
    sources: Annotated[tuple[str, ...], Field(min_length=1), AfterValidator(_check_distinct)]
    preset: str | None = None
    on_request: bool = False

    @property
    def leading_classes(self) -> tuple[str, ...]:
        """Classes whose columns come first."""
        return ()

    @property
    def excluded_classes(self) -> tuple[str, ...]:
        """Classes that a second mean leaves out."""
        return ()


class QualityTask(TaskBase):
    """Score fused images against their two source images with metrics of fusion/metrics."""

    kind: Literal["quality"]
    metrics: dict[str, dict[str, Any]] = {"entropy": {}}


class EquivalenceOptions(StrictModel):
    """Equivalence of sources, which the report tests; no result depends on these options.

    Attributes:
        margin: Differences below it count as equivalent; in points of a score from 0 to 100.
        metrics: Columns of the task's metrics whose means over classes are tested, e.g. ``AP50``.
            Empty: the first column.
        reference: Source that every other source is compared with. None: every pair is compared.
        sources: Sources to compare, with each other or with the reference. Empty: all of the task.
    """

    margin: Annotated[float, Field(gt=0, le=100), BeforeValidator(refuse_boolean)] = 1.0
    metrics: UniqueNames = ()
    reference: str | None = None
    sources: UniqueNames = ()


SEVERITIES = (1, 2, 3)
Severity = Annotated[int, Field(ge=1, le=len(SEVERITIES)), BeforeValidator(refuse_boolean)]


class CorruptionOptions(StrictModel):
    """One corruption of a task.

    Attributes:
        severities: From 1 (mild) to 3 (severe).
        options: Options of the corruption.
    """

    severities: Annotated[
        tuple[Severity, ...], Field(min_length=1), AfterValidator(_check_distinct)
    ] = SEVERITIES
    options: dict[str, Any] = {}


def _convert_names_to_mapping(value: Any) -> Any:
    """Convert a list of names into a mapping of names to no options; a name alone has none."""
    if isinstance(value, dict):
        return {name: {} if options is None else options for name, options in value.items()}
    if isinstance(value, list | tuple) and all(isinstance(name, str) for name in value):
        return {name: {} for name in _check_distinct(tuple(value))}
    raise ValueError("expected a list of names, or names with severities and options")


class ModelTaskBase(TaskBase):
    """Train a model on a source's training images, predict its test images, score.

    Each kind also has ``model``, a file in <kind>/models.

    Attributes:
        options: Training options of the model.
        predict: Prediction options of the model.
        seeds: Random seeds, one training each; a model that was trained elsewhere has none.
        train_on: Source on whose training images all models are trained: a name from the file's
            ``sources``, or ``infrared`` or ``visible``. None: each source trains its own model.
        chosen: Settings that the publication leaves open and that were chosen here, as sentences
            that are printed with the protocol.
        equivalence: Margin and sources of the report's equivalence tests.
        corruptions: Corruptions of the test pairs (files in fusebench/corruptions), as a list of
            names, or name to severities and options. The models stay as they were trained.
    """

    options: dict[str, Any] = {}
    predict: dict[str, Any] = {}
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1), AfterValidator(_check_distinct)] = (0,)
    train_on: str | None = None
    chosen: UniqueNames = ()
    equivalence: EquivalenceOptions = EquivalenceOptions()
    corruptions: Annotated[
        dict[str, CorruptionOptions], BeforeValidator(_convert_names_to_mapping)
    ] = {}


class DetectionTask(ModelTaskBase):
    """Object detection.

    Attributes:
        kind: ``detection``.
        model: Name of a file in detection/models.
        classes: Classes whose columns come first, in this order; the other classes follow.
        without: Classes that a second mean leaves out; both means are printed.
        metrics: Metric name to options; the names are files in detection/metrics.
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

    @property
    def leading_classes(self) -> tuple[str, ...]:
        """The option ``classes``."""
        return self.classes

    @property
    def excluded_classes(self) -> tuple[str, ...]:
        """The option ``without``."""
        return self.without


class SegmentationTask(ModelTaskBase):
    """Semantic segmentation."""

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
    """Training of a fusion method; see `fusion.train`.

    Attributes:
        method: A method of fusion/methods that has weights.
        stage: Last stage to train; earlier stages are trained first. None: the only stage.
        preset: Settings that the recipe starts from, ``paper`` or ``small``.
        options: Settings that override the preset.
        seed: Random seed.
        teacher: Teacher of the method ``student``: a fusion method, or a folder of fused images,
            relative to the task file. None: that of the preset or the options.
    """

    method: str
    stage: Annotated[str, BeforeValidator(str)] | None = None
    preset: str = "small"
    options: dict[str, Any] = {}
    seed: Seed = 0
    teacher: str | None = None


class Preset(StrictModel):
    """Named settings that tasks build on.

    Attributes:
        tasks: Names of the tasks that the preset runs.
        quality: Settings of quality tasks.
        detection: Settings of detection tasks.
        segmentation: Settings of segmentation tasks.
    """

    tasks: tuple[str, ...]
    quality: dict[str, Any] = {}
    detection: dict[str, Any] = {}
    segmentation: dict[str, Any] = {}


class PresetSection(StrictModel):
    """Presets of the task file; validated before tasks are merged with them."""

    presets: dict[str, Preset] = {}


class TrainingSection(StrictModel):
    """Trainings of the task file; its other sections are not validated."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    trainings: Annotated[dict[str, FusionTraining], Field(min_length=1)]


class TaskFile(PresetSection):
    """The complete task file."""

    sources: dict[str, Source]
    tasks: dict[str, Task]
    trainings: dict[str, FusionTraining] = {}
    engine: EngineSection = LocalEngineSettings()

    def get_source(self, name: str) -> Source:
        """Return a source by name.

        Raises:
            UserError: If no source has this name.
        """
        if name not in self.sources:
            raise UserError(f"no source is called {name!r}{suggest_names(name, self.sources)}")
        return self.sources[name]

    def get_training_source_name(self, name: str) -> str | None:
        """Return the source on which all models of a task are trained; None: each on its own."""
        task = self.tasks[name]
        train_on = task.train_on if isinstance(task, ModelTaskBase) else None
        if train_on is None or train_on in self.sources:
            return train_on
        # ``infrared`` and ``visible`` are valid under any name of the sensor's source.
        sensor_sources = [
            source_name
            for source_name, source in self.sources.items()
            if isinstance(source, SensorSource) and source.kind == train_on
        ]
        return (sensor_sources or [train_on])[0]


def load_task_file(
    path: Path,
    preset: str | None = None,
    changes: Sequence[str] = (),
    engine: str | None = None,
) -> TaskFile:
    """Read and validate a task file.

    A task has the settings of its preset, overridden by its own settings, overridden by
    ``changes``.

    Args:
        path: The file.
        preset: Preset for every task, instead of the one that the task names.
        changes: ``tasks.NAME.option=value``, ``sources.NAME.options.x=value`` or
            ``engine.option=value``; the value is YAML. An option that is not a field of the task
            is an option of its model.
        engine: Kind of the engine, instead of that of the file, whose settings then are not used.

    Raises:
        UserError: With one line per fault: location in the file, what is wrong, given value.
    """
    content = _read_task_mapping(path)
    if engine is not None:
        overrides.select_engine(content, engine)
    for change in changes:
        overrides.apply_task_override(
            content, change, {kind: model.model_fields for kind, model in TASK_CLASSES.items()}
        )
    try:
        presets = PresetSection(presets=content.get("presets", {})).presets
        if preset is not None and preset not in presets:
            raise UserError(
                f"{path}: no preset is called {preset!r}{suggest_names(preset, presets)}"
            )
        for name, task in content["tasks"].items():
            if isinstance(task, dict):
                content["tasks"][name] = _apply_preset(path, name, task, presets, preset)
        task_file = TaskFile.model_validate(content)
    except ValidationError as error:
        model = PresetSection if error.title == PresetSection.__name__ else TaskFile
        explained = explain_unknown_options(error, model)
        raise UserError(format_validation_error(str(path), explained)) from None
    _check_names(path, task_file)
    return task_file


def load_trainings(path: Path) -> dict[str, FusionTraining]:
    """Read the trainings of a task file, by name; its other sections may be invalid.

    Raises:
        UserError: If there are none, or with one line per fault.
    """
    content = _read_yaml_file(path)
    if not isinstance(content, dict) or "trainings" not in content:
        raise UserError(f"{path}: has no section trainings:")
    try:
        return TrainingSection.model_validate(content).trainings
    except ValidationError as error:
        explained = explain_unknown_options(error, TrainingSection)
        raise UserError(format_validation_error(str(path), explained)) from None


def _read_yaml_file(path: Path) -> Any:
    if not path.exists():
        raise UserError(f"{path}: no such file; name another one with --tasks")
    return read_yaml(path)


def _read_task_mapping(path: Path) -> dict[str, Any]:
    content = _read_yaml_file(path)
    if not isinstance(content, dict) or not isinstance(content.get("tasks"), dict):
        raise UserError(f"{path}: expected a mapping with sources: and tasks:")
    return content


def _apply_preset(
    path: Path, name: str, task: dict[str, Any], presets: dict[str, Preset], chosen: str | None
) -> dict[str, Any]:
    """Merge a task with the settings of its preset.

    The preset is the task's own if none is chosen or the chosen one has no settings for this kind
    of task.
    """
    kind = str(task.get("kind"))
    preset = task.get("preset")
    if chosen and (preset is None or kind not in TASK_CLASSES or getattr(presets[chosen], kind)):
        preset = chosen
    if preset is None:
        return task
    if not isinstance(preset, str) or preset not in presets:
        raise UserError(
            f"{path}: tasks.{name}.preset: no preset is called {format_value(preset)}"
            f"{suggest_names(str(preset), presets)}"
        )
    base = getattr(presets[preset], kind) if kind in TASK_CLASSES else {}
    return overrides.merge_settings(base, {**task, "preset": preset})


def _check_names(path: Path, task_file: TaskFile) -> None:
    """Refuse references to undeclared sources and tasks, and invalid names."""
    sources = task_file.sources
    errors = [
        f"{path}: tasks.{name}.sources: no source is called {source!r}"
        f"{suggest_names(source, sources)}"
        for name, task in task_file.tasks.items()
        for source in task.sources
        if source not in sources
    ]
    errors += [f"{path}: {error}" for error in reference_sources.list_member_errors(sources)]
    training_sources = {name: task_file.get_training_source_name(name) for name in task_file.tasks}
    errors += [
        f"{path}: tasks.{name}.train_on: no source is called {source!r}"
        f"{suggest_names(source, sources)}"
        for name, source in training_sources.items()
        if source is not None and source not in task_file.sources
    ]
    errors += [
        f"{path}: tasks.{name}.equivalence{error}"
        for name, task in task_file.tasks.items()
        if isinstance(task, ModelTaskBase)
        for error in _list_equivalence_errors(task)
    ]
    errors += [
        f"{path}: presets.{name}.tasks: no task is called {task!r}"
        f"{suggest_names(task, task_file.tasks)}"
        for name, preset in task_file.presets.items()
        for task in preset.tasks
        if task not in task_file.tasks
    ]
    errors += [
        f"{path}: the name {name!r} {file_names.find_name_error(name)}"
        for name in [*task_file.tasks, *task_file.sources]
        if file_names.find_name_error(name)
    ]
    if errors:
        raise UserError(limit_lines("\n".join(errors)))


def _list_equivalence_errors(task: ModelTaskBase) -> list[str]:
    """List what is wrong with the sources of a task's equivalence tests."""
    options = task.equivalence
    named = [("sources", name) for name in options.sources]
    named += [("reference", options.reference)] if options.reference is not None else []
    errors = [
        f".{option}: {name!r} is none of the task's sources{suggest_names(name, task.sources)}"
        for option, name in named
        if name not in task.sources
    ]
    if len({name for _, name in named}) == 1 and options.sources:
        errors.append(f".sources: {options.sources[0]!r} alone cannot be compared; name another")
    return errors
