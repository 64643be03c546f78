"""The words of tasks checked against each other, before data is read or drawn."""

from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

from pydantic import BaseModel

from fusebench import plugins
from fusebench.config import schema
from fusebench.errors import UserError
from fusebench.experiments import sources, specs


def validate_tasks(file: schema.TaskFile, names: Sequence[str]) -> None:
    """Check the words of all tasks before data is read or drawn, and report every fault at once."""
    faults: dict[str, None] = {}  # a source used by two tasks is one fault

    def check(look: Callable[..., object], *given: Any) -> None:
        try:
            look(*given)
        except UserError as fault:
            faults[str(fault)] = None

    for name in names:
        task = file.tasks[name]
        check(specs.load_dataset_plugin, name, task)
        for scored, given in task.metrics.items():
            check(specs.load_metric, task.kind, scored, given, f"tasks.{name}.metrics.{scored}")
        check(specs.load_metrics, task.kind, task.metrics, f"tasks.{name}.metrics")
        if not isinstance(task, schema.QualityTask):
            check(specs.load_model, name, task)
            check(check_metrics, name, task)
            check(check_model_and_classes, name, task)
        for source in map(file.get_source, task.sources):
            if isinstance(source, schema.FusionMethodSource):
                check(sources.load_method, source)
    if faults:
        raise UserError("\n".join(faults))


def check_model_and_classes(name: str, task: specs.ModelTask) -> None:
    """Refuse words of a task that do not fit its model or its data set's classes.

    Raises:
        UserError: One line per fault.
    """
    module, options, _ = specs.load_model(name, task)
    known = plugins.load_plugin("fusebench.datasets", task.dataset).CLASSES
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
    faults += _find_shared_prediction_files(name, task, module, options)
    if hasattr(module, "config_errors"):
        faults += module.config_errors(options, known, f"tasks.{name}.options")
    if hasattr(module, "mapped_classes"):
        lost = (
            set(known) - module.mapped_classes(options, known) - set(getattr(task, "without", ()))
        )
        faults += [
            f"tasks.{name}.options.class_map: maps nothing to {each}, so its AP would be 0 and "
            f"lower the mean; map a class to it, or list it under without: for a second mean"
            for each in known
            if each in lost
        ]
    if faults:
        raise UserError("\n".join(faults))


def check_metrics(name: str, task: specs.ModelTask) -> None:
    """Let metrics refuse how the model is asked, and classes that their options do not fit.

    Raises:
        UserError: If a metric cannot be trusted at the confidence below which boxes are dropped,
            or its mean is over classes that the data set has not.
    """
    known = plugins.load_plugin("fusebench.datasets", task.dataset).CLASSES
    confidence = getattr(specs.load_model(name, task)[2], "confidence", None)
    faults = []
    for scored, given in task.metrics.items():
        where = f"tasks.{name}.metrics.{scored}"
        module, options = specs.load_metric(task.kind, scored, given, where)
        if confidence is not None and hasattr(module, "check_confidence"):
            module.check_confidence(confidence, f"tasks.{name}")
        if hasattr(module, "config_errors"):
            faults += module.config_errors(options, known, where)
    if faults:
        raise UserError("\n".join(faults))


def _find_shared_prediction_files(
    name: str, task: specs.ModelTask, module: ModuleType, options: BaseModel
) -> list[str]:
    """What is wrong with a file that would be scored as if it were made from several sources."""
    if not hasattr(module, "resolve_paths"):
        return []
    where = f"tasks.{name}.options"
    words = {"dataset": task.dataset, "split": "test"}
    each = [
        module.resolve_paths(options, {"source": source, **words}, where) for source in task.sources
    ]
    if len(each) == 1 or each[0] != each[1]:
        return []
    return [
        f"{where}: the same {module.FILES} would be scored for each of the {len(each)} sources "
        f"({', '.join(task.sources)}); write {{source}} into the name, so that every source has "
        "its own, or list one source"
    ]
