"""The words of a task checked, and the specs they come to: everything that decides a result."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import BaseModel

from bench import digest, evidence, plugins, sources, tasks
from bench.errors import BenchError
from bench.pairs import Split

METRICS = {
    "quality": "fusion.metrics",
    "detection": "detection.metrics",
    "segmentation": "segmentation.metrics",
}


def refuse_wrong_options(file: tasks.TaskFile, names: Sequence[str]) -> None:
    """Check the words of all tasks before data is read or drawn, and report every fault at once."""
    faults: dict[str, None] = {}  # a source used by two tasks is one fault

    def check(look: Callable[..., object], *given: Any) -> None:
        try:
            look(*given)
        except BenchError as fault:
            faults[str(fault)] = None

    for name in names:
        task = file.tasks[name]
        check(dataset, name, task)
        for scored, given in task.metrics.items():
            check(metric, task.kind, scored, given, f"tasks.{name}.metrics.{scored}")
        check(metrics, task.kind, task.metrics, f"tasks.{name}.metrics")
        if not isinstance(task, tasks.Quality):
            check(model, name, task)
            check(suited, name, task)
        for source in map(file.source, task.sources):
            if isinstance(source, tasks.Method):
                check(sources.method, source)
    if faults:
        raise BenchError("\n".join(faults))


def dataset(name: str, task: tasks.Task) -> tuple[ModuleType, BaseModel]:
    """The data set of a task and its options."""
    module = plugins.find("bench.datasets", task.dataset)
    return module, plugins.options(module, task.data, f"tasks.{name}.data")


def of(
    name: str,
    task: tasks.Task,
    source: tasks.Source,
    splits: tuple[Split | None, Split],
    seed: int | None,
    folder: Path,
) -> dict[str, dict[str, Any]]:
    """The specs of what a cell fills, each holding the one it is made from."""
    train, test = splits
    shown = sources.spec(source, test, folder)
    record: dict[str, Any] = {
        "kind": task.kind,
        "labels": digest.labels(test),
        "division": {split.name: digest.division(split) for split in splits if split},
        "metrics": {
            scored: _scored(task.kind, scored, given, f"tasks.{name}.metrics.{scored}")
            for scored, given in task.metrics.items()
        },
    }
    if isinstance(task, tasks.Quality) or train is None:
        return {"record": record | {"images": shown}}
    module, options, predict = model(name, task)
    trained = {
        "kind": task.kind,
        "model": task.model,
        "version": module.VERSION,
        "options": options.model_dump(mode="json"),
        "pins": module.pins(options),
        "seed": seed,
        "images": sources.spec(source, train, folder),
        "labels": digest.labels(train),
    }
    predicted = {
        "trained": trained,
        "predict": predict.model_dump(mode="json"),
        "images": shown,
    }
    return {
        "trained": trained,
        "predicted": predicted,
        "record": record | {"predicted": predicted, "evidence": evidence.VERSION},
    }


def model(
    name: str, task: tasks.Detection | tasks.Segmentation
) -> tuple[ModuleType, BaseModel, BaseModel]:
    """The model of a task, its options, and how it is asked."""
    module = plugins.find(f"{task.kind}.models", task.model)
    options = plugins.options(module, task.options, f"tasks.{name}.options")
    how = plugins.options(module, task.predict, f"tasks.{name}.predict", "Predict")
    return module, options, how


def metric(
    kind: str, name: str, given: Mapping[str, Any], where: str
) -> tuple[ModuleType, BaseModel]:
    """A metric of one kind of task and its options; ``name.variant`` is short for the option."""
    file, _, variant = name.partition(".")
    module = plugins.find(METRICS[kind], file)
    asked = {"variant": variant, **given} if variant else given
    return module, plugins.options(module, asked, where)


def suited(name: str, task: tasks.Detection | tasks.Segmentation) -> None:
    """Let metrics refuse how the model is asked, where both have a say about the confidence.

    Raises:
        BenchError: If a metric cannot be trusted at the confidence below which boxes are dropped.
    """
    confidence = getattr(model(name, task)[2], "confidence", None)
    for scored, given in task.metrics.items():
        module, _ = metric(task.kind, scored, given, f"tasks.{name}.metrics.{scored}")
        if confidence is not None and hasattr(module, "refuse"):
            module.refuse(confidence, f"tasks.{name}")


def metrics(
    kind: str, wanted: Mapping[str, Mapping[str, Any]], where: str
) -> dict[str, tuple[ModuleType, BaseModel]]:
    """The metrics of a task by the name they were asked for.

    Raises:
        BenchError: If a name or an option is wrong, or two names come to the same number.
    """
    found: dict[str, tuple[ModuleType, BaseModel]] = {}
    for name, given in wanted.items():
        module, options = metric(kind, name, given, f"{where}.{name}")
        for other, asked in found.items():
            if asked == (module, options):
                raise BenchError(f"{where}: {other} and {name} are the same metric; keep one")
        found[name] = module, options
    return found


def _scored(kind: str, name: str, given: Mapping[str, Any], where: str) -> dict[str, Any]:
    module, options = metric(kind, name, given, where)
    return {"version": module.VERSION, "options": options.model_dump(mode="json")}
