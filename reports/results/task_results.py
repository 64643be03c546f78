"""What is known about one task: the records that are there, and what is still to be run."""

from collections.abc import Iterable
from dataclasses import dataclass

from fusebench.experiments.failures import Failure
from fusebench.storage.records import Column, Record
from reports.results.bootstrap_scores import TaskBootstrap

SINGLE_SENSOR_KINDS = ("infrared", "visible")  # the kinds of source that are not fusions


@dataclass(frozen=True)
class SourceResults:
    """One source of a task.

    Attributes:
        kind: ``infrared``, ``visible``, ``method`` or ``folder``.
        planned: The seeds the task asks for; ``(None,)`` where nothing is trained.
        records: The finished ones, in the order of ``planned``.
        command: What to type to make those that are missing.
        failed: The seeds whose last run failed, and why.
        others: Finished runs of the seeds that are missing, of other data or settings.
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
        """Whether this is one of the two sensors alone."""
        return self.source_kind in SINGLE_SENSOR_KINDS

    @property
    def missing_seeds(self) -> tuple[int | None, ...]:
        """The seeds that have no record yet."""
        there = {record.seed for record in self.records}
        return tuple(seed for seed in self.planned_seeds if seed not in there)

    @property
    def absence_label(self) -> str:
        """What stands in the place of its scores where it has no record."""
        return "failed" if self.failures else "missing"


@dataclass(frozen=True)
class TaskResults:
    """One task on all of its sources, in the order of the task file.

    Attributes:
        evidence: What the scores would have been on other draws of the images; None where
            nothing was kept to tell.
        preset: What the task's settings start from; empty if they do not.
    """

    name: str
    kind: str
    dataset: str
    sources: tuple[SourceResults, ...]
    bootstrap: TaskBootstrap | None = None
    preset: str = ""

    @property
    def records(self) -> tuple[Record, ...]:
        """All finished records, row by row."""
        return tuple(record for row in self.sources for record in row.records)

    @property
    def planned_run_count(self) -> int:
        """How many records the task comes to."""
        return sum(len(row.planned_seeds) for row in self.sources)

    @property
    def columns(self) -> dict[str, Column]:
        """Every metric of the records and how it is headed, in the order they print it."""
        return {name: column for r in self.records for name, column in r.columns.items()}

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes that have scores, in the order of the records."""
        return _remove_duplicates(name for record in self.records for name in record.by_class)

    @property
    def other_means(self) -> tuple[str, ...]:
        """In words the means over fewer classes that the records have, e.g. ``without Lamp``."""
        return _remove_duplicates(words for record in self.records for words in record.subset_means)

    @property
    def conventions(self) -> tuple[str, ...]:
        """The ways in which others take the same means, in the order of the records."""
        return _remove_duplicates(name for record in self.records for name in record.by_convention)

    @property
    def conditions(self) -> tuple[str, ...]:
        """The conditions that have scores, in the order of the records."""
        return _remove_duplicates(name for record in self.records for name in record.by_condition)

    @property
    def is_simulated(self) -> bool:
        """Whether any of the images were drawn, not taken by cameras."""
        return any(record.protocol.get("simulated") for record in self.records)

    @property
    def max_seed_count(self) -> int:
        """The largest number of finished seeds that a source has."""
        return max((len(row.records) for row in self.sources), default=0)


def _remove_duplicates(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
