"""tasks.yaml as objects: what to run, on which sources, scored how."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bench.errors import BenchError, lines


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
    """

    dataset: str
    data: dict[str, Any] = {}
    sources: tuple[str, ...] = Field(min_length=1)
    preset: str | None = None


class Quality(Common):
    """Score fused images against their two inputs, no training."""

    kind: Literal["quality"]
    metrics: dict[str, dict[str, Any]] = {"entropy": {}}


class Trained(Common):
    """Train a model on a source's training images, predict its test images, score.

    Attributes:
        model: A file in <kind>/models; ``options`` decide what it learns, ``predict`` how it
            is asked.
        seeds: One training each.
    """

    options: dict[str, Any] = {}
    predict: dict[str, Any] = {}
    seeds: tuple[Annotated[int, Field(ge=0)], ...] = Field((0,), min_length=1)


class Detection(Trained):
    """Boxes."""

    kind: Literal["detection"]
    model: str = "yolo"
    metrics: dict[str, dict[str, Any]] = {"average_precision": {}, "precision_recall": {}}


class Segmentation(Trained):
    """Label maps."""

    kind: Literal["segmentation"]
    model: str = "segformer"
    metrics: dict[str, dict[str, Any]] = {"iou": {}}


Task = Annotated[Quality | Detection | Segmentation, Field(discriminator="kind")]

KINDS: dict[str, type[Common]] = {
    "quality": Quality,
    "detection": Detection,
    "segmentation": Segmentation,
}


class Preset(Model):
    """Settings under a name: which tasks it runs, and what those of each kind start from."""

    tasks: tuple[str, ...]
    quality: dict[str, Any] = {}
    detection: dict[str, Any] = {}
    segmentation: dict[str, Any] = {}


class TaskFile(Model):
    """The whole file."""

    sources: dict[str, Source]
    presets: dict[str, Preset] = {}
    tasks: dict[str, Task]

    def source(self, name: str) -> Source:
        """Look a source up by name.

        Raises:
            BenchError: If there is none of that name.
        """
        if name not in self.sources:
            raise BenchError(f"no source is called {name!r}; there is {', '.join(self.sources)}")
        return self.sources[name]


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
        _set(raw, change)
    presets = raw.get("presets") or {}
    if preset is not None and preset not in presets:
        raise BenchError(f"{path}: no preset is called {preset!r}; there is {', '.join(presets)}")
    for name, task in raw["tasks"].items():
        if isinstance(task, dict):
            raw["tasks"][name] = _on_preset(path, name, task, presets, preset)
    try:
        file = TaskFile.model_validate(raw)
    except ValidationError as fault:
        raise BenchError(lines(str(path), fault)) from None
    _names_known(path, file)
    return file


def with_seeds(file: TaskFile, seeds: Sequence[int]) -> TaskFile:
    """The same file, every task that trains with these seeds instead of its own."""
    changed = {
        name: task.model_copy(update={"seeds": tuple(seeds)}) if isinstance(task, Trained) else task
        for name, task in file.tasks.items()
    }
    return file.model_copy(update={"tasks": changed})


def _read(path: Path) -> dict[str, Any]:
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BenchError(f"{path}: no such file; --tasks names another one") from None
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as fault:
        raise BenchError(f"{path}: cannot be read as YAML: {fault}") from None
    if not isinstance(raw, dict) or not isinstance(raw.get("tasks"), dict):
        raise BenchError(f"{path}: expected a mapping with sources: and tasks:")
    return raw


def _set(raw: dict[str, Any], change: str) -> None:
    """Apply one ``--set`` to the raw file."""
    where, equals, value = change.partition("=")
    steps = where.split(".")
    if not equals or len(steps) < 3 or steps[0] not in ("tasks", "sources"):
        raise BenchError(f"--set {change}: expected tasks.NAME.option=value")
    section, name, *rest = steps
    entry = (raw.get(section) or {}).get(name)
    if not isinstance(entry, dict):
        known = ", ".join(raw.get(section) or {})
        raise BenchError(f"--set {change}: no {name!r} in {section}; there is {known}")
    fields = KINDS.get(entry.get("kind", ""), Common).model_fields
    if section == "tasks" and rest[0] not in fields:
        rest = ["options", *rest]
    for step in rest[:-1]:
        entry = entry.setdefault(step, {})
        if not isinstance(entry, dict):
            raise BenchError(f"--set {change}: {step} is not a mapping")
    try:
        entry[rest[-1]] = yaml.safe_load(value)
    except yaml.YAMLError as fault:
        raise BenchError(f"--set {change}: the value is not YAML: {fault}") from None


def _on_preset(
    path: Path, name: str, task: dict[str, Any], presets: dict[str, Any], chosen: str | None
) -> dict[str, Any]:
    """Lay a task over the settings of its preset."""
    used = chosen or task.get("preset")
    if used is None:
        return task
    if used not in presets:
        raise BenchError(
            f"{path}: tasks.{name}.preset: no preset is called {used!r}; "
            f"there is {', '.join(presets)}"
        )
    base = (presets[used] or {}).get(task.get("kind", ""), {})
    return _merge(base, {**task, "preset": used})


def _merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merge(merged[key], value) if both else value
    return merged


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
        f"{path}: presets.{name}.tasks: no task is called {task!r} "
        f"(there is {', '.join(file.tasks)})"
        for name, preset in file.presets.items()
        for task in preset.tasks
        if task not in file.tasks
    ]
    faults += [
        f"{path}: tasks: {name!r} must be letters, digits, - and _ (it names folders)"
        for name in [*file.tasks, *file.sources]
        if not name.replace("-", "").replace("_", "").isalnum()
    ]
    if faults:
        raise BenchError("\n".join(faults))
