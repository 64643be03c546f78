"""Every score of a record, and where in it each stands."""

from typing import NamedTuple

from bench.records import Record, Slice

ALL, MEAN = "all", "mean"  # what stands for every condition, and for the mean over classes
CLASS, FEWER, CONVENTION = "class", "mean over fewer", "convention"  # the other levels


class Place(NamedTuple):
    """Where in a record a score stands.

    Attributes:
        scene: None for all images.
        of: `MEAN`, `CLASS`, `FEWER` (a mean over fewer classes) or `CONVENTION` (a mean as others
            take it).
        name: Class, or the words of such a mean; None for the mean over classes, or over images
            where there are none.
    """

    scene: str | None
    of: str
    name: str | None
    metric: str

    @property
    def said(self) -> tuple[str, str, str, str]:
        """Level, condition, class and metric as a table says them."""
        where = "" if self.scene is None else " in condition"
        scene = ALL if self.scene is None else self.scene
        return f"{self.of}{where}", scene, MEAN if self.name is None else self.name, self.metric


def simple(scene: str | None, name: str | None, metric: str) -> Place:
    """That of a class, or of the mean where there is no name."""
    return Place(scene, MEAN if name is None else CLASS, name, metric)


def numbers(record: Record) -> dict[Place, float | None]:
    """Every score of a record."""
    parts: list[tuple[str | None, Slice]] = [(None, record), *record.by_scene.items()]
    return {
        Place(scene, of, name, metric): value
        for scene, part in parts
        for of, means in (
            (CLASS, part.by_class),
            (MEAN, {None: part.values}),
            (FEWER, part.other_means),
            (CONVENTION, part.conventions),
        )
        for name, scores in means.items()
        for metric, value in scores.items()
    }
