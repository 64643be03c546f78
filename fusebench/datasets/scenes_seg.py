"""Simulated street scenes with masks: what a fresh machine shows, drawn on first use.

A stand-in with known truth, not a measurement of the world; every table made on it says so. The
files lie as FMB's do and are read by `fusebench.datasets.fmb`.
"""

from dataclasses import replace
from pathlib import Path

from fusebench.data.pairs import Split
from fusebench.datasets import fmb
from fusebench.simulator import dataset_writer, scene_options
from fusebench.simulator.scene_options import Options as Options

VERSION = 1
TITLE = "simulated scenes"
SEED_OFFSET = 500_000  # added to the seed: no scene is also one of `fusebench.datasets.scenes`
CLASSES = fmb.CLASSES
DEFAULT_OPTIONS = Options()


def is_generated(root: Path, options: Options = DEFAULT_OPTIONS) -> bool:
    """Whether the scenes are drawn already."""
    return (root / scene_options.get_dataset_folder("masks", VERSION, options)).is_dir()


def load(root: Path, split: str, options: Options = DEFAULT_OPTIONS) -> Split:
    """The pairs of ``train``, ``test`` or ``all``; draws them into ``root`` if they are not there.

    Raises:
        UserError: If they cannot be written there, or somebody changed the files.
    """
    folder = scene_options.get_dataset_folder("masks", VERSION, options)
    numbers = dataset_writer.split_scene_numbers(options.train, options.test, options.knobs)
    dataset_writer.write_segmentation_dataset(
        root / folder, numbers, SEED_OFFSET + options.seed, options.knobs
    )
    read = fmb.load(root, split, fmb.Options(folder=folder))
    rule = "whole sequences" if split != "all" else read.rule_description
    return replace(read, dataset="scenes_seg", rule_description=rule, is_simulated=True)
