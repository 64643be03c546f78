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

from bench import images, progress
from bench.errors import BenchError
from bench.images import Gray
from bench.workers import available, pool
from fusion import journal
from fusion.journal import Row
from fusion.metric import Metric
from fusion.metrics._parts.sharing import Once

SPREAD_FROM = 200_000_000  # pixels times metrics; less is done before another process has started

Scored = tuple[int, dict[str, Row]]  # the number of a scene, and a row per source


@dataclass(frozen=True)
class Scene:
    """The images of one pair.

    Attributes:
        fused: Name of the source to its file.
    """

    key: str
    infrared: Path
    visible: Path
    fused: Mapping[str, Path]


def of_pair(
    infrared: Gray, visible: Gray, fused: Mapping[str, Gray], metrics: Sequence[Metric]
) -> dict[str, Row]:
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
    once = Once(infrared, visible)
    rows: dict[str, Row] = {}
    for name, image in fused.items():
        row: Row = {m.name: m.value((infrared, visible), image, once) for m in metrics}
        said = {m.column.title: m.flag((infrared, visible), image, once) for m in metrics}
        for m in metrics:
            if row[m.name] is None and not said[m.column.title]:
                said[m.column.title] = m.undefined
        row["flags"] = "; ".join(f"{title}: {flag}" for title, flag in said.items() if flag)
        rows[name] = row
        once.next_fused()
    return rows


def tables(
    scenes: Sequence[Scene],
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
        BenchError: If an image cannot be read or is of another size than its pair, or a worker
            process was killed.
    """
    order = [*(metric.name for metric in metrics), "flags"]
    files = journals or {}
    rows = {
        name: journal.read(files[name], order) if name in files else {}
        for name in (scenes[0].fused if scenes else ())
    }
    left = _left(scenes, rows)
    done = _each(left, metrics, _workers(left, metrics) if workers is None else workers)
    for _, (number, found) in zip(progress.each(left, title), done, strict=True):
        key = left[number].key
        for name, row in found.items():
            rows[name][key] = row
            if name in files:
                journal.add(files[name], key, row)
    keys = [scene.key for scene in scenes]
    return {name: _frame({key: found[key] for key in keys}, order) for name, found in rows.items()}


def _left(scenes: Sequence[Scene], rows: Mapping[str, Mapping[str, Row]]) -> list[Scene]:
    """The scenes with the sources that have no row yet."""
    lacking = [
        replace(s, fused={name: path for name, path in s.fused.items() if s.key not in rows[name]})
        for s in scenes
    ]
    return [scene for scene in lacking if scene.fused]


def _frame(rows: Mapping[str, Row], order: Sequence[str]) -> pd.DataFrame:
    found = pd.DataFrame.from_dict(dict(rows), orient="index", columns=list(order))
    return found.rename_axis("key").astype(dict.fromkeys(order[:-1], "float64"))


def _each(scenes: Sequence[Scene], metrics: Sequence[Metric], count: int) -> Iterator[Scored]:
    """Every scene as it is finished; with several workers in any order."""
    if count < 2 or not scenes:
        yield from ((number, _score(scene, metrics)) for number, scene in enumerate(scenes))
        return
    with pool(count, _alone) as processes:
        running = {processes.submit(_score, s, metrics): n for n, s in enumerate(scenes)}
        yield from _finished(running, processes)


def _finished(
    running: Mapping["Future[dict[str, Row]]", int], processes: ProcessPoolExecutor
) -> Iterator[Scored]:
    """The results as they come. After a fault no more are begun, and none that is there is lost.

    Raises:
        BenchError: If a worker process was killed.
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
        else BenchError(
            f"a worker process was killed (is the memory full?) when {len(seen)} of {len(running)} "
            "pairs were scored; these are kept, and the same command goes on with the others"
        )
    )


def _alone() -> None:
    """One thread per worker."""
    import cv2

    cv2.setNumThreads(1)


def _score(scene: Scene, metrics: Sequence[Metric]) -> dict[str, Row]:
    pair = images.read_gray(scene.infrared), images.read_gray(scene.visible)
    fused = {name: images.read_gray(path) for name, path in scene.fused.items()}
    for path, image in zip(
        (scene.visible, *scene.fused.values()), (pair[1], *fused.values()), strict=True
    ):
        if image.shape != pair[0].shape:
            raise BenchError(
                f"{path}: {image.shape[1]} x {image.shape[0]} pixels, but the infrared image of "
                f"{scene.key} has {pair[0].shape[1]} x {pair[0].shape[0]}"
            )
    return of_pair(*pair, fused, metrics)


def _workers(scenes: Sequence[Scene], metrics: Sequence[Metric]) -> int:
    """As many as there are processors, or 1 where the work is small."""
    if not scenes:
        return 1
    width, height = images.size(scenes[0].infrared)
    work = width * height * len(metrics) * len(scenes) * len(scenes[0].fused)
    return min(available(), len(scenes)) if work > SPREAD_FROM else 1
