"""Bootstrap scores of a task's records: computed once, then read from the store."""

from collections.abc import Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from fusebench.errors import UserError
from fusebench.evaluation import bootstrap
from fusebench.experiments.planning.run import Run
from fusebench.runtime import process_pool, progress
from fusebench.storage.records import Record
from fusebench.storage.store import Store
from reports.results import bootstrap_scores, bootstrap_scoring
from reports.results.bootstrap_scores import BootstrapScores, TaskBootstrap

STORE_KIND = "statistics"
MIN_PARALLEL_RECORDS = 4  # with fewer, starting worker processes takes longer than the work


def collect_task_bootstrap(runs: Sequence[Run], store: Store) -> TaskBootstrap | None:
    """Return the bootstrap scores of all finished runs of a task; None if there are none.

    Raises:
        UserError: If a file of a record is damaged.
    """
    finished = [(run, record) for run in runs if (record := run.read_record(store))]
    _compute_pending([pair for pair in finished if _is_pending(*pair, store)], store)
    by_source: dict[str, list[BootstrapScores | None]] = {}
    for run, _ in finished:
        folder = _find_folder(run, store)
        scores = None if folder is None else bootstrap_scores.read_bootstrap_scores(folder)
        by_source.setdefault(run.source_name, []).append(scores)
    collected = TaskBootstrap({source: tuple(scores) for source, scores in by_source.items()})
    return collected if collected.first_scores else None


def build_spec(record_spec: Mapping[str, object]) -> dict[str, object]:
    """Return the spec of the bootstrap scores of a record with ``record_spec``."""
    return {
        "record": dict(record_spec),
        "version": bootstrap_scoring.VERSION,
        "resamples": bootstrap.RESAMPLE_COUNT,
        "seed": bootstrap.DEFAULT_SEED,
    }


def _find_folder(run: Run, store: Store) -> Path | None:
    return store.find_finished(STORE_KIND, run.label, build_spec(run.specs["record"]))


def _is_pending(run: Run, record: Record, store: Store) -> bool:
    return _find_folder(run, store) is None and bootstrap_scoring.has_bootstrap_inputs(
        record, run.get_record_folder(store)
    )


def _compute_pending(pending: Sequence[tuple[Run, Record]], store: Store) -> None:
    """Compute the missing bootstrap scores, in parallel from `MIN_PARALLEL_RECORDS` records on."""
    if not pending:
        return
    title = f"resample {pending[0][0].task_name}"
    if len(pending) < MIN_PARALLEL_RECORDS or process_pool.count_available_cpus() < 2:
        for run, record in progress.track_progress(pending, title):
            _compute_and_store(run, record, store)
        return
    try:
        with process_pool.open_pool(
            min(process_pool.count_available_cpus(), len(pending))
        ) as processes:
            futures = [
                processes.submit(_compute_and_store, run, record, store) for run, record in pending
            ]
            for future in progress.track_progress(futures, title):
                future.result()
    except BrokenProcessPool:
        raise UserError(
            f"{title}: a worker process was killed (is the memory full?); finished results are "
            "kept, run the same command again for the rest"
        ) from None


def _compute_and_store(run: Run, record: Record, store: Store) -> None:
    def write_scores(folder: Path) -> None:
        scores = bootstrap_scoring.compute_bootstrap_scores(
            record, run.get_record_folder(store), run.test_split.classes
        )
        assert scores is not None  # `_is_pending` checked its input files
        bootstrap_scores.write_bootstrap_scores(folder, scores)

    store.get_or_create(STORE_KIND, run.label, build_spec(run.specs["record"]), write_scores)
