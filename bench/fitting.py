"""The words of tasks checked against each other, before data is read or drawn."""

from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

from pydantic import BaseModel

from bench import plugins, sources, specs, tasks
from bench.errors import BenchError


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
        check(specs.dataset, name, task)
        for scored, given in task.metrics.items():
            check(specs.metric, task.kind, scored, given, f"tasks.{name}.metrics.{scored}")
        check(specs.metrics, task.kind, task.metrics, f"tasks.{name}.metrics")
        if not isinstance(task, tasks.Quality):
            check(specs.model, name, task)
            check(suited, name, task)
            check(fitting, name, task)
        for source in map(file.source, task.sources):
            if isinstance(source, tasks.Method):
                check(sources.method, source)
    if faults:
        raise BenchError("\n".join(faults))


def fitting(name: str, task: specs.Modelled) -> None:
    """Refuse words of a task that do not fit its model or its data set's classes.

    Raises:
        BenchError: One line per fault.
    """
    module, options, _ = specs.model(name, task)
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
    faults += _shared(name, task, module, options)
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


def suited(name: str, task: specs.Modelled) -> None:
    """Let metrics refuse how the model is asked, and classes that their options do not fit.

    Raises:
        BenchError: If a metric cannot be trusted at the confidence below which boxes are dropped,
            or its mean is over classes that the data set has not.
    """
    known = plugins.find("bench.datasets", task.dataset).CLASSES
    confidence = getattr(specs.model(name, task)[2], "confidence", None)
    faults = []
    for scored, given in task.metrics.items():
        where = f"tasks.{name}.metrics.{scored}"
        module, options = specs.metric(task.kind, scored, given, where)
        if confidence is not None and hasattr(module, "refuse"):
            module.refuse(confidence, f"tasks.{name}")
        if hasattr(module, "unfitting"):
            faults += module.unfitting(options, known, where)
    if faults:
        raise BenchError("\n".join(faults))


def _shared(name: str, task: specs.Modelled, module: ModuleType, options: BaseModel) -> list[str]:
    """What is wrong with a file that would be scored as if it were made from several sources."""
    if not hasattr(module, "filled"):
        return []
    where = f"tasks.{name}.options"
    words = {"dataset": task.dataset, "split": "test"}
    each = [module.filled(options, {"source": source, **words}, where) for source in task.sources]
    if len(each) == 1 or each[0] != each[1]:
        return []
    return [
        f"{where}: the same {module.FILES} would be scored for each of the {len(each)} sources "
        f"({', '.join(task.sources)}); write {{source}} into the name, so that every source has "
        "its own, or list one source"
    ]
