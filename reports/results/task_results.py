"""Results of one task: the finished records and the missing runs of each source."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from fusebench.config.schema import EquivalenceOptions
from fusebench.experiments.failures import Failure
from fusebench.storage.records import Column, Record
from reports.results.bootstrap_scores import TaskBootstrap
from reports.results.images.image_scores import FloatArray, ImageScores
from reports.results.robustness.collection import RobustnessResults

SINGLE_SENSOR_KINDS = ("infrared", "visible")
REFERENCE_KINDS = ("ensemble", "channels", "replace")  # of both sensors, without a fused image


@dataclass(frozen=True)
class SourceResults:
    """Results of one source of a task.

    Attributes:
        source_name: Name of the source.
        source_kind: Kind in the task file, e.g. ``infrared`` or ``method``.
        planned_seeds: Seeds of the task; ``(None,)`` where nothing is trained.
        records: Finished records, in the order of ``planned_seeds``.
        command: Command that executes the missing runs.
        failures: Seeds whose last run failed, with the reason.
        mismatched_run_count: Finished runs of missing seeds with other data or settings.
    """

    source_name: str
    source_kind: str
    planned_seeds: tuple[int | None, ...]
    records: tuple[Record, ...]
    command: str
    failures: tuple[tuple[int | None, Failure], ...] = ()
    mismatched_run_count: int = 0

    @property
    def is_single_sensor(self) -> bool:
        """Whether the source is one of the two sensors alone."""
        return self.source_kind in SINGLE_SENSOR_KINDS

    @property
    def is_reference(self) -> bool:
        """Whether this is a reference source: both sensors without a fused image."""
        return self.source_kind in REFERENCE_KINDS

    @property
    def is_fused(self) -> bool:
        """Whether the source is a fused image."""
        return not self.is_single_sensor and not self.is_reference

    @property
    def missing_seeds(self) -> tuple[int | None, ...]:
        """Planned seeds without a record."""
        finished = {record.seed for record in self.records}
        return tuple(seed for seed in self.planned_seeds if seed not in finished)

    @property
    def absence_label(self) -> str:
        """Text instead of scores for a source without records."""
        return "failed" if self.failures else "missing"


@dataclass(frozen=True)
class TaskResults:
    """Results of one task on all of its sources, in the order of the task file.

    Attributes:
        name: Name of the task.
        kind: ``detection``, ``segmentation`` or ``quality``.
        dataset: Name of the data set.
        sources: One entry per source.
        bootstrap: Bootstrap scores; None if no record has the files that resampling needs.
        preset: Preset that the task builds on; empty without one.
        equivalence: Margin and sources of the equivalence tests.
        image_scores: Scores per test image; None without finished runs.
        pair_attributes: Attribute to its value per test image (`reports.attributes`); None where
            the images cannot be read, and for quality tasks.
        quality_bootstrap: Means of the fusion metrics of a quality task on resamples, for ranks.
        robustness: Results on corrupted test pairs; None for a task without corruptions.
    """

    name: str
    kind: str
    dataset: str
    sources: tuple[SourceResults, ...]
    bootstrap: TaskBootstrap | None = None
    preset: str = ""
    equivalence: EquivalenceOptions = field(default_factory=EquivalenceOptions)
    quality_bootstrap: TaskBootstrap | None = None
    robustness: RobustnessResults | None = None
    image_scores: ImageScores | None = None
    pair_attributes: Mapping[str, FloatArray] | None = None

    @property
    def records(self) -> tuple[Record, ...]:
        """All finished records, source by source."""
        return tuple(record for source in self.sources for record in source.records)

    @property
    def planned_run_count(self) -> int:
        """Number of runs of the task."""
        return sum(len(source.planned_seeds) for source in self.sources)

    @property
    def is_complete(self) -> bool:
        """Whether every run of the task is finished, on clean and on corrupted pairs."""
        corrupted = self.robustness
        return len(self.records) == self.planned_run_count and (
            corrupted is None or len(corrupted.records) == corrupted.planned_run_count
        )

    @property
    def columns(self) -> dict[str, Column]:
        """Metrics of the records and their columns, in the order of the records.

        A column that was added later is left out as long as there is a record without it: its
        cells would look like undefined scores.
        """
        columns = {
            name: column for record in self.records for name, column in record.columns.items()
        }
        return {
            name: column
            for name, column in columns.items()
            if all(name in record.columns for record in self.records)
        }

    @property
    def classes(self) -> tuple[str, ...]:
        """Classes that have scores, in the order of the records."""
        return _remove_duplicates(name for record in self.records for name in record.by_class)

    @property
    def other_means(self) -> tuple[str, ...]:
        """Names of the means over fewer classes that the records have, e.g. ``without Lamp``."""
        return _remove_duplicates(name for record in self.records for name in record.subset_means)

    @property
    def conventions(self) -> tuple[str, ...]:
        """Other conventions for the mean over classes, in the order of the records."""
        return _remove_duplicates(name for record in self.records for name in record.by_convention)

    @property
    def conditions(self) -> tuple[str, ...]:
        """Conditions that have scores, in the order of the records."""
        return _remove_duplicates(name for record in self.records for name in record.by_condition)

    @property
    def equivalence_metrics(self) -> tuple[str, ...]:
        """Metrics whose means are tested for equivalence: those of the option, or the first."""
        testable = [
            name
            for name, column in self.columns.items()
            if column.has_intervals and column.is_in_points
        ]
        wanted = self.equivalence.metrics or testable[:1]
        return tuple(name for name in wanted if name in testable)

    @property
    def equivalence_margin_text(self) -> str:
        """The margin of the equivalence tests, e.g. ``1 point`` or ``0.5 points``."""
        margin = self.equivalence.margin
        return f"{margin:g} point{'' if margin == 1 else 's'}"

    @property
    def is_simulated(self) -> bool:
        """Whether images of the task are simulated, not camera images."""
        return any(record.protocol.get("simulated") for record in self.records)

    @property
    def figure_title(self) -> str:
        """Title of the task's figures, which says whether images are simulated."""
        return f"{self.name}: simulated scenes" if self.is_simulated else self.name

    @property
    def max_seed_count(self) -> int:
        """Largest number of finished seeds of a source."""
        return max((len(source.records) for source in self.sources), default=0)


def _remove_duplicates(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
