"""The words of a task checked, and the specs they come to: everything that decides a result."""

from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import BaseModel

from fusebench import plugins
from fusebench.config import schema
from fusebench.data.pairs import Split
from fusebench.errors import UserError
from fusebench.experiments import sources
from fusebench.storage import hashing, image_index

NamedSource = tuple[str, schema.Source]
ModelTask = schema.DetectionTask | schema.SegmentationTask
METRIC_PACKAGES = {
    "quality": "fusion.metrics",
    "detection": "detection.metrics",
    "segmentation": "segmentation.metrics",
}


def load_dataset_plugin(name: str, task: schema.Task) -> tuple[ModuleType, BaseModel]:
    """The data set of a task and its options."""
    module = plugins.load_plugin("fusebench.datasets", task.dataset)
    return module, plugins.validate_options(module, task.data, f"tasks.{name}.data")


def build_specs(
    name: str,
    task: schema.Task,
    shown: tuple[NamedSource, NamedSource],
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
    images = sources.build_source_spec(shown[1][1], test, folder)
    record: dict[str, Any] = {
        "kind": task.kind,
        "labels": hashing.hash_labels(test),
        "division": {split.name: hashing.hash_split_metadata(split) for split in splits if split},
        "metrics": {
            scored: _build_metric_spec(task.kind, scored, given, f"tasks.{name}.metrics.{scored}")
            for scored, given in task.metrics.items()
        },
    }
    if isinstance(task, schema.QualityTask):
        return {"record": record | {"images": images}}
    module, options, predict = load_model_for_source(shown[1][0], test, name, task)
    trained = {
        "kind": task.kind,
        "model": task.model,
        "version": module.VERSION,
        "pins": module.dependency_hashes(options),
    }
    asked = predict.model_dump(mode="json")
    if train is None:  # one copy of the weights, however the model is asked
        trained["options"] = module.download_options(options)
        asked["options"] = options.model_dump(mode="json")
    else:
        trained |= {
            "options": options.model_dump(mode="json"),
            "seed": seed,
            "images": sources.build_source_spec(shown[0][1], train, folder),
            "labels": hashing.hash_labels(train),
        }
    predicted = {
        "trained": trained,
        "predict": asked,
        "images": images,
    }
    record |= {"protocol": get_protocol_name(task), **_collect_reported_options(task)}
    return {
        "trained": trained,
        "predicted": predicted,
        "record": record | {"predicted": predicted, "evidence": image_index.VERSION},
    }


def get_protocol_name(task: ModelTask) -> str:
    """What kind of experiment the task is; only rows of the same kind belong in one table.

    Returns:
        ``retrained``: a model per source. ``trained on SOURCE``: one, shown every source.
        ``zero-shot``: one that was trained elsewhere, as it is. Else what the model says.
    """
    if task.train_on is not None:
        return f"trained on {task.train_on}"
    return str(getattr(_load_model_plugin(task), "PROTOCOL", "retrained"))


def uses_pretrained_model(task: ModelTask) -> bool:
    """Whether the task's model is fetched, not trained."""
    return hasattr(_load_model_plugin(task), "download")


def get_seeds(task: schema.Task) -> tuple[int | None, ...]:
    """The seeds of a task; one None where nothing is trained."""
    if isinstance(task, schema.QualityTask) or uses_pretrained_model(task):
        return (None,)
    return task.seeds


def load_model(name: str, task: ModelTask) -> tuple[ModuleType, BaseModel, BaseModel]:
    """The model of a task, its options, and how it is asked."""
    module = _load_model_plugin(task)
    options = plugins.validate_options(module, task.options, f"tasks.{name}.options")
    how = plugins.validate_options(module, task.predict, f"tasks.{name}.predict", "Predict")
    return module, options, how


def load_model_for_source(
    source: str, test: Split, name: str, task: ModelTask
) -> tuple[ModuleType, BaseModel, BaseModel]:
    """The same for one source: a model that has a file per source gets the name of its own.

    Raises:
        UserError: If an option is wrong, or the name of a file cannot be filled in.
    """
    module, options, how = load_model(name, task)
    if hasattr(module, "resolve_paths"):
        where = f"tasks.{name}.options"
        known = {"source": source, "dataset": test.dataset, "split": test.name}
        options = module.resolve_paths(options, known, where)
    return module, options, how


def load_metric(
    kind: str, name: str, given: Mapping[str, Any], where: str
) -> tuple[ModuleType, BaseModel]:
    """A metric of one kind of task and its options; ``name.variant`` is short for the option."""
    file, _, variant = name.partition(".")
    module = plugins.load_plugin(METRIC_PACKAGES[kind], file)
    asked = {"variant": variant, **given} if variant else given
    return module, plugins.validate_options(module, asked, where)


def load_metrics(
    kind: str, wanted: Mapping[str, Mapping[str, Any]], where: str
) -> dict[str, tuple[ModuleType, BaseModel]]:
    """The metrics of a task by the name they were asked for.

    Raises:
        UserError: If a name or an option is wrong, or two names come to the same number.
    """
    found: dict[str, tuple[ModuleType, BaseModel]] = {}
    for name, given in wanted.items():
        module, options = load_metric(kind, name, given, f"{where}.{name}")
        for other, asked in found.items():
            if asked == (module, options):
                raise UserError(f"{where}: {other} and {name} are the same metric; keep one")
        found[name] = module, options
    return found


def _load_model_plugin(task: ModelTask) -> ModuleType:
    return plugins.load_plugin(f"{task.kind}.models", task.model)


def _collect_reported_options(task: ModelTask) -> dict[str, Any]:
    """The words of a task that change what its record says but not what is computed."""
    words = ("chosen", "classes", "without")
    return {word: list(getattr(task, word)) for word in words if getattr(task, word, ())}


def _build_metric_spec(
    kind: str, name: str, given: Mapping[str, Any], where: str
) -> dict[str, Any]:
    module, options = load_metric(kind, name, given, where)
    return {"version": module.VERSION, "options": options.model_dump(mode="json")}
