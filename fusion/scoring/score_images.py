"""Scoring of many pairs with several fused images each; intermediate results are shared.

What the metrics compute from the two sources is computed once per pair, for all metrics and all
fused images. The pairs are distributed over worker processes. The scores equal those of the
metrics' own functions to 1e-6 (1e-4 for phase congruency, which is computed in float32 here).
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, as_completed, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from fusebench import plugins
from fusebench.data import images
from fusebench.data.images import Gray
from fusebench.errors import UserError
from fusebench.runtime import progress
from fusebench.runtime.process_pool import count_available_cpus, open_pool
from fusion.scoring import memory, row_log
from fusion.scoring.cache import CachingEvaluator
from fusion.scoring.metric import Metric
from fusion.scoring.row_log import ScoreRow

# Pixels times metrics; less work takes no longer than starting another process.
MIN_PARALLEL_WORK = 200_000_000

CONSTANT_FLAG = "fused image: one gray level only"

IndexedRows = tuple[int, dict[str, ScoreRow]]  # index of a pair, and a row per source


@dataclass(frozen=True)
class ScoringPair:
    """Image files of one pair.

    Attributes:
        key: Key of the pair.
        infrared: Infrared image.
        visible: Visible image.
        fused: Name of the source to its fused image.
    """

    key: str
    infrared: Path
    visible: Path
    fused: Mapping[str, Path]


def score_pair(
    infrared: Gray, visible: Gray, fused: Mapping[str, Gray], metrics: Sequence[Metric]
) -> dict[str, ScoreRow]:
    """Score every fused image of one pair.

    Args:
        infrared: uint8 luminance, (H, W).
        visible: The same.
        fused: Source name to fused image, the same.
        metrics: The columns.

    Returns:
        Source name to row: a score per metric, and ``flags``, which explains special values and
        undefined scores.

    Raises:
        TypeError, ValueError: If the images are not luminance of one size.
    """
    infrared, visible = images.view_read_only(infrared), images.view_read_only(visible)
    evaluator = CachingEvaluator(infrared, visible)
    rows: dict[str, ScoreRow] = {}
    for name, writable in fused.items():
        image = images.view_read_only(writable)
        row: ScoreRow = {m.name: m.measure((infrared, visible), image, evaluator) for m in metrics}
        notes = {m.column.title: m.note((infrared, visible), image, evaluator) for m in metrics}
        for m in metrics:
            if row[m.name] is None and not notes[m.column.title]:
                notes[m.column.title] = m.undefined_note
        flags = [f"{title}: {note}" for title, note in notes.items() if note]
        if image.min() == image.max():
            flags.insert(0, CONSTANT_FLAG)
        row["flags"] = "; ".join(flags)
        rows[name] = row
        evaluator.drop_fused_results()
    return rows


def score_pairs(
    pairs: Sequence[ScoringPair],
    metrics: Sequence[Metric],
    title: str,
    workers: int | None = None,
    row_logs: Mapping[str, Path] | None = None,
) -> dict[str, pd.DataFrame]:
    """Score the fused images of many pairs.

    Args:
        pairs: In key order; all with the same sources.
        metrics: The columns.
        title: Title of the progress line.
        workers: Number of processes; None selects one per CPU if the work is large enough.
        row_logs: Source to its row log (see `row_log`). Images in it are not scored again, and
            new rows are appended. It must belong to these metrics and images.

    Returns:
        Source to table: one row per pair, one column per metric, and ``flags``; index = key.

    Raises:
        UserError: If an image cannot be read or has another size than its pair, or a worker
            process was killed.
    """
    columns = [*(metric.name for metric in metrics), "flags"]
    logs = row_logs or {}
    rows = {
        name: row_log.read_rows(logs[name], columns) if name in logs else {}
        for name in (pairs[0].fused if pairs else ())
    }
    unscored = _select_unscored(pairs, rows)
    if workers is None:
        workers = _choose_worker_count(unscored, metrics)
    workers = _limit_workers(unscored, metrics, workers)
    results = _score_unscored(unscored, metrics, workers)
    for _, (index, new_rows) in zip(progress.track_progress(unscored, title), results, strict=True):
        key = unscored[index].key
        for name, row in new_rows.items():
            rows[name][key] = row
            if name in logs:
                row_log.append_row(logs[name], key, row)
    keys = [pair.key for pair in pairs]
    return {
        name: _build_table({key: source_rows[key] for key in keys}, columns)
        for name, source_rows in rows.items()
    }


def _limit_workers(pairs: Sequence[ScoringPair], metrics: Sequence[Metric], workers: int) -> int:
    """Limit the number of processes to those that fit into memory; at least one has to."""

    def score(grays: Sequence[Gray]) -> None:
        infrared, visible, fused = grays
        score_pair(infrared, visible, {"fused": fused}, metrics)

    sizes = {pair.key: images.read_image_size(pair.infrared) for pair in pairs}
    fused_count = max((len(pair.fused) for pair in pairs), default=0)
    return memory.limit_workers(sizes, fused_count, score, workers)


def _select_unscored(
    pairs: Sequence[ScoringPair], rows: Mapping[str, Mapping[str, ScoreRow]]
) -> list[ScoringPair]:
    """Select the pairs with unscored images, each with the sources that have no row yet."""
    unscored = [
        replace(
            pair,
            fused={name: path for name, path in pair.fused.items() if pair.key not in rows[name]},
        )
        for pair in pairs
    ]
    return [pair for pair in unscored if pair.fused]


def _build_table(rows: Mapping[str, ScoreRow], columns: Sequence[str]) -> pd.DataFrame:
    table = pd.DataFrame.from_dict(dict(rows), orient="index", columns=list(columns))
    return table.rename_axis("key").astype(dict.fromkeys(columns[:-1], "float64"))


def _score_unscored(
    pairs: Sequence[ScoringPair], metrics: Sequence[Metric], workers: int
) -> Iterator[IndexedRows]:
    """Yield the rows of each pair when it is finished; in any order with several workers."""
    if workers < 2 or not pairs:
        yield from ((index, _score_files(pair, metrics)) for index, pair in enumerate(pairs))
        return
    with open_pool(min(workers, len(pairs)), _use_one_thread) as pool:
        futures = {
            pool.submit(_score_files, pair, metrics): index for index, pair in enumerate(pairs)
        }
        yield from _collect_results(futures)


def _collect_results(
    futures: Mapping["Future[dict[str, ScoreRow]]", int],
) -> Iterator[IndexedRows]:
    """Yield the results as they are completed.

    After an exception no further pair is started; results that are already complete are still
    yielded before the exception is raised.

    Raises:
        UserError: If a worker process was killed.
        Exception: The exception of the first pair that failed.
    """
    yielded = set()
    for future in as_completed(futures):
        if future.exception() is not None:
            break
        yielded.add(future)
        yield futures[future], future.result()
    else:
        return
    wait([future for future in futures if not future.cancel()])
    exceptions = []
    for future, index in futures.items():
        if future in yielded or future.cancelled():
            continue
        exception = future.exception()
        if exception is None:
            yielded.add(future)
            yield index, future.result()
        else:
            exceptions.append(exception)
    # A killed worker breaks every running pair; an exception of a pair says more.
    for exception in exceptions:
        if not isinstance(exception, BrokenProcessPool):
            raise exception
    raise UserError(
        f"a worker process was killed (out of memory?) when {len(yielded)} of {len(futures)} "
        "pairs were scored; their scores are kept, run the same command again to resume"
    )


def _use_one_thread() -> None:
    """Limit OpenCV to one thread per worker."""
    import cv2

    cv2.setNumThreads(1)


def _score_files(pair: ScoringPair, metrics: Sequence[Metric]) -> dict[str, ScoreRow]:
    """Read the images of one pair and score them."""
    width, height = images.read_image_size(pair.infrared)
    for path in (pair.visible, *pair.fused.values()):  # headers first: a large image costs memory
        size = images.read_image_size(path)
        if size != (width, height):
            raise UserError(
                f"{path}: {size[0]} x {size[1]} pixels, but the infrared image of {pair.key} has "
                f"{width} x {height}; {images.SIZE_ADVICE}"
            )
    infrared, visible = images.read_gray(pair.infrared), images.read_gray(pair.visible)
    fused = {name: images.read_gray(path) for name, path in pair.fused.items()}
    with plugins.name_failing_input(f"pair {pair.key}"):
        return score_pair(infrared, visible, fused, metrics)


def _choose_worker_count(pairs: Sequence[ScoringPair], metrics: Sequence[Metric]) -> int:
    """Choose one worker per CPU, or 1 if there is little work."""
    if not pairs:
        return 1
    width, height = images.read_image_size(pairs[0].infrared)
    work = width * height * len(metrics) * len(pairs) * len(pairs[0].fused)
    return min(count_available_cpus(), len(pairs)) if work > MIN_PARALLEL_WORK else 1
