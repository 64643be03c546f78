"""Training images of simulated scenes, the same for both programs of a comparison."""

from pathlib import Path

from fusebench.data.dataset_index import DatasetIndex
from fusebench.data.labeled_images import LabeledImages
from fusebench.data.split_builder import build_split


def load_visible_images(index: DatasetIndex, data: Path) -> LabeledImages:
    """Load the visible training images of a data set in the folder of data sets."""
    split = build_split(index, "train", data)
    return LabeledImages({pair.key: pair.visible for pair in split.pairs}, split)
