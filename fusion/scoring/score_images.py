"""Many images and several fused versions of each, scored with all work shared that can be.

What metrics need of the two sources is computed once per pair, whatever the number of metrics and
of fused versions; the pairs are spread over worker processes. The numbers are those of the metrics'
own functions to 1e-6 (1e-4 for phase congruency, which is computed in float32 here).
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from fusebench.data import images
from fusebench.data.images import Gray
from fusebench.errors import UserError
from fusebench.runtime import progress
from fusebench.runtime.process_pool import count_available_cpus, open_pool
from fusion.scoring import row_log
from fusion.scoring.cache import CachingEvaluator
from fusion.scoring.metric import Metric
from fusion.scoring.row_log import ScoreRow

MIN_PARALLEL_WORK = (
    200_000_000  # pixels times metrics; less is done before another process has started
)

NumberedRows = tuple[int, dict[str, ScoreRow]]  # the number of a scene, and a row per source


@dataclass(frozen=True)
class ScoringPair:
    """The images of one pair.

    Attributes:
        fused: Name of the source to its file.
    """

    key: str
    infrared: Path
    visible: Path
    fused: Mapping[str, Path]


def score_pair(
    infrared: Gray, visible: Gray, fused: Mapping[str, Gray], metrics: Sequence[Metric]
) -> dict[str, ScoreRow]:
    """Score every fused version of one pair.

    Args:
        infrared: uint8 luminance, (H, W).
        visible: Same.
        fused: Name to image, same.
        metrics: The columns.

    Returns:
        Name to one row: a score per metric, and ``flags``: what is to be said of the scores,
        and why one is undefined.

    Raises:
        TypeError, ValueError: If the images are not luminance of one size.
    """
    once = CachingEvaluator(infrared, visible)
    rows: dict[str, ScoreRow] = {}
    for name, image in fused.items():
        row: ScoreRow = {m.name: m.measure((infrared, visible), image, once) for m in metrics}
        said = {m.column.title: m.note((infrared, visible), image, once) for m in metrics}
        for m in metrics:
            if row[m.name] is None and not said[m.column.title]:
                said[m.column.title] = m.undefined_note
        row["flags"] = "; ".join(f"{title}: {flag}" for title, flag in said.items() if flag)
        rows[name] = row
        once.drop_fused_results()
    return rows


def score_pairs(
    scenes: Sequence[ScoringPair],
    metrics: Sequence[Metric],
    title: str,
    workers: int | None = None,
    journals: Mapping[str, Path] | None = None,
) -> dict[str, pd.DataFrame]:
    """Per source, one row per pair and one column per metric, and ``flags``; index = key.

    Args:
        scenes: The pairs, in key order; all with the same sources.
        metrics: The columns.
        title: Said beside the progress.
        workers: Processes; None for as many as there are processors, if it is worth while.
        journals: Source to the file of its rows (see `journal`): what is in it is not scored
            again, and what is scored is added to it. It has to be one of these metrics and images.

    Raises:
        UserError: If an image cannot be read or is of another size than its pair, or a worker
            process was killed.
    """
    order = [*(metric.name for metric in metrics), "flags"]
    files = journals or {}
    rows = {
        name: row_log.read_rows(files[name], order) if name in files else {}
        for name in (scenes[0].fused if scenes else ())
    }
    left = _select_unscored(scenes, rows)
    done = _score_each(
        left, metrics, _choose_worker_count(left, metrics) if workers is None else workers
    )
    for _, (number, found) in zip(progress.track_progress(left, title), done, strict=True):
        key = left[number].key
        for name, row in found.items():
            rows[name][key] = row
            if name in files:
                row_log.append_row(files[name], key, row)
    keys = [scene.key for scene in scenes]
    return {
        name: _build_table({key: found[key] for key in keys}, order) for name, found in rows.items()
    }


def _select_unscored(
    scenes: Sequence[ScoringPair], rows: Mapping[str, Mapping[str, ScoreRow]]
) -> list[ScoringPair]:
    """The scenes with the sources that have no row yet."""
    lacking = [
        replace(s, fused={name: path for name, path in s.fused.items() if s.key not in rows[name]})
        for s in scenes
    ]
    return [scene for scene in lacking if scene.fused]


def _build_table(rows: Mapping[str, ScoreRow], order: Sequence[str]) -> pd.DataFrame:
    found = pd.DataFrame.from_dict(dict(rows), orient="index", columns=list(order))
    return found.rename_axis("key").astype(dict.fromkeys(order[:-1], "float64"))


def _score_each(
    scenes: Sequence[ScoringPair], metrics: Sequence[Metric], count: int
) -> Iterator[NumberedRows]:
    """Every scene as it is finished; with several workers in any order."""
    if count < 2 or not scenes:
        yield from ((number, _score_files(scene, metrics)) for number, scene in enumerate(scenes))
        return
    with open_pool(count, _use_one_thread) as processes:
        running = {processes.submit(_score_files, s, metrics): n for n, s in enumerate(scenes)}
        yield from _collect_results(running, processes)


def _collect_results(
    running: Mapping["Future[dict[str, ScoreRow]]", int], processes: ProcessPoolExecutor
) -> Iterator[NumberedRows]:
    """The results as they come. After a fault no more are begun, and none that is there is lost.

    Raises:
        UserError: If a worker process was killed.
        Exception: What a scene's scoring raised, that of the first scene.
    """
    seen = set()
    for done in as_completed(running):
        if done.exception() is not None:
            break
        seen.add(done)
        yield running[done], done.result()
    else:
        return
    processes.shutdown(cancel_futures=True)
    faults = []
    for one, number in running.items():
        if one in seen or one.cancelled():
            continue
        fault = one.exception()
        if fault is None:
            seen.add(one)
            yield number, one.result()
        else:
            faults.append(fault)
    told = [fault for fault in faults if not isinstance(fault, BrokenProcessPool)]
    raise (
        told[0]
        if told
        else UserError(
            f"a worker process was killed (is the memory full?) when {len(seen)} of {len(running)} "
            "pairs were scored; these are kept, and the same command goes on with the others"
        )
    )


def _use_one_thread() -> None:
    """One thread per worker."""
    import cv2

    cv2.setNumThreads(1)


def _score_files(scene: ScoringPair, metrics: Sequence[Metric]) -> dict[str, ScoreRow]:
    pair = images.read_gray(scene.infrared), images.read_gray(scene.visible)
    fused = {name: images.read_gray(path) for name, path in scene.fused.items()}
    for path, image in zip(
        (scene.visible, *scene.fused.values()), (pair[1], *fused.values()), strict=True
    ):
        if image.shape != pair[0].shape:
            raise UserError(
                f"{path}: {image.shape[1]} x {image.shape[0]} pixels, but the infrared image of "
                f"{scene.key} has {pair[0].shape[1]} x {pair[0].shape[0]}"
            )
    return score_pair(*pair, fused, metrics)


def _choose_worker_count(scenes: Sequence[ScoringPair], metrics: Sequence[Metric]) -> int:
    """As many as there are processors, or 1 where the work is small."""
    if not scenes:
        return 1
    width, height = images.read_image_size(scenes[0].infrared)
    work = width * height * len(metrics) * len(scenes) * len(scenes[0].fused)
    return min(count_available_cpus(), len(scenes)) if work > MIN_PARALLEL_WORK else 1
