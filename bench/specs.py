"""The words of a task checked, and the specs they come to: everything that decides a result."""

from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import BaseModel

from bench import digest, evidence, plugins, sources, tasks
from bench.errors import BenchError
from bench.pairs import Split

Named = tuple[str, tasks.Source]
Modelled = tasks.Detection | tasks.Segmentation
METRICS = {
    "quality": "fusion.metrics",
    "detection": "detection.metrics",
    "segmentation": "segmentation.metrics",
}


def dataset(name: str, task: tasks.Task) -> tuple[ModuleType, BaseModel]:
    """The data set of a task and its options."""
    module = plugins.find("bench.datasets", task.dataset)
    return module, plugins.options(module, task.data, f"tasks.{name}.data")


def of(
    name: str,
    task: tasks.Task,
    shown: tuple[Named, Named],
    splits: tuple[Split | None, Split],
    seed: int | None,
    folder: Path,
) -> dict[str, dict[str, Any]]:
    """The specs of what a cell fills, each holding the one it is made from.

    Args:
        name: The task's.
        task: The task.
        shown: The source that a model is trained on, and the one that it is tested on, by name.
        splits: The same of splits; no first one where nothing is trained.
        seed: None where nothing is trained.
        folder: What relative folders of the task file are relative to.
    """
    train, test = splits
    images = sources.spec(shown[1][1], test, folder)
    record: dict[str, Any] = {
        "kind": task.kind,
        "labels": digest.labels(test),
        "division": {split.name: digest.division(split) for split in splits if split},
        "metrics": {
            scored: _scored(task.kind, scored, given, f"tasks.{name}.metrics.{scored}")
            for scored, given in task.metrics.items()
        },
    }
    if isinstance(task, tasks.Quality):
        return {"record": record | {"images": images}}
    module, options, predict = model_on(shown[1][0], test, name, task)
    trained = {
        "kind": task.kind,
        "model": task.model,
        "version": module.VERSION,
        "pins": module.pins(options),
    }
    asked = predict.model_dump(mode="json")
    if train is None:  # one copy of the weights, however the model is asked
        trained["options"] = module.fetched(options)
        asked["options"] = options.model_dump(mode="json")
    else:
        trained |= {
            "options": options.model_dump(mode="json"),
            "seed": seed,
            "images": sources.spec(shown[0][1], train, folder),
            "labels": digest.labels(train),
        }
    predicted = {
        "trained": trained,
        "predict": asked,
        "images": images,
    }
    record |= {"protocol": protocol(task), **_printed(task)}
    return {
        "trained": trained,
        "predicted": predicted,
        "record": record | {"predicted": predicted, "evidence": evidence.VERSION},
    }


def protocol(task: Modelled) -> str:
    """What kind of experiment the task is; only rows of the same kind belong in one table.

    Returns:
        ``retrained``: a model per source. ``trained on SOURCE``: one, shown every source.
        ``zero-shot``: one that was trained elsewhere, as it is. Else what the model says.
    """
    if task.train_on is not None:
        return f"trained on {task.train_on}"
    return str(getattr(_plugin(task), "PROTOCOL", "retrained"))


def is_trained_elsewhere(task: Modelled) -> bool:
    """Whether the task's model is fetched, not trained."""
    return hasattr(_plugin(task), "fetch")


def seeds(task: tasks.Task) -> tuple[int | None, ...]:
    """The seeds of a task; one None where nothing is trained."""
    if isinstance(task, tasks.Quality) or is_trained_elsewhere(task):
        return (None,)
    return task.seeds


def model(name: str, task: Modelled) -> tuple[ModuleType, BaseModel, BaseModel]:
    """The model of a task, its options, and how it is asked."""
    module = _plugin(task)
    options = plugins.options(module, task.options, f"tasks.{name}.options")
    how = plugins.options(module, task.predict, f"tasks.{name}.predict", "Predict")
    return module, options, how


def model_on(
    source: str, test: Split, name: str, task: Modelled
) -> tuple[ModuleType, BaseModel, BaseModel]:
    """The same for one source: a model that has a file per source gets the name of its own.

    Raises:
        BenchError: If an option is wrong, or the name of a file cannot be filled in.
    """
    module, options, how = model(name, task)
    if hasattr(module, "filled"):
        where = f"tasks.{name}.options"
        known = {"source": source, "dataset": test.dataset, "split": test.name}
        options = module.filled(options, known, where)
    return module, options, how


def metric(
    kind: str, name: str, given: Mapping[str, Any], where: str
) -> tuple[ModuleType, BaseModel]:
    """A metric of one kind of task and its options; ``name.variant`` is short for the option."""
    file, _, variant = name.partition(".")
    module = plugins.find(METRICS[kind], file)
    asked = {"variant": variant, **given} if variant else given
    return module, plugins.options(module, asked, where)


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


def _plugin(task: Modelled) -> ModuleType:
    return plugins.find(f"{task.kind}.models", task.model)


def _printed(task: Modelled) -> dict[str, Any]:
    """The words of a task that change what its record says but not what is computed."""
    words = ("chosen", "classes", "without")
    return {word: list(getattr(task, word)) for word in words if getattr(task, word, ())}


def _scored(kind: str, name: str, given: Mapping[str, Any], where: str) -> dict[str, Any]:
    module, options = metric(kind, name, given, where)
    return {"version": module.VERSION, "options": options.model_dump(mode="json")}
