"""tasks.yaml as objects: what to run, on which sources, scored how."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from bench import layers, names, yaml_files
from bench.errors import BenchError, lines

T = TypeVar("T")


def _distinct(values: tuple[T, ...]) -> tuple[T, ...]:
    for value in values:
        if values.count(value) > 1:
            raise ValueError(f"{value!r} is listed twice")
    return values


LAST_SEED = 2**32 - 1  # what NumPy takes
Seed = Annotated[int, Field(ge=0, le=LAST_SEED)]
Names = Annotated[tuple[str, ...], AfterValidator(_distinct)]


class Model(BaseModel):
    """Read from a file: unknown keys are errors, and nothing changes after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Raw(Model):
    """One of the two images of the pair, as the camera gave it."""

    kind: Literal["infrared", "visible"]


class Method(Model):
    """Images this project fuses itself; ``method`` is a file in fusion/methods."""

    kind: Literal["method"]
    method: str
    options: dict[str, Any] = {}


class Elsewhere(Model):
    """Images fused by somebody else, matched to the pairs by file stem, any image extension.

    Attributes:
        folder: Where they lie; ``{dataset}`` and ``{split}`` in it are filled in. Relative to
            the task file.
        colour: ``saved`` shows them as they are; ``visible`` takes their luminance and puts the
            visible image's Cb and Cr back (for gray results).
    """

    kind: Literal["folder"]
    folder: str
    colour: Literal["saved", "visible"] = "saved"


Source = Annotated[Raw | Method | Elsewhere, Field(discriminator="kind")]


class Common(Model):
    """What every task says.

    Attributes:
        dataset: A file in bench/datasets; ``data`` are its options (folder, split rule, ...).
        sources: Names from the file's ``sources``.
        metrics: Metric name (a file in <kind>/metrics) to its options.
        preset: Settings of the file's ``presets`` that this task builds on.
        on_request: Left out unless ``--task`` or a preset that lists it asks for it by name.
    """

    dataset: str
    data: dict[str, Any] = {}
    sources: Annotated[tuple[str, ...], Field(min_length=1), AfterValidator(_distinct)]
    preset: str | None = None
    on_request: bool = False


class Quality(Common):
    """Score fused images against their two inputs, no training."""

    kind: Literal["quality"]
    metrics: dict[str, dict[str, Any]] = {"entropy": {}}


class Trained(Common):
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
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1), AfterValidator(_distinct)] = (0,)
    train_on: str | None = None
    chosen: Names = ()


class Detection(Trained):
    """Boxes.

    Attributes:
        classes: The classes whose columns come first, in this order; the others follow.
        without: Classes that a second mean leaves out; both means are printed.
    """

    kind: Literal["detection"]
    model: str = "yolo"
    classes: Names = ()
    without: Names = ()
    metrics: dict[str, dict[str, Any]] = {
        "average_precision": {},
        "precision_recall": {},
        "average_precision_yolov5": {},
        "error_types": {},
    }


class Segmentation(Trained):
    """Label maps."""

    kind: Literal["segmentation"]
    model: str = "segformer"
    metrics: dict[str, dict[str, Any]] = {"iou": {}, "boundary_iou": {}}


Task = Annotated[Quality | Detection | Segmentation, Field(discriminator="kind")]

KINDS: dict[str, type[Common]] = {
    "quality": Quality,
    "detection": Detection,
    "segmentation": Segmentation,
}


class Training(Model):
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


class Preset(Model):
    """Settings under a name: which tasks it runs, and what those of each kind start from."""

    tasks: tuple[str, ...]
    quality: dict[str, Any] = {}
    detection: dict[str, Any] = {}
    segmentation: dict[str, Any] = {}


class Presets(Model):
    """The presets alone: they have to be right before a task can be laid over one."""

    presets: dict[str, Preset] = {}


