"""One measured cell (task x source x seed) as a file: all a report needs, and no more."""

from collections.abc import Iterable
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from fusebench.errors import UserError

Scalar = str | int | float | bool | None
ScoresByName = dict[str, dict[str, float | None]]  # a class or convention to metric name to score


class StoredModel(BaseModel):
    """Written in a file: unknown keys and NaN are errors, and nothing changes after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Column(StoredModel):
    """How one metric is headed: ``title`` for one class, ``mean`` for the mean over classes.

    Attributes:
        points: Without a unit, a fraction 0 to 1 that is shown as points, 0 to 100.
        signature: Which of the numbers of that name it is, e.g. ``MI.bits v1``.
        family: Heading of a table of their own that columns share, folded away; such columns are
            not among the means of all metrics. Empty: a main column.
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


class Scores(StoredModel):
    """Scores on some images.

    Attributes:
        values: Metric name to the mean over classes (or images), a fraction 0..1 unless the
            column has a unit. None means undefined (say, no object of any class).
        by_class: Class name to metric name to score.
        counts: What was measured on, e.g. ``{"images": 240, "boxes": 5123}``.
        intervals: Metric name to the 95 % interval of its value, where one was estimated.
        other_means: Means over fewer classes: in words, e.g. ``without Lamp``, to metric to mean.
        conventions: The same means as others take them: in words, e.g. ``segmif8, skip``, to
            metric name to mean.
    """

    values: dict[str, float | None]
    by_class: dict[str, dict[str, float | None]] = {}
    counts: dict[str, int] = {}
    intervals: dict[str, tuple[float, float] | None] = {}
    subset_means: dict[str, dict[str, float | None]] = {}
    by_convention: dict[str, dict[str, float | None]] = {}

    def merge(self, other: "Scores") -> "Scores":
        """The scores of two metrics on the same images in one slice."""
        return Scores(
            values=self.values | other.values,
            by_class=_merge_scores(self.by_class, other.by_class),
            counts=self.counts | other.counts,
            intervals=self.intervals | other.intervals,
            subset_means=_merge_scores(self.subset_means, other.subset_means),
            by_convention=_merge_scores(self.by_convention, other.by_convention),
        )


class Record(Scores):
    """One row of every table.

    Attributes:
        source_kind: ``infrared``, ``visible``, ``method`` or ``folder``.
        classes: Class names of the data set, in the order of their ids.
        protocol: Facts a reader needs to repeat the number, in the order they are printed.
        columns: How the metrics are headed, in the order they are printed.
        by_scene: Condition (day, night, ...) to the scores on its images alone.
        spec: Exactly what was hashed into the folder name.
        made: When, how long, on what, with which versions. Never hashed.
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
        (folder / "record.json").write_text(self.model_dump_json(indent=2))


def _merge_scores(some: ScoresByName, more: ScoresByName) -> ScoresByName:
    return {name: some.get(name, {}) | more.get(name, {}) for name in some | more}


def read_record(file: Path) -> Record:
    """The record in a file.

    Raises:
        UserError: If it is damaged.
    """
    try:
        return Record.model_validate_json(file.read_bytes())
    except ValidationError as fault:
        reason = fault.errors()[0]["msg"]
        raise UserError(
            f"{file}: cannot be read ({reason}); delete its folder and run again"
        ) from None


def build_provenance(seconds: float, device: str, packages: Iterable[str]) -> dict[str, Any]:
    """When, how long, on what, with which versions."""
    return {
        "at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "seconds": round(seconds, 1),
        "device": device,
        "versions": get_package_versions(packages),
    }


def get_package_versions(packages: Iterable[str]) -> dict[str, str]:
    """The installed version of each distribution, and of fusebench itself."""
    return {name: version(name) for name in ("fusebench", *packages)}
