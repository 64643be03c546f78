"""Score one source's images against the two inputs, image by image."""

import statistics
from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd

from bench import images, plugins, progress
from bench.pairs import Split
from bench.records import Column, Slice


def table(split: Split, shown: Mapping[str, Path], metrics: Iterable[str]) -> pd.DataFrame:
    """One row per pair, one column per metric, index = key."""
    modules = {name: plugins.find("fusion.metrics", name) for name in metrics}
    rows = {}
    for pair in progress.each(split.pairs, f"score {split.dataset}-{split.name}"):
        infrared, visible = images.read_gray(pair.infrared), images.read_gray(pair.visible)
        fused = images.read_gray(shown[pair.key])
        rows[pair.key] = {
            name: module.measure(infrared, visible, fused) for name, module in modules.items()
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("key")


def means(per_image: pd.DataFrame) -> dict[str, float | None]:
    """Mean over images of every metric."""
    return {str(name): statistics.fmean(column) for name, column in per_image.items()}


def by_scene(split: Split, per_image: pd.DataFrame) -> dict[str, Slice]:
    """The means over the images of every condition."""
    scenes = {pair.key: pair.scene for pair in split.pairs}
    return {
        scene: Slice(values=means(mine), counts={"images": len(mine)})
        for scene in sorted({s for s in scenes.values() if s is not None})
        for mine in [per_image[[scenes[str(key)] == scene for key in per_image.index]]]
    }


def columns(metrics: Iterable[str]) -> dict[str, Column]:
    """How the metrics are headed."""
    return {name: plugins.find("fusion.metrics", name).COLUMN for name in metrics}
