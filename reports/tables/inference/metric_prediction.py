"""Does image quality predict the task? Rank correlations within pairs, over images.

For each test pair, the fused sources are ranked by a fusion metric and by the score of the task on
that image (F1, pixel accuracy). The single sensors are left out: by construction, the image of a
sensor is the best by several metrics, as by the mutual information with that sensor. Spearman's rho
of both ranks, over the sources, says whether the better looking image is the better one for the
model on this pair; the mean over the pairs is reported.
What differs between pairs, as darkness or the number of objects, does not count: both are compared
on the same pair. A pair on which all sources score the same says nothing and is left out. The mean
has an interval over sequences (`reports.statistics.clustered_mean`), and p-values are adjusted
(Holm) for all metrics of a task. The correlation over sources alone (`metric_correlation`) has as
many points as there are sources.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fusebench.runtime import file_names
from reports.results.images.image_scores import ImageScores
from reports.results.per_image import TITLE_BY_KIND
from reports.results.task_results import TaskResults
from reports.statistics import clustered_mean, confidence_intervals
from reports.statistics.clustered_mean import MeanEstimate
from reports.statistics.confidence_intervals import CONFIDENCE_LEVEL
from reports.tables.number_format import UNDEFINED
from reports.tables.result_text import format_correlation

MIN_SOURCES = 3  # two sources have a rho of 1 or -1 only
CSV_COLUMNS = (
    *("quality_task", "metric", "task", "task_score", "sources", "images", "units"),
    *("rho", "low", "high", "p", "p_holm", "shown"),
)
PREDICTION_NOTE = (
    "For each test pair, the fused sources are ranked by the fusion metric and by the score of the "
    "task on this pair; rho is the mean of the rank correlations (Spearman) over the pairs, with "
    "an interval over sequences. 1: the better image by the metric is always the better one for "
    "the task; 0: the metric does not tell. Pairs on which all sources score the same are left "
    "out, and so are the single sensors, which are the best by several metrics by construction. "
    "The intervals cover other images, not other sources: with few of them, one source that is "
    "better throughout decides. Metrics for which lower is better are negated first. Shown: p "
    "below 0.05, adjusted (Holm) for all metrics of the task."
)
FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class MetricPrediction:
    """Mean rank correlation of one fusion metric with a task's scores, within pairs.

    Attributes:
        quality_task: Name of the quality task.
        metric: Title of the fusion metric; negated where lower is better.
        task: Name of the other task.
        task_score: Title of its score per image.
        source_count: Number of sources that both have.
        estimate: Mean over the pairs.
        adjusted_p_value: None without an interval.
    """

    quality_task: str
    metric: str
    task: str
    task_score: str
    source_count: int
    estimate: MeanEstimate
    adjusted_p_value: float | None = None

    @property
    def is_shown(self) -> bool:
        """Whether the mean is shown to differ from 0."""
        return self.adjusted_p_value is not None and self.adjusted_p_value < 1 - CONFIDENCE_LEVEL


def predict_tasks(tasks: Sequence[TaskResults]) -> list[MetricPrediction]:
    """Correlate every fusion metric with the scores per image of every task on the same pairs."""
    predictions = []
    for quality in tasks:
        for task in tasks:
            if quality.kind == "quality" and task.kind in TITLE_BY_KIND:
                predictions += _adjust(list(_correlate(quality, task)))
    return predictions


def correlate_within_pairs(metric: FloatArray, score: FloatArray) -> FloatArray:
    """Compute Spearman's rho over the sources for every image.

    Args:
        metric: float64 (S, I), NaN where undefined.
        score: float64 (S, I), likewise.

    Returns:
        float64 (I,), NaN where fewer than `MIN_SOURCES` sources have both, or one is constant.
    """
    from scipy.stats import rankdata

    is_defined = np.isfinite(metric) & np.isfinite(score)
    rho = np.full(metric.shape[1], np.nan)
    for i in range(metric.shape[1]):
        chosen = is_defined[:, i]
        if chosen.sum() < MIN_SOURCES:
            continue
        first, second = (
            ranks - ranks.mean()
            for ranks in (rankdata(metric[chosen, i]), rankdata(score[chosen, i]))
        )
        norm = np.sqrt((first @ first) * (second @ second))
        if norm > 0:
            rho[i] = np.clip(first @ second / norm, -1, 1)
    return rho


def build_dataframe(predictions: Sequence[MetricPrediction]) -> pd.DataFrame:
    """Tabulate one row per metric and task for a CSV file: columns `CSV_COLUMNS`."""
    rows = [
        (
            *(each.quality_task, each.metric, each.task, each.task_score, each.source_count),
            *(each.estimate.image_count, each.estimate.unit_count, each.estimate.mean),
            *(each.estimate.low, each.estimate.high, each.estimate.p_value),
            *(each.adjusted_p_value, each.is_shown),
        )
        for each in predictions
    ]
    return pd.DataFrame(rows, columns=list(CSV_COLUMNS)).round(6)


def format_cells(prediction: MetricPrediction) -> tuple[str, str, str, str, str]:
    """Format sources, images, mean rho, interval, and whether it is shown."""
    estimate = prediction.estimate
    interval = UNDEFINED
    if estimate.low is not None and estimate.high is not None:
        interval = " to ".join(map(format_correlation, (estimate.low, estimate.high)))
    return (
        *(str(prediction.source_count), str(estimate.image_count)),
        *(format_correlation(estimate.mean), interval, "yes" if prediction.is_shown else "no"),
    )


def group_by_task(
    predictions: Sequence[MetricPrediction],
) -> dict[tuple[str, str], list[MetricPrediction]]:
    """Group by task and quality task, the highest correlation first."""
    groups: dict[tuple[str, str], list[MetricPrediction]] = {}
    for each in sorted(predictions, key=lambda each: -each.estimate.mean):
        groups.setdefault((each.task, each.quality_task), []).append(each)
    return dict(sorted(groups.items(), key=lambda item: list_order(predictions, item[0])))


def list_order(predictions: Sequence[MetricPrediction], group: tuple[str, str]) -> int:
    """Return the place of a group in the order of the report."""
    return next(i for i, each in enumerate(predictions) if (each.task, each.quality_task) == group)


def build_figure_stem(group: tuple[str, str]) -> str:
    """Return the path of a group's figure without suffix, relative to the report."""
    task, quality_task = map(file_names.make_safe_file_name, group)
    return f"figures/{task}-predicted-by-{quality_task}"


