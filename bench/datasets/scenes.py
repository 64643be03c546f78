"""Simulated street scenes with boxes: what a fresh machine shows, drawn on first use.

A stand-in with known truth, not a measurement of the world; every table made on it says so. The
files lie as M3FD's do and are read by `bench.datasets.m3fd`.
"""

from dataclasses import replace
from pathlib import Path

from bench import splits
from bench.datasets import m3fd
from bench.pairs import Split
from bench.scenes import film, tree
from bench.scenes.film import Options as Options

VERSION = 1
TITLE = "simulated scenes"
CLASSES = m3fd.CLASSES
OPTIONS = Options()


def ready(root: Path, options: Options = OPTIONS) -> bool:
    """Whether the scenes are drawn already."""
    return (root / film.folder("boxes", VERSION, options)).is_dir()


def load(root: Path, split: str, options: Options = OPTIONS) -> Split:
    """The pairs of ``train``, ``test`` or ``all``; draws them into ``root`` if they are not there.

    Raises:
        BenchError: If they cannot be written there, or somebody changed the files.
    """
    folder = film.folder("boxes", VERSION, options)
    numbers = tree.parts(options.train, options.test, options.knobs)
    tree.write_detection(root / folder, numbers, options.seed, options.knobs)
    read = m3fd.load(root, split, m3fd.Options(folder=folder, split=splits.Lists()))
    rule = "whole sequences" if split != "all" else read.rule
    return replace(read, dataset="scenes", rule=rule, simulated=True)
