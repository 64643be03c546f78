"""Every pair of a split seen in every way: what start weights learn from that favour no source."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from bench import sources, tasks
from bench.examples import Examples
from bench.pairs import Pair, Split
from bench.store import Store

SOURCES: Mapping[str, tasks.Source] = {
    "infrared": tasks.Raw(kind="infrared"),
    "visible": tasks.Raw(kind="visible"),
    "average": tasks.Method(kind="method", method="average"),
    "maximum": tasks.Method(kind="method", method="maximum"),
    "laplacian": tasks.Method(kind="method", method="laplacian"),
}


def mixed(split: Split, store: Store) -> Examples:
    """Every pair once per source, under the keys ``<key>-<source>``, as one data set."""
    pairs: list[Pair] = []
    paths: dict[str, Path] = {}
    for name in SOURCES:
        shown = images(name, split, store)
        for pair in split.pairs:
            key = f"{pair.key}-{name}"
            pairs.append(replace(pair, key=key))
            paths[key] = shown[pair.key]
    pairs.sort(key=lambda pair: pair.key)
    return Examples(paths, replace(split, pairs=tuple(pairs)))


def images(name: str, split: Split, store: Store) -> Mapping[str, Path]:
    """The images of one of the sources by key, fused now if they are not yet."""
    return sources.find(SOURCES[name], split, store, Path.cwd(), "cpu").paths