def _correlate(quality: TaskResults, task: TaskResults) -> Iterator[MetricPrediction]:
    images, task_images = quality.image_scores, task.image_scores
    title = TITLE_BY_KIND[task.kind]
    if images is None or task_images is None:
        return
    places, task_places = _match_pairs(images, task_images)
    task_scores = task_images.scores.get(title, {})
    fused = [source.source_name for source in quality.sources if not source.is_single_sensor]
    for metric, column in quality.columns.items():
        scores = images.scores.get(metric, {})
        sources = [source for source in fused if source in scores and source in task_scores]
        if len(sources) < MIN_SOURCES or not len(places):
            continue
        sign = 1.0 if column.better == "higher" else -1.0
        rho = correlate_within_pairs(
            np.stack([sign * scores[source][places] for source in sources]),
            np.stack([task_scores[source][task_places] for source in sources]),
        )
        is_defined = np.isfinite(rho)
        estimate = clustered_mean.estimate_mean(
            rho[is_defined], task_images.units[task_places][is_defined]
        )
        if estimate is not None:
            estimate = _cut_interval(estimate)
            titles = (quality.name, column.mean_title, task.name, title)
            yield MetricPrediction(*titles, len(sources), estimate)


def _cut_interval(estimate: MeanEstimate) -> MeanEstimate:
    """Cut the interval to the range of correlations, -1 to 1."""
    if estimate.low is None or estimate.high is None:
        return estimate
    return replace(estimate, low=max(-1.0, estimate.low), high=min(1.0, estimate.high))


def _match_pairs(
    first: ImageScores, second: ImageScores
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the places in both of the pairs that both have: the same two image files."""
    place_of_pair: Mapping[tuple[str, str], int] = {
        pair: place for place, pair in enumerate(second.pairs)
    }
    common = [
        (i, place_of_pair[pair]) for i, pair in enumerate(first.pairs) if pair in place_of_pair
    ]
    places = np.array(common, np.int64).reshape(-1, 2)
    return places[:, 0], places[:, 1]


def _adjust(predictions: Sequence[MetricPrediction]) -> list[MetricPrediction]:
    tested = {
        i: each.estimate.p_value
        for i, each in enumerate(predictions)
        if each.estimate.p_value is not None
    }
    adjusted = confidence_intervals.adjust_p_values(list(tested.values()))
    by_place = dict(zip(tested, adjusted, strict=True))
    return [replace(each, adjusted_p_value=by_place.get(i)) for i, each in enumerate(predictions)]
