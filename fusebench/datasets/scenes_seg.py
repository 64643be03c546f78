"""Simulated street scenes with label maps, rendered on first use; the default without downloads.

Scores on simulated images say nothing about real ones; every table on this data set says that it is
simulated. The folder structure is FMB's and `fusebench.datasets.fmb` reads it.
"""

from dataclasses import replace
from pathlib import Path

from fusebench.data.pairs import Split
from fusebench.datasets import fmb
from fusebench.simulator import dataset_writer, scene_options
from fusebench.simulator.scene_options import Options as Options

VERSION = 1
TITLE = "simulated scenes"
SEED_OFFSET = 500_000  # added to the seed, so that no scene is also in `fusebench.datasets.scenes`
CLASSES = fmb.CLASSES
DEFAULT_OPTIONS = Options()


def is_generated(root: Path, options: Options = DEFAULT_OPTIONS) -> bool:
    """Return whether the scenes are rendered already."""
    return (root / scene_options.get_dataset_folder("masks", VERSION, options)).is_dir()


def input_paths(root: Path, options: Options = DEFAULT_OPTIONS) -> list[Path]:
    """Return the folder that decides what `load` returns."""
    return [root / scene_options.get_dataset_folder("masks", VERSION, options)]


def load(root: Path, split: str, options: Options = DEFAULT_OPTIONS) -> Split:
    """Load the pairs of ``train``, ``test`` or ``all``; renders them into ``root`` if missing.

    Raises:
        UserError: If they cannot be written to ``root``, or a file was changed.
    """
    folder = scene_options.get_dataset_folder("masks", VERSION, options)
    numbers = dataset_writer.split_scene_numbers(options.train, options.test, options.knobs)
    dataset_writer.write_segmentation_dataset(
        root / folder, numbers, SEED_OFFSET + options.seed, options.knobs
    )
    loaded = fmb.load(root, split, fmb.Options(folder=folder))
    rule = "whole sequences" if split != "all" else loaded.rule_description
    return replace(loaded, dataset="scenes_seg", rule_description=rule, is_simulated=True)
