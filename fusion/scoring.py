"""Many images and several fused versions of each, scored with all work shared that can be.

What metrics need of the two sources is computed once per pair, whatever the number of metrics and
of fused versions; the pairs are spread over worker processes. The numbers are those of the metrics'
own functions to 1e-6 (1e-4 for phase congruency, which is computed in float32 here).
"""

import multiprocessing
import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from bench import images, progress
from bench.errors import BenchError
from bench.images import Gray
from fusion.metric import Metric
from fusion.metrics._parts.sharing import Once

SPREAD_FROM = 200_000_000  # pixels times metrics; less is done before another process has started

Row = dict[str, float | str | None]


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
    scenes: Sequence[Scene], metrics: Sequence[Metric], title: str, workers: int | None = None
) -> dict[str, pd.DataFrame]:
    """Per source, one row per pair and one column per metric, and ``flags``; index = key.

    Args:
        scenes: The pairs, in key order; all with the same sources.
        metrics: The columns.
        title: Said beside the progress.
        workers: Processes; None for as many as there are processors, if it is worth while.

    Raises:
        BenchError: If an image cannot be read or is of another size than its pair.
    """
    rows: dict[str, dict[str, Row]] = {name: {} for name in scenes[0].fused} if scenes else {}
    done = _each(scenes, metrics, _workers(scenes, metrics) if workers is None else workers)
    for scene, found in zip(progress.each(scenes, title), done, strict=True):
        for name, row in found.items():
            rows[name][scene.key] = row
    order = [*(metric.name for metric in metrics), "flags"]
    return {name: _frame(found, order) for name, found in rows.items()}


def _frame(rows: Mapping[str, Row], order: Sequence[str]) -> pd.DataFrame:
    found = pd.DataFrame.from_dict(dict(rows), orient="index", columns=list(order))
    return found.rename_axis("key").astype(dict.fromkeys(order[:-1], "float64"))


def _each(
    scenes: Sequence[Scene], metrics: Sequence[Metric], workers: int
) -> Iterator[dict[str, Row]]:
    if workers < 2:
        yield from (_score(scene, metrics) for scene in scenes)
        return
    spawn = multiprocessing.get_context("spawn")  # a fork of a process with threads may hang
    with ProcessPoolExecutor(workers, spawn, initializer=_alone) as pool:
        try:
            yield from pool.map(_score, scenes, [metrics] * len(scenes), chunksize=1)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _alone() -> None:
    """One thread per worker; Ctrl-C is the parent's to answer."""
    import cv2

    signal.signal(signal.SIGINT, signal.SIG_IGN)
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
    return min(len(os.sched_getaffinity(0)), len(scenes)) if work > SPREAD_FROM else 1
