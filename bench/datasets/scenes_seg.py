"""Simulated street scenes with masks: what a fresh machine shows, drawn on first use.

A stand-in with known truth, not a measurement of the world; every table made on it says so. The
files lie as FMB's do and are read by `bench.datasets.fmb`.
"""

from dataclasses import replace
from pathlib import Path

from bench.datasets import fmb
from bench.pairs import Split
from bench.scenes import film, tree
from bench.scenes.film import Options as Options

VERSION = 1
TITLE = "simulated scenes"
FILM = 500_000  # added to the seed: no scene is also one of `bench.datasets.scenes`
CLASSES = fmb.CLASSES
OPTIONS = Options()


def ready(root: Path, options: Options = OPTIONS) -> bool:
    """Whether the scenes are drawn already."""
    return (root / film.folder("masks", VERSION, options)).is_dir()


def load(root: Path, split: str, options: Options = OPTIONS) -> Split:
    """The pairs of ``train``, ``test`` or ``all``; draws them into ``root`` if they are not there.

    Raises:
        BenchError: If they cannot be written there, or somebody changed the files.
    """
    folder = film.folder("masks", VERSION, options)
    numbers = tree.parts(options.train, options.test, options.knobs)
    tree.write_segmentation(root / folder, numbers, FILM + options.seed, options.knobs)
    read = fmb.load(root, split, fmb.Options(folder=folder))
    rule = "whole sequences" if split != "all" else read.rule
    return replace(read, dataset="scenes_seg", rule=rule, simulated=True)
