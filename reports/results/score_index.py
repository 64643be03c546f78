"""Index of the scores of a record: each score by condition, level, class and metric."""

from typing import NamedTuple

from fusebench.storage.records import Record, Scores

ALL_CONDITIONS = "all"  # printed condition of scores on all images
MEAN, CLASS = "mean", "class"  # levels of scores
MEAN_OVER_FEWER, CONVENTION = "mean over fewer", "convention"  # other levels


class ScoreLocation(NamedTuple):
    """Location of a score in a record.

    Attributes:
        condition: None for all images.
        level: `MEAN`, `CLASS`, `MEAN_OVER_FEWER` (a mean over fewer classes) or `CONVENTION` (a
            mean by another paper's convention).
        class_or_mean: Class, or name of such a mean; None for the mean over classes, or over
            images where there are no classes.
        metric: Name of the metric.
    """

    condition: str | None
    level: str
    class_or_mean: str | None
    metric: str

    @property
    def labels(self) -> tuple[str, str, str, str]:
        """Level, condition, class and metric as printed in a table."""
        suffix = "" if self.condition is None else " in condition"
        return (
            f"{self.level}{suffix}",
            ALL_CONDITIONS if self.condition is None else self.condition,
            MEAN if self.class_or_mean is None else self.class_or_mean,
            self.metric,
        )


def locate_score(condition: str | None, class_name: str | None, metric: str) -> ScoreLocation:
    """Return the location of a class's score, or of the mean if ``class_name`` is None."""
    return ScoreLocation(condition, MEAN if class_name is None else CLASS, class_name, metric)


def index_scores(record: Record) -> dict[ScoreLocation, float | None]:
    """Return every score of a record by its location."""
    parts: list[tuple[str | None, Scores]] = [(None, record), *record.by_condition.items()]
    return {
        ScoreLocation(condition, level, name, metric): value
        for condition, part in parts
        for level, by_name in (
            (CLASS, part.by_class),
            (MEAN, {None: part.values}),
            (MEAN_OVER_FEWER, part.subset_means),
            (CONVENTION, part.by_convention),
        )
        for name, scores in by_name.items()
        for metric, value in scores.items()
    }
