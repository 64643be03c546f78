"""Resolution of tasks: loads and checks the plug-ins and options that each task names.

A task of tasks.yaml is resolved before any data is read: its data set, model, metrics and sources
become typed objects that its runs carry. Later code does not read the task file again.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from fusebench import plugins
from fusebench.config import paths, schema
from fusebench.config.reference_sources import EnsembleSource
from fusebench.contracts import Dataset, FusionMethod, FusionMetric, Model, TaskMetric
from fusebench.errors import UserError
from fusebench.experiments.reference_sources.conflicts import list_source_conflicts
from fusebench.experiments.reference_sources.ensembles import ResolvedEnsemble, resolve_ensemble
from fusebench.experiments.robustness.corruption_levels import (
    CorruptionLevel,
    resolve_corruptions,
)
from fusebench.option_values import validate_model
from fusebench.runtime.unknown_names import suggest_names

Result = TypeVar("Result")
ModelTask = schema.DetectionTask | schema.SegmentationTask


@dataclass(frozen=True)
class ResolvedDataset:
    """A data set, its checked options, and its class names; these are empty if not known yet."""

    plugin: Dataset
    options: BaseModel
    classes: tuple[str, ...]


@dataclass(frozen=True)
class ResolvedMetric:
    """A task metric, its name in the task file, and its checked options."""

    name: str
    plugin: TaskMetric
    options: Any

    @property
    def spec(self) -> dict[str, Any]:
        """Version and options, from which the scores follow; part of the record's spec."""
        return {"version": self.plugin.VERSION, "options": self.options.model_dump(mode="json")}


@dataclass(frozen=True)
class ResolvedFusionMetric:
    """A fusion metric, its name in the task file, and its checked options."""

    name: str
    plugin: FusionMetric
    options: Any

    @property
    def spec(self) -> dict[str, Any]:
        """Version and options, from which the values follow; part of the record's spec."""
        return {"version": self.plugin.VERSION, "options": self.options.model_dump(mode="json")}


@dataclass(frozen=True)
class ResolvedModel:
    """A model with its checked options.

    Attributes:
        name: Name of the model in the task file.
        plugin: The model plug-in.
        options: Checked training options. After `for_source` paths in them are resolved.
        predict_options: Checked prediction options.
        base_folder: Folder that relative paths of the task file are relative to.
        spec_options: The options with paths as they are written in the task file, for specs.
    """

    name: str
    plugin: Model
    options: Any
    predict_options: Any
    base_folder: Path
    spec_options: Any

    @property
    def is_trained_here(self) -> bool:
        """Whether it is trained by this project; otherwise it is downloaded or made elsewhere."""
        return self.plugin.PROTOCOL == "retrained" and self.plugin.download is None

    def for_source(self, values: Mapping[str, str], where: str) -> "ResolvedModel":
        """Return the model for one source, with placeholders replaced and paths resolved.

        Args:
            values: Values of the placeholders ``source``, ``dataset`` and ``split``.
            where: Position in the task file, for messages.

        Raises:
            UserError: If a placeholder is unknown, or a path is relative to another folder than
                the task file's.
        """
        options = self.spec_options
        if self.plugin.resolve_paths is not None:
            options = self.plugin.resolve_paths(options, values, where)
        resolved = paths.resolve_options(options, self.base_folder, where)
        return replace(self, options=resolved, spec_options=options)


@dataclass(frozen=True)
class ResolvedSource:
    """A source of images with its fusion method, if it has one.

    Attributes:
        name: Name of the source in the task file.
        config: Its configuration in the task file.
        base_folder: Folder that relative paths of the task file are relative to.
        method: The fusion method; None for other kinds.
        options: Checked options of the method, with resolved paths.
        spec_options: The options with paths as they are written in the task file, for specs.
        ensemble: How the predictions on the members are combined; None for other kinds.
        members: Members of an ensemble; empty for other kinds.
    """

    name: str
    config: schema.Source
    base_folder: Path
    method: FusionMethod | None = None
    options: Any = None
    spec_options: Any = None
    ensemble: ResolvedEnsemble | None = None
    members: tuple["ResolvedSource", ...] = ()

    @property
    def kind(self) -> str:
        """Kind in the task file, e.g. ``infrared`` or ``method``."""
        return self.config.kind

    @property
    def is_fused_elsewhere(self) -> bool:
        """Whether its images, or those of a member, were fused elsewhere: not fused again here."""
        return any(
            isinstance(source.config, schema.ExternalImagesSource)
            for source in (self, *self.members)
        )

    @property
    def method_state(self) -> dict[str, Any]:
        """What affects the method beside its options: ``version``, and hashes of files it needs.

        Raises:
            UserError: If such a file is missing.
        """
        assert self.method is not None
        return {
            "version": self.method.VERSION,
            "dependencies": dict(self.method.dependency_hashes(self.options)),
        }


