"""Records and bootstrap scores of a task on clean and on corrupted test pairs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fusebench.experiments.planning.run import Run
from fusebench.storage.records import Record
from fusebench.storage.store import Store
from reports.results import bootstrap_cache
from reports.results.bootstrap_scores import BootstrapScores

Seed = int | None


@dataclass(frozen=True, eq=False)
class ScoredRun:
    """A finished run.

    Attributes:
        record: Its record.
        bootstrap: Its scores on resamples; None if its folder lacks the files for them.
    """

    record: Record
    bootstrap: BootstrapScores | None


RunsBySource = Mapping[str, Mapping[Seed, ScoredRun]]


@dataclass(frozen=True, eq=False)
class CorruptionResults:
    """Results of a task with one corruption and severity.

    Attributes:
        name: Name of the corruption in the task file.
        title: Its title.
        severity: 1, 2 or 3.
        description: Its physical quantity, e.g. ``visibility 120 m``.
        runs: Finished runs of the sources whose images the corruption changes.
        planned_seeds: Seeds of these sources.
    """

    name: str
    title: str
    severity: int
    description: str
    runs: RunsBySource
    planned_seeds: Mapping[str, tuple[Seed, ...]]


@dataclass(frozen=True, eq=False)
class RobustnessResults:
    """Results of a task on clean and corrupted pairs.

    Attributes:
        clean: Finished runs on clean pairs.
        levels: One entry per corruption and severity, in the order of the task file.
        sources: Names of the sources, in the order of the task file.
        fused_sources: Those that a method fuses: every corruption reaches them.
        sources_fused_elsewhere: Sources whose images cannot be fused again, and ensembles with
            such a member.
    """

    clean: RunsBySource
    levels: tuple[CorruptionResults, ...]
    sources: tuple[str, ...]
    fused_sources: tuple[str, ...]
    sources_fused_elsewhere: tuple[str, ...]

    @property
    def records(self) -> list[Record]:
        """Records of all finished runs on corrupted pairs."""
        return [
            run.record
            for level in self.levels
            for by_seed in level.runs.values()
            for run in by_seed.values()
        ]

    @property
    def planned_run_count(self) -> int:
        """Number of runs on corrupted pairs."""
        return sum(len(s) for level in self.levels for s in level.planned_seeds.values())

    def list_common_seeds(self, source: str) -> tuple[Seed, ...]:
        """List the seeds of a source that are finished on clean pairs and with every corruption."""
        return tuple(
            seed
            for seed in self.clean.get(source, {})
            if all(
                seed in level.runs.get(source, {})
                for level in self.levels
                if source in level.planned_seeds
            )
        )


def collect_robustness(
    clean_runs: Sequence[Run], corrupted_runs: Sequence[Run], store: Store
) -> RobustnessResults | None:
    """Collect the results of one task; None if it has no corruptions.

    Args:
        clean_runs: Its runs on clean pairs.
        corrupted_runs: Its runs on corrupted pairs.
        store: Where the records are; missing bootstrap scores are computed and stored.

    Raises:
        UserError: If a file of a record is damaged.
    """
    if not corrupted_runs:
        return None
    runs_by_level: dict[str, list[Run]] = {}
    for run in corrupted_runs:
        assert run.corruption is not None
        runs_by_level.setdefault(run.corruption.level.label, []).append(run)
    finished = _collect_finished(corrupted_runs, store)
    levels = [_build_level(runs, finished) for runs in runs_by_level.values()]
    sources = {run.source_name: run.source for run in clean_runs}
    elsewhere = [name for name, source in sources.items() if source.is_fused_elsewhere]
    return RobustnessResults(
        clean=_group_by_source(clean_runs, _collect_finished(clean_runs, store)),
        levels=tuple(levels),
        sources=tuple(name for name in sources if name not in elsewhere),
        fused_sources=tuple(name for name, source in sources.items() if source.kind == "method"),
        sources_fused_elsewhere=tuple(elsewhere),
    )


def _collect_finished(runs: Sequence[Run], store: Store) -> dict[str, ScoredRun]:
    """Read records and bootstrap scores of the finished runs, by label."""
    bootstrap = bootstrap_cache.collect_task_bootstrap(runs, store)
    by_source = {} if bootstrap is None else bootstrap.by_source
    entries = {source: iter(scores) for source, scores in by_source.items()}
    return {
        run.label: ScoredRun(record, next(entries.get(run.source_name, iter(())), None))
        for run in runs
        if (record := run.read_record(store)) is not None
    }


def _build_level(runs: Sequence[Run], finished: Mapping[str, ScoredRun]) -> CorruptionResults:
    corruption = runs[0].corruption
    assert corruption is not None
    level = corruption.level
    seeds: dict[str, tuple[Seed, ...]] = {}
    for run in runs:
        seeds[run.source_name] = (*seeds.get(run.source_name, ()), run.seed)
    return CorruptionResults(
        level.plugin.name,
        level.plugin.TITLE,
        level.severity,
        level.describe(),
        _group_by_source(runs, finished),
        seeds,
    )


def _group_by_source(runs: Sequence[Run], finished: Mapping[str, ScoredRun]) -> RunsBySource:
    grouped: dict[str, dict[Seed, ScoredRun]] = {}
    for run in runs:
        if run.label in finished:
            grouped.setdefault(run.source_name, {})[run.seed] = finished[run.label]
    return grouped
