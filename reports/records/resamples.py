"""The resampled scores of a task's records, made once and kept in the store."""

from collections.abc import Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from bench import progress, workers
from bench.errors import BenchError
from bench.plan import Cell
from bench.records import Record
from bench.store import Store
from reports.records import evidence, rescoring
from reports.records.evidence import Evidence, Resampled
from reports.significance import resampling

KIND = "statistics"
FEW = 4  # records


def gather(cells: Sequence[Cell], store: Store) -> Evidence | None:
    """The resampled scores of all finished cells of a task; None if there are none.

    Raises:
        BenchError: If a file of a record is damaged.
    """
    finished = [(cell, record) for cell in cells if (record := cell.record(store))]
    _make_all([pair for pair in finished if _unmade(*pair, store)], store)
    sources: dict[str, list[Resampled | None]] = {}
    for cell, _ in finished:
        kept = _place(cell, store)
        found = evidence.read(kept) if kept.exists() else None
        sources.setdefault(cell.source_name, []).append(found)
    gathered = Evidence({source: tuple(found) for source, found in sources.items()})
    return gathered if gathered.first else None


def spec(record: Mapping[str, object]) -> dict[str, object]:
    """What decides the resamples of a record with this spec."""
    return {
        "record": dict(record),
        "version": rescoring.VERSION,
        "resamples": resampling.RESAMPLES,
        "seed": resampling.SEED,
    }


def _place(cell: Cell, store: Store) -> Path:
    return store.path(KIND, cell.label, spec(cell.specs["record"]))


def _unmade(cell: Cell, record: Record, store: Store) -> bool:
    return not _place(cell, store).exists() and rescoring.able(record, cell.place(store))


def _make_all(left: Sequence[tuple[Cell, Record]], store: Store) -> None:
    """Spread over the processors; fewer than `FEW` are made here, before another would start."""
    if not left:
        return
    title = f"resample {left[0][0].name}"
    if len(left) < FEW or workers.available() < 2:
        for cell, record in progress.each(left, title):
            _make(cell, record, store)
        return
    try:
        with workers.pool(min(workers.available(), len(left))) as processes:
            running = [processes.submit(_make, cell, record, store) for cell, record in left]
            for done in progress.each(running, title):
                done.result()
    except BrokenProcessPool:
        raise BenchError(
            f"{title}: a worker process was killed (is the memory full?); what was made is kept, "
            "and the same command goes on with the rest"
        ) from None


def _make(cell: Cell, record: Record, store: Store) -> None:
    def work(folder: Path) -> None:
        found = rescoring.of(record, cell.place(store), cell.test.classes)
        assert found is not None
        evidence.write(folder, found)

    store.fill(KIND, cell.label, spec(cell.specs["record"]), work)