@dataclass(frozen=True)
class ResolvedTask:
    """A task with its plug-ins and sources.

    Attributes:
        name: Name of the task.
        task: Its configuration in the task file.
        dataset: The data set and its options.
        model: None for a quality task.
        metrics: Metrics of a detection or segmentation task.
        fusion_metrics: Metrics of a quality task.
        sources: In the order of the task file.
        training_source: Source that all models are trained on; None: each source trains its own
            model.
        corruptions: Corruptions of the test pairs, one level per severity.
    """

    name: str
    task: schema.Task
    dataset: ResolvedDataset
    model: ResolvedModel | None
    metrics: tuple[ResolvedMetric, ...]
    fusion_metrics: tuple[ResolvedFusionMetric, ...]
    sources: tuple[ResolvedSource, ...]
    training_source: ResolvedSource | None
    corruptions: tuple[CorruptionLevel, ...] = ()

    @property
    def seeds(self) -> tuple[int | None, ...]:
        """Random seeds, one per training; ``(None,)`` if nothing is trained."""
        if self.model is None or not self.model.is_trained_here:
            return (None,)
        assert isinstance(self.task, schema.ModelTaskBase)
        return self.task.seeds

    @property
    def protocol(self) -> str:
        """Experimental protocol of a detection or segmentation task.

        Only rows with the same protocol share a table.

        Returns:
            ``retrained``: one model per source. ``trained on SOURCE``: one model for all sources.
            ``zero-shot``: a pretrained model, not trained further. Otherwise the model's own
            ``PROTOCOL``.
        """
        assert self.model is not None
        assert isinstance(self.task, schema.ModelTaskBase)
        if self.training_source is not None:
            return f"trained on {self.task.train_on}"
        return self.model.plugin.PROTOCOL


def resolve_tasks(
    file: schema.TaskFile, names: Sequence[str], data: Path, base_folder: Path
) -> dict[str, ResolvedTask]:
    """Resolve the named tasks; all errors are reported at once.

    Args:
        file: The task file.
        names: Names of tasks.
        data: The folder of the data sets.
        base_folder: Folder that relative paths of the task file are relative to.

    Raises:
        UserError: One line per fault.
    """
    faults: dict[str, None] = {}  # a dict, so that two tasks with one faulty source report it once

    def attempt(function: Callable[..., Result], *arguments: Any) -> Result | None:
        try:
            return function(*arguments)
        except UserError as fault:
            faults.update(dict.fromkeys(str(fault).splitlines()))
            return None

    tasks = {}
    for name in names:
        task = file.tasks[name]
        dataset = attempt(_resolve_dataset, name, task, data)
        model = None
        if isinstance(task, schema.ModelTaskBase):
            model = attempt(_resolve_model, name, task, base_folder)
        metrics: tuple[ResolvedMetric, ...] = ()
        fusion_metrics: tuple[ResolvedFusionMetric, ...] = ()
        if isinstance(task, schema.QualityTask):
            fusion_metrics = (
                attempt(resolve_fusion_metrics, task.metrics, f"tasks.{name}.metrics") or ()
            )
        else:
            metrics = (
                attempt(resolve_metrics, task.kind, task.metrics, f"tasks.{name}.metrics") or ()
            )
        corruptions = attempt(resolve_corruptions, name, task) or ()
        every_source = [
            attempt(_resolve_task_source, file, task.kind, s, base_folder) for s in task.sources
        ]
        faults.update(
            dict.fromkeys(
                list_source_conflicts(file, name, None if model is None else model.plugin)
            )
        )
        sources = tuple(source for source in every_source if source is not None)
        teacher = file.get_training_source_name(name)
        training_source = None
        if teacher is not None:
            training_source = attempt(
                resolve_source, teacher, file.get_source(teacher), base_folder
            )
        if dataset is not None and not isinstance(task, schema.QualityTask):
            _collect_conflicts(faults, name, task, dataset, model, metrics)
        if dataset is not None:
            tasks[name] = ResolvedTask(
                name,
                task,
                dataset,
                model,
                metrics,
                fusion_metrics,
                sources,
                training_source,
                corruptions,
            )
    if faults:
        raise UserError("\n".join(faults))
    return tasks


