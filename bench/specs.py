"""The words of a task checked, and the specs they come to: everything that decides a result."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import BaseModel

from bench import digest, evidence, plugins, sources, tasks
from bench.errors import BenchError
from bench.pairs import Split

Modelled = tasks.Detection | tasks.Segmentation
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
            check(fitting, name, task)
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
    shown: tuple[tasks.Source, tasks.Source],
    splits: tuple[Split | None, Split],
    seed: int | None,
    folder: Path,
) -> dict[str, dict[str, Any]]:
    """The specs of what a cell fills, each holding the one it is made from.

    Args:
        name: The task's.
        task: The task.
        shown: The source that a model is trained on, and the one that it is tested on.
        splits: The same of splits; no first one where nothing is trained.
        seed: None where nothing is trained.
        folder: What relative folders of the task file are relative to.
    """
    train, test = splits
    images = sources.spec(shown[1], test, folder)
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
    module, options, predict = model(name, task)
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
            "images": sources.spec(shown[0], train, folder),
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


def fitting(name: str, task: Modelled) -> None:
    """Refuse words of a task that do not fit its model or its data set's classes.

    Raises:
        BenchError: One line per fault.
    """
    module, options, _ = model(name, task)
    known = plugins.find("bench.datasets", task.dataset).CLASSES
    faults = []
    if task.train_on is not None and hasattr(module, "PROTOCOL"):
        faults.append(
            f"tasks.{name}.train_on: {task.train_on}, but nothing is trained by model "
            f"{task.model} ({module.TITLE}); delete train_on, or choose a model that is trained"
        )
    for word in ("classes", "without"):
        faults += [
            f"tasks.{name}.{word}: {each!r} is none of {task.dataset}'s classes "
            f"({', '.join(known)})"
            for each in getattr(task, word, ())
            if each not in known
        ]
    if set(known) <= set(getattr(task, "without", ())):
        faults.append(f"tasks.{name}.without: leaves no class of {', '.join(known)}")
    if hasattr(module, "unfitting"):
        faults += module.unfitting(options, known, f"tasks.{name}.options")
    if hasattr(module, "finds"):
        lost = set(known) - module.finds(options, known) - set(getattr(task, "without", ()))
        faults += [
            f"tasks.{name}.options.class_map: maps nothing to {each}, so its AP would be 0 and "
            f"lower the mean; map a class to it, or list it under without: for a second mean"
            for each in known
            if each in lost
        ]
    if faults:
        raise BenchError("\n".join(faults))


def model(name: str, task: Modelled) -> tuple[ModuleType, BaseModel, BaseModel]:
    """The model of a task, its options, and how it is asked."""
    module = _plugin(task)
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
    """Let metrics refuse how the model is asked, and classes that their options do not fit.

    Raises:
        BenchError: If a metric cannot be trusted at the confidence below which boxes are dropped,
            or its mean is over classes that the data set has not.
    """
    known = plugins.find("bench.datasets", task.dataset).CLASSES
    confidence = getattr(model(name, task)[2], "confidence", None)
    faults = []
    for scored, given in task.metrics.items():
        where = f"tasks.{name}.metrics.{scored}"
        module, options = metric(task.kind, scored, given, where)
        if confidence is not None and hasattr(module, "refuse"):
            module.refuse(confidence, f"tasks.{name}")
        if hasattr(module, "unfitting"):
            faults += module.unfitting(options, known, where)
    if faults:
        raise BenchError("\n".join(faults))


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
