"""Training data of the packaged initial weights: every pair once per source, to favor no source."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from fusebench.config import schema
from fusebench.data.labeled_images import LabeledImages
from fusebench.data.pairs import Pair, Split
from fusebench.experiments import resolution, sources
from fusebench.storage.store import Store

SOURCES: Mapping[str, schema.Source] = {
    "infrared": schema.SensorSource(kind="infrared"),
    "visible": schema.SensorSource(kind="visible"),
    "average": schema.FusionMethodSource(kind="method", method="average"),
    "maximum": schema.FusionMethodSource(kind="method", method="maximum"),
    "laplacian": schema.FusionMethodSource(kind="method", method="laplacian"),
}


def mix_sources(split: Split, store: Store) -> LabeledImages:
    """Combine the images of all sources into one data set, with keys ``<key>-<source>``."""
    pairs: list[Pair] = []
    paths: dict[str, Path] = {}
    for name in SOURCES:
        source_paths = get_source_images(name, split, store)
        for pair in split.pairs:
            key = f"{pair.key}-{name}"
            pairs.append(replace(pair, key=key))
            paths[key] = source_paths[pair.key]
    pairs.sort(key=lambda pair: pair.key)
    return LabeledImages(paths, replace(split, pairs=tuple(pairs)))


def get_source_images(name: str, split: Split, store: Store) -> Mapping[str, Path]:
    """Return the images of one source by key; missing ones are fused first."""
    source = resolution.resolve_source(name, SOURCES[name], Path.cwd())
    return sources.get_images(sources.SourceImages(source, split), store, "cpu")
