"""From saved counts to scores: of the data set, of each condition, of every bootstrap resample.

`score_metric` is the only place where counts become scores. It takes any number of weightings of
the images: ones for the data set, ones and zeros for a condition, draws for a resample.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from fusebench import plugins
from fusebench.config import schema
from fusebench.data.boxes import Boxes
from fusebench.data.images import view_read_only
from fusebench.errors import UserError
from fusebench.evaluation import counts as image_counts
from fusebench.evaluation.class_means import average_defined, to_optional
from fusebench.evaluation.counts import Counts, DatasetCounts, Detections, FloatArray
from fusebench.experiments.resolution import ResolvedMetric
from fusebench.storage.records import Scores

SUBSET_PREFIX = "without "  # name of a mean over fewer classes: "without Lamp"
NamedScores = dict[tuple[str | None, str], FloatArray]  # class or subset (None: mean), column


def count_images(
    metrics: Iterable[ResolvedMetric],
    pairs: Iterable[tuple[str, Any, Any]],
    classes: Sequence[str],
) -> dict[str, DatasetCounts]:
    """Compute the counts of every image, once per file of counts.

    Args:
        metrics: Metrics of the task; of those that share a file, the first one computes it.
        pairs: Key, ground truth and prediction of each image.
        classes: Class names.

    Returns:
        File name to the counts of all images.
    """
    counting: dict[str, ResolvedMetric] = {}
    for metric in metrics:
        counting.setdefault(metric.plugin.counts_file, metric)
    counted: dict[str, dict[str, image_counts.ImageCounts]] = {file: {} for file in counting}
    for key, *labels in pairs:
        truth, predicted = map(_protect, labels)  # several metrics count the same labels
        for file, metric in counting.items():
            with plugins.name_failing_input(f"metric {metric.name}, image {key}"):
                count = metric.plugin.count(truth, predicted, classes, metric.options)
            counted[file][key] = _check_count(metric, key, count, counted[file])
    return {file: image_counts.stack_counts(by_key) for file, by_key in counted.items()}


def _protect(labels: Any) -> Any:
    """The same label map or boxes as read-only views, so that no metric changes them."""
    if isinstance(labels, Boxes):
        return Boxes(*(_protect(getattr(labels, field.name)) for field in fields(Boxes)))
    return view_read_only(labels) if isinstance(labels, np.ndarray) else labels


def _check_count(
    metric: ResolvedMetric, key: str, count: Any, others: Mapping[str, image_counts.ImageCounts]
) -> image_counts.ImageCounts:
    """What a metric counted in one image, checked against the images before.

    Raises:
        UserError: If it is not what can be added over images.
    """
    first = next(iter(others.values()), count)
    if isinstance(count, Detections) and isinstance(first, Detections):
        _check_detections(metric, key, count)
        return count
    array = np.asarray(count if not isinstance(count, Detections) else None)
    numeric = array.dtype.kind in "biuf" and bool(np.isfinite(array).all())
    if numeric and not isinstance(first, Detections) and array.shape == np.shape(first):
        return array
    returned = type(count).__name__
    if array.dtype.kind != "O":
        finite = "" if numeric or array.dtype.kind != "f" else " with NaN or infinity"
        returned = f"an array of shape {array.shape} and dtype {array.dtype}{finite}"
    before = (
        ""
        if first is count
        else f"; {next(iter(others))} has {_describe_count(first)}, and all must be alike"
    )
    raise UserError(
        f"metric {metric.name}, image {key}: count returned {returned}, expected finite real "
        f"numbers in an array of one shape for all images, or Detections{before}"
    )


def _check_detections(metric: ResolvedMetric, key: str, count: Detections) -> None:
    """Raise a `UserError` if a score or a total is not finite: it would spoil the ranking or sums.

    Other rows may be NaN, e.g. the overlap with no box.
    """
    numbers = {"scores": count.rows["scores"], **count.totals}
    for name, values in numbers.items():
        array = np.asarray(values)
        if array.dtype.kind not in "biuf" or not np.isfinite(array).all():
            raise UserError(
                f"metric {metric.name}, image {key}: count returned Detections whose {name} are "
                "not all finite real numbers"
            )


def _describe_count(count: image_counts.ImageCounts) -> str:
    if isinstance(count, Detections):
        return "Detections"
    return f"an array of shape {count.shape}"


def write_counts(folder: Path, counts: Mapping[str, DatasetCounts]) -> None:
    """Save all counts under their file names."""
    for file, values in counts.items():
        image_counts.write_counts(folder / file, values)


def score_metric(
    metric: ResolvedMetric,
    counts: DatasetCounts,
    weights: FloatArray,
    classes: Sequence[str],
    *,
    columns: Sequence[str] | None = None,
    without: Sequence[str] = (),
) -> NamedScores:
    """Score one metric for many weightings of the images.

    Args:
        metric: The metric.
        counts: Its counts of I images.
        weights: (R, I), how often each image counts, 0 or more.
        classes: Class names.
        columns: Names of the requested columns; None: all.
        without: Classes that a second mean leaves out.

    Returns:
        (R,) per class and column, and under None the mean over classes; NaN where undefined.

    Raises:
        UserError: If the metric's scores are not one number per weighting and class.
    """
    needed = list(metric.plugin.COLUMNS if columns is None else columns)
    counted = np.flatnonzero(weights.any(axis=0))
    if len(counted) < weights.shape[1]:  # saves time if most images are of other conditions
        counts, weights = counts.select(counted), weights[:, counted]
    by_column = _score_columns(metric, counts.add(weights), len(weights), classes, needed)
    return _name_scores(metric, by_column, classes, without)


def build_scores(
    metrics: Sequence[ResolvedMetric],
    counts: Mapping[str, DatasetCounts],
    weights: FloatArray,
    classes: Sequence[str],
    task: schema.Task,
) -> list[Scores]:
    """Compute all scores of a task, as stored in a record, for R weightings of the images.

    Args:
        metrics: The metrics of the task.
        counts: File name to counts of I images.
        weights: (R, I), ones for the images that are scored, zeros for the others.
        classes: Class names of the data set.
        task: Its options ``classes`` and ``without`` decide how classes are ordered and averaged.

    Returns:
        R scores.
    """
    without = task.excluded_classes
    results = [Scores(values={}, counts={"images": int(row.sum())}) for row in weights]
    for metric in metrics:
        dataset_counts = counts[metric.plugin.counts_file]
        columns = list(metric.plugin.COLUMNS)
        total = dataset_counts.add(weights)
        by_column = _score_columns(metric, total, len(weights), classes, columns)
        named = _name_scores(metric, by_column, classes, without)
        for row, result in enumerate(results):
            scores = {key: to_optional(float(values[row])) for key, values in named.items()}
            conventions = metric.plugin.conventions(
                {column: values[row] for column, values in by_column.items()},
                classes,
                metric.options,
            )
            sizes = metric.plugin.sample_sizes(
                dataset_counts.add(weights[row : row + 1]), classes, metric.options
            )
            of_metric = _collect_scores(scores, columns, by_convention=conventions, sizes=sizes)
            results[row] = result.merge(of_metric)
    return [_order_classes(result, task.leading_classes) for result in results]


def _score_columns(
    metric: ResolvedMetric, total: Counts, number: int, classes: Sequence[str], columns: list[str]
) -> dict[str, FloatArray]:
    """Compute the scores (R, C) of all classes by column; check their shape."""
    with plugins.name_failing_input(f"metric {metric.name}: score"):
        scores = metric.plugin.score(total, classes, metric.options, columns)
    if not isinstance(scores, Mapping) or not set(columns) <= set(scores):
        returned = f"{sorted(scores)}" if isinstance(scores, Mapping) else type(scores).__name__
        raise UserError(
            f"metric {metric.name}: score returned {returned}, expected a mapping with the columns "
            f"{', '.join(columns)}"
        )
    by_column = {}
    for column in columns:
        values = np.asarray(scores[column])
        shape, dtype = (number, len(classes)), values.dtype
        if values.shape != shape or dtype.kind not in "biuf" or np.isinf(values).any():
            infinite = " with infinity" if dtype.kind == "f" and np.isinf(values).any() else ""
            raise UserError(
                f"metric {metric.name}, column {column}: scores of shape {values.shape} and dtype "
                f"{dtype}{infinite}; expected real numbers of shape {shape}, weightings by "
                "classes, NaN where undefined"
            )
        by_column[column] = values.astype(np.float64)
    return by_column


def _name_scores(
    metric: ResolvedMetric,
    by_column: Mapping[str, FloatArray],
    classes: Sequence[str],
    without: Sequence[str],
) -> NamedScores:
    """Select the scored classes and add their means, (R,) each."""
    scored = list(metric.plugin.scored_classes(classes, metric.options))
    class_ids = [list(classes).index(name) for name in scored]
    kept = [place for place, name in enumerate(scored) if name not in without]
    named: NamedScores = {}
    for column, scores in by_column.items():
        values = scores[:, class_ids]
        named |= {(name, column): values[:, i] for i, name in enumerate(scored)}
        named[None, column] = _average(metric, values)
        if without and kept:
            named[name_subset(without), column] = _average(metric, values[:, kept])
    return named


def name_subset(without: Sequence[str]) -> str:
    """Return the name of a mean that leaves out some classes, e.g. ``without Lamp``."""
    return f"{SUBSET_PREFIX}{', '.join(without)}"


def _collect_scores(
    scores: Mapping[tuple[str | None, str], float | None],
    columns: Sequence[str],
    *,
    by_convention: Mapping[str, Mapping[str, float | None]],
    sizes: Mapping[str, int],
) -> Scores:
    """Convert the scores of one metric to the form of a record."""
    names = dict.fromkeys(name for name, _ in scores if name is not None)
    by_name = {name: {column: scores[name, column] for column in columns} for name in names}
    return Scores(
        values={column: scores[None, column] for column in columns},
        by_class={n: row for n, row in by_name.items() if not n.startswith(SUBSET_PREFIX)},
        counts=dict(sizes),
        subset_means={n: row for n, row in by_name.items() if n.startswith(SUBSET_PREFIX)},
        by_convention={name: dict(means) for name, means in by_convention.items()},
    )


def _average(metric: ResolvedMetric, values: FloatArray) -> FloatArray:
    """Average scores (R, S) over classes, by the metric's own function if it has one."""
    if metric.plugin.average is None:
        return average_defined(values)
    mean: FloatArray = metric.plugin.average(values, metric.options)
    return mean


def _order_classes(scores: Scores, first: Sequence[str]) -> Scores:
    """Reorder the scores so that the classes ``first`` come first."""
    order = [name for name in first if name in scores.by_class]
    order += [name for name in scores.by_class if name not in order]
    return scores.model_copy(update={"by_class": {name: scores.by_class[name] for name in order}})
