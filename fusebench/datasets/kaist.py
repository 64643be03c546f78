"""KAIST: pairs from a car by day and by night with boxes of persons; its reasonable subset.

Source: Hwang et al., "Multispectral pedestrian detection: benchmark dataset and baseline", CVPR
2015. 95,328 pairs of 640 x 512 pixels in twelve sets of videos:

    set00-02, 06-08  day        set03-05, 09-11  night
    campus, road, downtown in this order; set00-05 are for training, set06-11 for testing

Supported folder structures of the images, in any case:

    [images/]set00/V000/{lwir,visible}/I00001.jpg                         the official release
    set00_V000_I00001_{lwir,visible}.*                                    in any folders

Label files (see `fusebench.data.box_labels.pedestrian_labels`) are found in any folder by set,
video and frame in their path. Several versions are in circulation, and scores depend on them: the
original ones, the sanitized training labels of Li et al. (BMVC 2018, 7601 frames), the improved
test labels of Liu et al. (BMVC 2016, 2252 frames), and labels of their own for each sensor by Zhang
et al. (AR-CNN, ICCV 2019). The protocol names the folder that was used.

The official split is that of the lists ``imageSets/train-all-02.txt`` and ``test-all-20.txt``;
without these files it is every second frame of the training sets and every 20th frame of the test
sets, which is what they list. Frames without a label file are left out.

Of the test sets the *reasonable* subset counts: persons of at least 55 pixels, not or partly
occluded, at least 5 pixels from the edges of the image (the range of the benchmark's evaluation
code). Everything else is ignored, and so are ``people``, ``person?`` and ``cyclist`` in all sets.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from fusebench.data import splits
from fusebench.data.box_labels.label_notes import BoxLabels
from fusebench.data.box_labels.pedestrian_labels import (
    PedestrianSubset,
    build_pedestrian_boxes,
    read_pedestrian_labels,
)
from fusebench.data.dataset_index import DatasetIndex
from fusebench.data.published import kaist_frames
from fusebench.data.published.label_versions import (
    LabelVersion,
    choose_version,
    find_label_versions,
)
from fusebench.data.published.named_dataset import NamedDataset, NamedOptions
from fusebench.data.trees.label_options import Sensor
from fusebench.data.trees.options import Tree
from fusebench.errors import UserError

VERSION = 1
TITLE = "KAIST"
CLASSES = ("person",)
LABEL_PATH = re.compile(
    rf"(?P<version>.*?)/?{kaist_frames.FRAME}(?:_(?P<suffix>visible|lwir))?\.\w+", re.IGNORECASE
)
SENSORS: dict[str, Sensor] = {"visible": "visible", "lwir": "infrared"}
SUBSETS = {
    "reasonable": PedestrianSubset(min_height=55, max_occlusion=1, margin=5),
    "all": PedestrianSubset(min_height=20, max_occlusion=2, margin=5),
}
TRAIN_STEP, TEST_STEP = 2, 20  # frames; of train-all-02 and test-all-20
TRAIN_LIST, TEST_LIST = Path("imageSets/train-all-02.txt"), Path("imageSets/test-all-20.txt")

TREES = {
    "images/set00/V000/{lwir,visible}/*.jpg (official)": Tree(
        infrared="images/{sequence}/lwir", visible="images/{sequence}/visible"
    ),
    "set00/V000/{lwir,visible}/*.jpg": Tree(
        infrared="{sequence}/lwir", visible="{sequence}/visible"
    ),
    "set00_V000_I00001_{lwir,visible}.*": Tree(
        infrared="**/{key}_lwir", visible="**/{key}_visible"
    ),
}


class Options(NamedOptions):
    """Options of this data set in tasks.yaml; see also `NamedOptions`.

    Attributes:
        folder: Below the data folder, or absolute.
        sensor: Whose labels are used, where each sensor has its own.
        subset: The persons of the test sets that count; ``all``: of at least 20 pixels, however
            occluded.
        train_labels: Folder of the labels of set00 to set05. None: the only one there is.
        test_labels: Folder of the labels of set06 to set11, likewise.
        train_list: List of the training frames. None: ``imageSets/train-all-02.txt``, or every
            second frame.
        test_list: List of the test frames. None: ``imageSets/test-all-20.txt``, or every 20th
            frame.
    """

    folder: Path = Path("kaist")
    sensor: Sensor = "infrared"
    subset: Literal["reasonable", "all"] = "reasonable"
    train_labels: Path | None = None
    test_labels: Path | None = None
    train_list: Path | None = None
    test_list: Path | None = None


DEFAULT_OPTIONS = Options()


DATASET = NamedDataset("kaist", TITLE, CLASSES, TREES, describe_key=kaist_frames.describe_key)


def input_paths(root: Path, options: Options = DEFAULT_OPTIONS) -> list[Path]:
    """Return the folders and files that decide what `load` returns; empty if they are not known."""
    paths = DATASET.list_input_paths(root, options)
    lists = [path for path in (options.train_list, options.test_list) if path is not None]
    return [*paths, *(paths[0] / path for path in lists)] if paths else []


def load(root: Path, options: Options = DEFAULT_OPTIONS) -> DatasetIndex:
    """List the pairs and their labels.

    Raises:
        DatasetNotFoundError: If the data set is not on this machine.
        UserError: If an image has no partner, a list is missing, or two versions of the labels
            are there and the options do not choose one.
    """
    index = DATASET.load(root, options)
    versions = find_label_versions(index.folder, _parse_label_path, (".txt", ".xml"))
    if versions:
        index = _add_labels(index, versions, options)
    return _add_official_split(index, options)


def _parse_label_path(path: str) -> tuple[str, Sensor | None, str] | None:
    match = LABEL_PATH.fullmatch(path)
    if match is None:
        return None
    sensor = match["folder"] or match["suffix"]
    return (
        match["version"],
        SENSORS[sensor.lower()] if sensor else None,
        kaist_frames.build_key(match),
    )


def _add_labels(
    index: DatasetIndex, versions: Sequence[LabelVersion], options: Options
) -> DatasetIndex:
    """Add the labels of one version to each part; pairs without a label file are left out."""
    usable = [each for each in versions if each.sensor in (None, options.sensor)]
    if not usable:
        raise UserError(
            f"{index.folder}: no labels for the {options.sensor} images, but in "
            f"{versions[0].name}; choose the other sensor: data.sensor"
        )
    files: dict[str, str] = {}
    notes = []
    for part, requested in (("train", options.train_labels), ("test", options.test_labels)):
        keys = [key for key in index.keys if kaist_frames.is_tested(key) == (part == "test")]
        version = choose_version(usable, keys, requested, f"{part}_labels")
        if version is None:
            if keys:
                notes.append((f"labels of the {part} sets", f"none: {len(keys)} pairs left out"))
            continue
        labeled = {key: version.files[key] for key in keys if key in version.files}
        files |= labeled
        text = f"{len(labeled)} of {len(keys)} pairs, from {version.name or 'the top folder'}"
        if version.sensor is not None:
            text += f", drawn for the {version.sensor} images"
        notes.append((f"labels of the {part} sets", text))
    if not files:
        raise UserError(
            f"{index.folder}: no label file is of any of the {len(index.keys)} pairs, e.g. "
            f"{index.keys[0]}; labels are in {', '.join(each.name for each in usable)}"
        )
    subset = SUBSETS[options.subset]

    def read_boxes(key: str, size: tuple[int, int]) -> BoxLabels:
        labels = read_pedestrian_labels(files[key])
        return build_pedestrian_boxes(labels, size, subset if kaist_frames.is_tested(key) else None)

    return replace(
        index,
        files=[file for file in index.files if file[0] in files],
        read_boxes=read_boxes,
        label_rule=(
            options.subset,
            options.sensor,
            *sorted({Path(path).parent for path in files.values()}),
        ),
        notes=(*index.notes, *notes, ("persons that count", _describe_subset(options.subset))),
    )


def _describe_subset(name: str) -> str:
    subset = SUBSETS[name]
    occlusion = "not or partly occluded" if subset.max_occlusion == 1 else "however occluded"
    return (
        f"set06 to set11: {name}: at least {subset.min_height:g} pixels, {occlusion}, at least "
        f"{subset.margin:g} pixels from the edges of the image; set00 to set05: all. Other labels "
        "are ignored"
    )


def _add_official_split(index: DatasetIndex, options: Options) -> DatasetIndex:
    if not isinstance(index.rule, splits.OfficialRule):
        return index
    parts: splits.SplitKeys = {}
    texts = []
    for part, requested, default, step in (
        ("train", options.train_list, TRAIN_LIST, TRAIN_STEP),
        ("test", options.test_list, TEST_LIST, TEST_STEP),
    ):
        path = index.folder / (requested or default)
        if requested is not None or path.is_file():
            listed = kaist_frames.read_list(path)
            texts.append(path.name)
        else:
            in_part = [key for key in index.keys if kaist_frames.is_tested(key) == (part == "test")]
            listed = [key for key in in_part if (kaist_frames.get_number(key) + 1) % step == 0]
            texts.append(f"every {step} frames of the {part} sets")
        present = set(index.keys)
        parts[part] = [key for key in listed if key in present]
        if len(parts[part]) < len(listed):
            missing = len(listed) - len(parts[part])
            note = (f"frames left out of {part}", f"{missing} of {len(listed)} in {path.name}")
            index = replace(index, notes=(*index.notes, note))
    return replace(
        index, official_split=parts, official_split_text=f"official: {' / '.join(texts)}"
    )
