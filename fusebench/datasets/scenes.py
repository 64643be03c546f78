"""Simulated street scenes with boxes: what a fresh machine shows, drawn on first use.

A stand-in with known truth, not a measurement of the world; every table made on it says so. The
files lie as M3FD's do and are read by `fusebench.datasets.m3fd`.
"""

from dataclasses import replace
from pathlib import Path

from fusebench.data import splits
from fusebench.data.pairs import Split
from fusebench.datasets import m3fd
from fusebench.simulator import dataset_writer, scene_options
from fusebench.simulator.scene_options import Options as Options

VERSION = 1
TITLE = "simulated scenes"
CLASSES = m3fd.CLASSES
DEFAULT_OPTIONS = Options()


def is_generated(root: Path, options: Options = DEFAULT_OPTIONS) -> bool:
    """Whether the scenes are drawn already."""
    return (root / scene_options.get_dataset_folder("boxes", VERSION, options)).is_dir()


def load(root: Path, split: str, options: Options = DEFAULT_OPTIONS) -> Split:
    """The pairs of ``train``, ``test`` or ``all``; draws them into ``root`` if they are not there.

    Raises:
        UserError: If they cannot be written there, or somebody changed the files.
    """
    folder = scene_options.get_dataset_folder("boxes", VERSION, options)
    numbers = dataset_writer.split_scene_numbers(options.train, options.test, options.knobs)
    dataset_writer.write_detection_dataset(root / folder, numbers, options.seed, options.knobs)
    read = m3fd.load(root, split, m3fd.Options(folder=folder, split=splits.ListRule()))
    rule = "whole sequences" if split != "all" else read.rule_description
    return replace(read, dataset="scenes", rule_description=rule, is_simulated=True)