def resolve_source(name: str, config: schema.Source, base_folder: Path) -> ResolvedSource:
    """Resolve one source of the task file.

    Raises:
        UserError: If there is no such method, or an option is wrong.
    """
    if not isinstance(config, schema.FusionMethodSource):
        return ResolvedSource(name, config, base_folder)
    method = plugins.load_fusion_method(config.method)
    options = validate_model(method.Options, config.options, f"options of method {config.method}")
    resolved = paths.resolve_options(options, base_folder, f"sources.{name}.options")
    return ResolvedSource(name, config, base_folder, method, resolved, options)


def _resolve_task_source(
    file: schema.TaskFile, kind: str, name: str, base_folder: Path
) -> ResolvedSource:
    """Resolve a source for a task of some kind; an ensemble with its members."""
    config = file.get_source(name)
    if not isinstance(config, EnsembleSource) or kind == "quality":  # its conflict is reported
        return resolve_source(name, config, base_folder)
    return ResolvedSource(
        name,
        config,
        base_folder,
        ensemble=resolve_ensemble(kind, name, config),
        members=tuple(
            resolve_source(member, file.get_source(member), base_folder) for member in config.of
        ),
    )


def resolve_metrics(
    kind: str, metrics: Mapping[str, Mapping[str, Any]], where: str
) -> tuple[ResolvedMetric, ...]:
    """Resolve the metrics of a detection or segmentation task.

    Raises:
        UserError: One line per fault.
    """

    def resolve(name: str, options: Mapping[str, Any]) -> ResolvedMetric:
        plugin = plugins.load_task_metric(kind, name)
        checked = validate_model(plugin.Options, options, f"{where}.{name}")
        return ResolvedMetric(name, plugin, checked)

    return _resolve_each(metrics, resolve, where)


def resolve_fusion_metrics(
    metrics: Mapping[str, Mapping[str, Any]], where: str
) -> tuple[ResolvedFusionMetric, ...]:
    """Resolve fusion metrics; ``name.variant`` is short for the option ``variant``.

    Raises:
        UserError: One line per fault; also if two names are the same metric.
    """
    names = plugins.list_plugins(plugins.FUSION_METRICS)

    def resolve(name: str, options: Mapping[str, Any]) -> ResolvedFusionMetric:
        file, _, variant = name.partition(".")
        is_variant = bool(variant) and file in names  # otherwise a module of the user
        plugin = plugins.load_fusion_metric(file if is_variant else name)
        given = {"variant": variant, **options} if is_variant else options
        checked = validate_model(plugin.Options, given, f"{where}.{name}")
        return ResolvedFusionMetric(name, plugin, checked)

    return _resolve_each(metrics, resolve, where)


AnyMetric = TypeVar("AnyMetric", ResolvedMetric, ResolvedFusionMetric)


def _resolve_each(
    metrics: Mapping[str, Mapping[str, Any]],
    resolve: Callable[[str, Mapping[str, Any]], AnyMetric],
    where: str,
) -> tuple[AnyMetric, ...]:
    """Resolve all metrics; report all faults, and names that are the same metric."""
    resolved: list[AnyMetric] = []
    faults = []
    for name, options in metrics.items():
        try:
            metric = resolve(name, options)
        except UserError as fault:
            faults.append(str(fault))
            continue
        faults += [
            f"{where}: {other.name} and {name} are the same metric; keep one"
            for other in resolved
            if (other.plugin.name, other.options) == (metric.plugin.name, metric.options)
        ]
        resolved.append(metric)
    if faults:
        raise UserError("\n".join(faults))
    return tuple(resolved)


def _resolve_dataset(name: str, task: schema.Task, data: Path) -> ResolvedDataset:
    plugin = plugins.load_dataset(task.dataset)
    options = validate_model(plugin.Options, task.data, f"tasks.{name}.data")
    options = paths.expand_home_in_options(options)
    return ResolvedDataset(plugin, options, plugin.list_classes(data, options))


def _resolve_model(name: str, task: ModelTask, base_folder: Path) -> ResolvedModel:
    plugin = plugins.load_model(task.kind, task.model)
    faults, checked = [], []
    for model, values, section in (
        (plugin.Options, task.options, "options"),
        (plugin.Predict, task.predict, "predict"),
    ):
        try:
            where = f"tasks.{name}.{section}"
            # An unknown field of the task, given by --set, is taken for an option of the model.
            task_fields = type(task).model_fields if section == "options" else ()
            checked.append(validate_model(model, values, where, task_fields))
        except UserError as fault:  # noqa: PERF203 - all faults are reported at once
            faults.append(str(fault))
    if faults:
        raise UserError("\n".join(faults))
    options, predict_options = checked
    return ResolvedModel(task.model, plugin, options, predict_options, base_folder, options)


