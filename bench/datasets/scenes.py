"""Simulated street scenes with boxes: what a fresh machine shows, drawn on first use.

A stand-in with known truth, not a measurement of the world; every table made on it says so. The
files lie as M3FD's do and are read by `bench.datasets.m3fd`.
"""

from dataclasses import replace
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from bench import digest, splits
from bench.datasets import m3fd
from bench.pairs import Split
from bench.scenes import tree
from bench.scenes.knobs import Knobs

VERSION = 1
TITLE = "simulated scenes"
CLASSES = m3fd.CLASSES


class Options(BaseModel):
    """What tasks.yaml may set for this data set.

    Attributes:
        train: Scenes for training.
        test: Scenes for testing; never from a sequence of the training scenes.
        seed: Another seed is another film. Those from 1000 on drew the scenes that the packaged
            weights were trained on.
        knobs: How the scenes look.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    train: int = Field(default=160, ge=1, le=99_999)
    test: int = Field(default=100, ge=1, le=99_999)
    seed: int = Field(default=0, ge=0, le=499_999)
    knobs: Knobs = Knobs()


OPTIONS = Options()


def ready(root: Path, options: Options = OPTIONS) -> bool:
    """Whether the scenes are drawn already."""
    return (root / _folder(options)).is_dir()


def load(root: Path, split: str, options: Options = OPTIONS) -> Split:
    """The pairs of ``train``, ``test`` or ``all``; draws them into ``root`` if they are not there.

    Raises:
        BenchError: If they cannot be written there, or somebody changed the files.
    """
    folder = _folder(options)
    numbers = tree.parts(options.train, options.test, options.knobs)
    tree.write_detection(root / folder, numbers, options.seed, options.knobs)
    read = m3fd.load(root, split, m3fd.Options(folder=folder, split=splits.Lists()))
    rule = "whole sequences" if split != "all" else read.rule
    return replace(read, dataset="scenes", rule=rule, simulated=True)


def _folder(options: Options) -> Path:
    spec = {"version": VERSION, "options": options.model_dump(mode="json")}
    name = f"boxes-{options.train}-{options.test}-seed{options.seed}"
    return Path("scenes") / f"{name}-{digest.digest(spec)}"
