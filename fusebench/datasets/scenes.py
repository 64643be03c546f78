"""Simulated street scenes with boxes, rendered on first use; the default without downloads.

Scores on simulated images say nothing about real ones; every table on this data set says that it is
simulated. The folder structure is M3FD's and `fusebench.datasets.m3fd` reads it.
"""

from dataclasses import replace
from pathlib import Path

from fusebench.data import splits
from fusebench.data.dataset_index import DatasetIndex
from fusebench.datasets import m3fd
from fusebench.simulator import dataset_writer, scene_options
from fusebench.simulator.scene_options import Options as Options

VERSION = 1
TITLE = "simulated scenes"
CLASSES = m3fd.CLASSES
DEFAULT_OPTIONS = Options()


def is_generated(root: Path, options: Options = DEFAULT_OPTIONS) -> bool:
    """Return whether the scenes are rendered already."""
    return (root / scene_options.get_dataset_folder("boxes", VERSION, options)).is_dir()


def input_paths(root: Path, options: Options = DEFAULT_OPTIONS) -> list[Path]:
    """Return the folder that decides what `load` returns."""
    return [root / scene_options.get_dataset_folder("boxes", VERSION, options)]


def load(root: Path, options: Options = DEFAULT_OPTIONS) -> DatasetIndex:
    """List the pairs and their labels; renders them into ``root`` if missing.

    Raises:
        UserError: If they cannot be written to ``root``, or a file was changed.
    """
    folder = scene_options.get_dataset_folder("boxes", VERSION, options)
    numbers = dataset_writer.split_scene_numbers(options.train, options.test, options.knobs)
    dataset_writer.write_detection_dataset(root / folder, numbers, options.seed, options.knobs)
    index = m3fd.load(root, m3fd.Options(folder=folder, split=splits.ListRule()))
    return replace(
        index, dataset="scenes", official_split_text="whole sequences", is_simulated=True
    )
