"""The words of a task checked, and the specs they come to: everything that decides a result."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import BaseModel

from bench import digest, plugins, sources, tasks
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
        for metric, given in task.metrics.items():
            check(_metric, task.kind, metric, given, f"tasks.{name}.metrics.{metric}")
        if not isinstance(task, tasks.Quality):
            check(_model, name, task)
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
            metric: _metric(task.kind, metric, given, f"tasks.{name}.metrics.{metric}")
            for metric, given in task.metrics.items()
        },
    }
    if isinstance(task, tasks.Quality) or train is None:
        return {"record": record | {"images": shown}}
    model, options, predict = _model(name, task)
    trained = {
        "kind": task.kind,
        "model": task.model,
        "version": model.VERSION,
        "options": options.model_dump(mode="json"),
        "pins": model.pins(options),
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
        "record": record | {"predicted": predicted},
    }


def _model(
    name: str, task: tasks.Detection | tasks.Segmentation
) -> tuple[ModuleType, BaseModel, BaseModel]:
    """The model of a task, its options, and how it is asked."""
    model = plugins.find(f"{task.kind}.models", task.model)
    options = plugins.options(model, task.options, f"tasks.{name}.options")
    return model, options, plugins.options(model, task.predict, f"tasks.{name}.predict", "Predict")


def _metric(kind: str, name: str, given: Mapping[str, Any], where: str) -> dict[str, Any]:
    metric = plugins.find(METRICS[kind], name)
    options = plugins.options(metric, given, where)
    return {"version": metric.VERSION, "options": options.model_dump(mode="json")}