class Trainings(Model):
    """The trainings alone: a file may hold nothing else."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    trainings: Annotated[dict[str, Training], Field(min_length=1)]


class TaskFile(Presets):
    """The whole file."""

    sources: dict[str, Source]
    tasks: dict[str, Task]
    trainings: dict[str, Training] = {}

    def source(self, name: str) -> Source:
        """Look a source up by name.

        Raises:
            BenchError: If there is none of that name.
        """
        if name not in self.sources:
            raise BenchError(f"no source is called {name!r}; there is {', '.join(self.sources)}")
        return self.sources[name]

    def trained_on(self, name: str) -> str | None:
        """The name of the one source that a task's models are trained on; None: each row's own."""
        wanted: str | None = getattr(self.tasks[name], "train_on", None)
        if wanted is None or wanted in self.sources:
            return wanted
        raw = [n for n, s in self.sources.items() if isinstance(s, Raw) and s.kind == wanted]
        return (raw or [wanted])[0]


def load(path: Path, preset: str | None = None, changes: Sequence[str] = ()) -> TaskFile:
    """Read and check a task file.

    A task starts from the settings of its preset, then its own words are laid over them, then
    the changes.

    Args:
        path: The file.
        preset: Use this preset for every task instead of the one the task names.
        changes: ``tasks.NAME.option=value``; an option that is not a field of the task is one
            of its model. ``sources.NAME.options.x=value`` works too. Values are YAML.

    Raises:
        BenchError: With one line per fault: where in the file, what is wrong, what was given.
    """
    raw = _read(path)
    for change in changes:
        layers.change(raw, change, {kind: model.model_fields for kind, model in KINDS.items()})
    try:
        presets = Presets(presets=raw.get("presets", {})).presets
        if preset is not None and preset not in presets:
            known = ", ".join(presets)
            raise BenchError(f"{path}: no preset is called {preset!r}; there is {known}")
        for name, task in raw["tasks"].items():
            if isinstance(task, dict):
                raw["tasks"][name] = _on_preset(path, name, task, presets, preset)
        file = TaskFile.model_validate(raw)
    except ValidationError as fault:
        raise BenchError(lines(str(path), fault)) from None
    _names_known(path, file)
    return file


def trainings(path: Path) -> dict[str, Training]:
    """The trainings of a task file, by name.

    Raises:
        BenchError: If there are none, or with one line per fault.
    """
    raw = _mapping(path)
    if not isinstance(raw, dict) or "trainings" not in raw:
        raise BenchError(f"{path}: has no section trainings:")
    try:
        return Trainings.model_validate(raw).trainings
    except ValidationError as fault:
        raise BenchError(lines(str(path), fault)) from None


def _mapping(path: Path) -> Any:
    if not path.exists():
        raise BenchError(f"{path}: no such file; --tasks names another one")
    return yaml_files.read(path)


def _read(path: Path) -> dict[str, Any]:
    raw = _mapping(path)
    if not isinstance(raw, dict) or not isinstance(raw.get("tasks"), dict):
        raise BenchError(f"{path}: expected a mapping with sources: and tasks:")
    return raw


def _on_preset(
    path: Path, name: str, task: dict[str, Any], presets: dict[str, Preset], chosen: str | None
) -> dict[str, Any]:
    """Lay a task over the settings of its preset.

    A chosen preset that says nothing about this kind of task leaves the task its own.
    """
    kind = str(task.get("kind"))
    used = task.get("preset")
    if chosen and (used is None or kind not in KINDS or getattr(presets[chosen], kind)):
        used = chosen
    if used is None:
        return task
    if not isinstance(used, str) or used not in presets:
        raise BenchError(
            f"{path}: tasks.{name}.preset: no preset is called {used!r}; "
            f"there is {', '.join(presets)}"
        )
    base = getattr(presets[used], kind) if kind in KINDS else {}
    return layers.merge(base, {**task, "preset": used})


def _names_known(path: Path, file: TaskFile) -> None:
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
        for name, teacher in ((name, file.trained_on(name)) for name in file.tasks)
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
        f"{path}: the name {name!r} {names.fault(name)}"
        for name in [*file.tasks, *file.sources]
        if names.fault(name)
    ]
    if faults:
        raise BenchError("\n".join(faults))
