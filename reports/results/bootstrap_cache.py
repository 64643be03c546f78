"""The resampled scores of a task's records, made once and kept in the store."""

from collections.abc import Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from fusebench.errors import UserError
from fusebench.evaluation import bootstrap
from fusebench.experiments.plan import Run
from fusebench.runtime import process_pool, progress
from fusebench.storage.records import Record
from fusebench.storage.store import Store
from reports.results import bootstrap_scores, bootstrap_scoring
from reports.results.bootstrap_scores import BootstrapScores, TaskBootstrap

STORE_KIND = "statistics"
MIN_PARALLEL_RECORDS = 4  # records


def collect_task_bootstrap(cells: Sequence[Run], store: Store) -> TaskBootstrap | None:
    """The resampled scores of all finished cells of a task; None if there are none.

    Raises:
        UserError: If a file of a record is damaged.
    """
    finished = [(cell, record) for cell in cells if (record := cell.read_record(store))]
    _compute_pending([pair for pair in finished if _is_pending(*pair, store)], store)
    sources: dict[str, list[BootstrapScores | None]] = {}
    for cell, _ in finished:
        kept = _get_folder(cell, store)
        found = bootstrap_scores.read_bootstrap_scores(kept) if kept.exists() else None
        sources.setdefault(cell.source_name, []).append(found)
    gathered = TaskBootstrap({source: tuple(found) for source, found in sources.items()})
    return gathered if gathered.first_scores else None


def build_spec(record: Mapping[str, object]) -> dict[str, object]:
    """What decides the resamples of a record with this spec."""
    return {
        "record": dict(record),
        "version": bootstrap_scoring.VERSION,
        "resamples": bootstrap.RESAMPLE_COUNT,
        "seed": bootstrap.DEFAULT_SEED,
    }


def _get_folder(cell: Run, store: Store) -> Path:
    return store.get_path(STORE_KIND, cell.label, build_spec(cell.specs["record"]))


def _is_pending(cell: Run, record: Record, store: Store) -> bool:
    return not _get_folder(cell, store).exists() and bootstrap_scoring.has_bootstrap_inputs(
        record, cell.get_record_folder(store)
    )


def _compute_pending(left: Sequence[tuple[Run, Record]], store: Store) -> None:
    """Spread over the processors; fewer than `MIN_PARALLEL_RECORDS` are made here, before another would start."""
    if not left:
        return
    title = f"resample {left[0][0].task_name}"
    if len(left) < MIN_PARALLEL_RECORDS or process_pool.count_available_cpus() < 2:
        for cell, record in progress.track_progress(left, title):
            _compute_and_store(cell, record, store)
        return
    try:
        with process_pool.open_pool(
            min(process_pool.count_available_cpus(), len(left))
        ) as processes:
            running = [
                processes.submit(_compute_and_store, cell, record, store) for cell, record in left
            ]
            for done in progress.track_progress(running, title):
                done.result()
    except BrokenProcessPool:
        raise UserError(
            f"{title}: a worker process was killed (is the memory full?); what was made is kept, "
            "and the same command goes on with the rest"
        ) from None


def _compute_and_store(cell: Run, record: Record, store: Store) -> None:
    def work(folder: Path) -> None:
        found = bootstrap_scoring.compute_bootstrap_scores(
            record, cell.get_record_folder(store), cell.test_split.classes
        )
        assert found is not None
        bootstrap_scores.write_bootstrap_scores(folder, found)

    store.get_or_create(STORE_KIND, cell.label, build_spec(cell.specs["record"]), work)