def _collect_conflicts(
    faults: dict[str, None],
    name: str,
    task: ModelTask,
    dataset: ResolvedDataset,
    model: ResolvedModel | None,
    metrics: Sequence[ResolvedMetric],
) -> None:
    """Add conflicts between model, metrics and data set, each of which is valid by itself."""
    classes = dataset.classes
    if not classes and dataset.plugin.get_classes is not None:
        return  # the data set is not there, which the plan reports
    conflicts = [*_check_classes(name, task, classes), *_check_equivalence(name, task, metrics)]
    if model is not None:
        conflicts += _check_model(name, task, model, classes)
    for metric in metrics:
        where = f"tasks.{name}.metrics.{metric.name}"
        conflicts += metric.plugin.config_errors(metric.options, classes, where)
        confidence = model.plugin.min_confidence(model.predict_options) if model else None
        if confidence is not None:
            try:
                metric.plugin.check_confidence(confidence, f"tasks.{name}")
            except UserError as fault:
                conflicts.append(str(fault))
    faults.update(dict.fromkeys(conflicts))


def _check_classes(name: str, task: ModelTask, classes: Sequence[str]) -> list[str]:
    """Return the errors in the class names of a task."""
    faults = []
    named = {"classes": task.leading_classes, "without": task.excluded_classes}
    for option, names in named.items():
        faults += [
            f"tasks.{name}.{option}: {each!r} is none of {task.dataset}'s classes "
            f"({', '.join(classes)})"
            for each in names
            if each not in classes
        ]
    if set(classes) <= set(task.excluded_classes):
        faults.append(f"tasks.{name}.without: leaves no class of {', '.join(classes)}")
    return faults


def _check_equivalence(name: str, task: ModelTask, metrics: Sequence[ResolvedMetric]) -> list[str]:
    """Return the errors in the columns of a task's equivalence tests."""
    columns = {
        column_name: column
        for metric in metrics
        for column_name, column in metric.plugin.COLUMNS.items()
    }
    testable = [
        column_name
        for column_name, column in columns.items()
        if column.has_intervals and column.is_in_points
    ]
    where = f"tasks.{name}.equivalence.metrics"
    return [
        f"{where}: {each} has no intervals in points, so that no margin can be tested; choose from "
        f"{', '.join(testable)}"
        if each in columns
        else f"{where}: no column of the task's metrics is called {each!r}"
        f"{suggest_names(each, testable)}"
        for each in task.equivalence.metrics
        if metrics and each not in testable  # without metrics, their own errors are reported
    ]


def _check_model(
    name: str, task: ModelTask, model: ResolvedModel, classes: Sequence[str]
) -> list[str]:
    """Return the conflicts between a model and its task."""
    plugin, faults = model.plugin, []
    if task.train_on is not None and plugin.PROTOCOL != "retrained":
        faults.append(
            f"tasks.{name}.train_on: {task.train_on}, but nothing is trained by model "
            f"{task.model} ({plugin.TITLE}); delete train_on, or choose a model that is trained"
        )
    if task.corruptions and plugin.FILES:
        faults.append(
            f"tasks.{name}.corruptions: model {task.model} reads {plugin.FILES} that were made "
            "elsewhere, on clean images; delete corruptions, or choose a model that predicts here"
        )
    faults += _find_shared_files(name, task, model)
    faults += plugin.config_errors(model.options, classes, f"tasks.{name}.options")
    unmapped = set(classes) - plugin.mapped_classes(model.options, classes)
    unmapped -= set(task.excluded_classes)
    score = "AP" if task.kind == "detection" else "IoU"
    faults += [
        f"tasks.{name}.options.class_map: maps nothing to {each}, so its {score} would be 0 and "
        f"lower the mean; map a class to it, or list it under without: for a second mean"
        for each in classes
        if each in unmapped
    ]
    return faults


def _find_shared_files(name: str, task: ModelTask, model: ResolvedModel) -> list[str]:
    """Return an error if one prediction file would be scored for several sources."""
    if model.plugin.resolve_paths is None:
        return []
    where = f"tasks.{name}.options"
    values = {"dataset": task.dataset, "split": "test"}
    try:
        options = [
            model.for_source({"source": source, **values}, where).options for source in task.sources
        ]
    except UserError as fault:
        return [str(fault)]
    if len(options) == 1 or options[0] != options[1]:
        return []
    return [
        f"{where}: the same {model.plugin.FILES} would be scored for each of the {len(options)} "
        f"sources ({', '.join(task.sources)}); write {{source}} into the name, so that every "
        "source has its own, or list one source"
    ]
