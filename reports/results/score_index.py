"""Every score of a record, and where in it each stands."""

from typing import NamedTuple

from fusebench.storage.records import Record, Scores

ALL_CONDITIONS, MEAN = (
    "all",
    "mean",
)  # what stands for every condition, and for the mean over classes
CLASS, MEAN_OVER_FEWER, CONVENTION = "class", "mean over fewer", "convention"  # the other levels


class ScoreLocation(NamedTuple):
    """Where in a record a score stands.

    Attributes:
        scene: None for all images.
        of: `MEAN`, `CLASS`, `MEAN_OVER_FEWER` (a mean over fewer classes) or `CONVENTION` (a mean as others
            take it).
        name: Class, or the words of such a mean; None for the mean over classes, or over images
            where there are none.
    """

    condition: str | None
    level: str
    class_or_mean: str | None
    metric: str

    @property
    def labels(self) -> tuple[str, str, str, str]:
        """Level, condition, class and metric as a table says them."""
        where = "" if self.condition is None else " in condition"
        scene = ALL_CONDITIONS if self.condition is None else self.condition
        return (
            f"{self.level}{where}",
            scene,
            MEAN if self.class_or_mean is None else self.class_or_mean,
            self.metric,
        )


def locate_score(scene: str | None, name: str | None, metric: str) -> ScoreLocation:
    """That of a class, or of the mean where there is no name."""
    return ScoreLocation(scene, MEAN if name is None else CLASS, name, metric)


def index_scores(record: Record) -> dict[ScoreLocation, float | None]:
    """Every score of a record."""
    parts: list[tuple[str | None, Scores]] = [(None, record), *record.by_condition.items()]
    return {
        ScoreLocation(scene, of, name, metric): value
        for scene, part in parts
        for of, means in (
            (CLASS, part.by_class),
            (MEAN, {None: part.values}),
            (MEAN_OVER_FEWER, part.subset_means),
            (CONVENTION, part.by_convention),
        )
        for name, scores in means.items()
        for metric, value in scores.items()
    }
