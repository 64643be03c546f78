"""Records: the scores of one run (task x source x seed) and what a report needs beside them."""

from collections.abc import Iterable
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from fusebench.errors import UserError
from fusebench.runtime import atomic_write, command_name

Scalar = str | int | float | bool | None
FILE_NAME = "record.json"
ScoresByName = dict[str, dict[str, float | None]]  # class or convention to metric name to score


class StoredModel(BaseModel):
    """Base of models that are written to files: unknown keys and NaN are errors; frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Column(StoredModel):
    """Table column of one metric.

    Attributes:
        title: Heading of the score of one class.
        mean_title: Heading of the mean over classes.
        unit: Unit of the score; empty if it has none.
        better: Direction of better scores.
        is_fraction: A score without unit is a fraction, 0 to 1, that tables show as 0 to 100.
        signature: Variant and version of the metric, e.g. ``MI.bits v1``.
        family: Heading of a separate, collapsed table of related columns; these are not part of
            means over metrics. Empty: a column of the main table.
        has_intervals: Whether bootstrap intervals and verdicts are computed for it.
    """

    title: str
    mean_title: str
    unit: str = ""
    better: Literal["higher", "lower"] = "higher"
    is_fraction: bool = True
    signature: str = ""
    family: str = ""
    has_intervals: bool = True

    @property
    def is_in_points(self) -> bool:
        """Whether tables show the score in points, from 0 to 100."""
        return self.is_fraction and not self.unit


class Scores(StoredModel):
    """Scores on a set of images.

    Attributes:
        values: Metric name to the mean over classes (or images), a fraction 0..1 unless the
            column has a unit. None means undefined, e.g. without an object of any class.
        by_class: Class name to metric name to score.
        counts: Sample sizes, e.g. ``{"images": 240, "boxes": 5123}``.
        intervals: Metric name to the 95 % confidence interval of its value, if estimated.
        subset_means: Means over fewer classes: description, e.g. ``without Lamp``, to metric name
            to mean.
        by_convention: The same means by conventions of other publications: description, e.g.
            ``segmif8, skip``, to metric name to mean.
    """

    values: dict[str, float | None]
    by_class: dict[str, dict[str, float | None]] = {}
    counts: dict[str, int] = {}
    intervals: dict[str, tuple[float, float] | None] = {}
    subset_means: dict[str, dict[str, float | None]] = {}
    by_convention: dict[str, dict[str, float | None]] = {}

    def merge(self, other: "Scores") -> "Scores":
        """Merge the scores of two metrics on the same images."""
        return Scores(
            values=self.values | other.values,
            by_class=_merge_scores(self.by_class, other.by_class),
            counts=self.counts | other.counts,
            intervals=self.intervals | other.intervals,
            subset_means=_merge_scores(self.subset_means, other.subset_means),
            by_convention=_merge_scores(self.by_convention, other.by_convention),
        )


class Record(Scores):
    """Result of one run: one row of every table.

    Attributes:
        task: Name of the task.
        kind: Kind of the task: ``detection``, ``segmentation`` or ``quality``.
        dataset: Name of the data set.
        source: Name of the source.
        source_kind: Kind in the task file, e.g. ``infrared`` or ``method``.
        seed: Random seed of the training; None if nothing was trained.
        classes: Class names of the data set, in the order of their ids.
        protocol: Facts that a reader needs to reproduce the scores, in the order of printing.
        columns: Metric name to its column, in the order of printing.
        by_condition: Condition (day, night, ...) to the scores on its images alone.
        spec: What was hashed into the folder name.
        provenance: Time, duration, device and package versions. Never hashed.
    """

    task: str
    kind: str
    dataset: str
    source: str
    source_kind: str
    seed: int | None
    classes: tuple[str, ...]
    protocol: dict[str, Scalar]
    columns: dict[str, Column]
    by_condition: dict[str, Scores] = {}
    spec: dict[str, Any]
    provenance: dict[str, Any]

    def write(self, folder: Path) -> None:
        """Write ``record.json`` into ``folder``."""
        text = self.model_dump_json(indent=2)
        atomic_write.write_text_atomically(folder / FILE_NAME, text)


def _merge_scores(first: ScoresByName, second: ScoresByName) -> ScoresByName:
    return {name: first.get(name, {}) | second.get(name, {}) for name in first | second}


def read_record(path: Path) -> Record:
    """Read a record.

    Raises:
        UserError: If the file is damaged.
    """
    try:
        return Record.model_validate_json(path.read_bytes())
    except (ValidationError, OSError) as error:
        reason = error.strerror if isinstance(error, OSError) else error.errors()[0]["msg"]
        advice = command_name.format_repair_advice(path.parent)
        raise UserError(f"{path}: cannot be read ({reason}); {advice}") from None


def build_provenance(seconds: float, device: str, packages: Iterable[str]) -> dict[str, Any]:
    """Build the provenance of a result: time, duration, device and package versions.

    Args:
        seconds: Duration of the computation.
        device: Where it ran.
        packages: Distributions whose versions matter.
    """
    return {
        "at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "seconds": round(seconds, 1),
        "device": device,
        "versions": get_package_versions(packages),
    }


def get_package_versions(packages: Iterable[str]) -> dict[str, str]:
    """Return the installed version of each distribution, and of fusebench itself."""
    return {name: version(name) for name in ("fusebench", *packages)}
