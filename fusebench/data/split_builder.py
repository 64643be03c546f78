"""Construction of a `Split` from the files of a data set: the steps that all data sets share."""

from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fusebench.data import folder_discovery, splits
from fusebench.data.box_labels import label_notes
from fusebench.data.box_labels.label_notes import BoxLabels
from fusebench.data.boxes import Boxes
from fusebench.data.pairs import PairColumns, Split, pack_columns
from fusebench.data.sequences import ConditionAndSequence
from fusebench.errors import UserError

DEFAULT_SEQUENCE_LENGTH = 100  # ids per sequence if the data set does not name its sequences
SPLIT_NAMES = ("train", "test", "all")

ORIENTATION_NOTE = "orientation"


@dataclass(frozen=True)
class PairReading:
    """What is read of the files of a pair for its split.

    Attributes:
        size: (width, height) in pixels, as displayed.
        labels: Its boxes; None if the data set has none.
        turned_images: Images of it that are turned or mirrored for display, 0 to 2.
    """

    size: tuple[int, int]
    labels: BoxLabels | None
    turned_images: int


# By the pair's files and class order: splits of other rules share it.
PairReadings = dict[Hashable, PairReading]


@dataclass(frozen=True)
class DatasetIndex:
    """All files of a data set, before it is split.

    Attributes:
        dataset: Name of the data set.
        folder: Its folder; list files of a split rule are relative to it.
        classes: Class names in the order of their ids.
        files: (key, infrared file, visible file) in key order.
        read_boxes: Reads the ground-truth boxes of (key, image size), alone or with the counts
            for `Split.notes`; None if there are none.
        class_order: Class id of each id in the label files, if `read_boxes` depends on it.
        label_maps: Label image per key; empty if there are none.
        official_split: Keys of train and test, if the data set has an official split.
        conditions_and_sequences: Per key, as far as they are known.
        notes: Notes on all files; those on the labels of a split are added, see `Split`.
        official_split_hint: Where the official split was expected, for messages.
    """

    dataset: str
    folder: Path
    classes: tuple[str, ...]
    files: Sequence[tuple[str, str, str]]
    read_boxes: Callable[[str, tuple[int, int]], Boxes | BoxLabels] | None = None
    class_order: tuple[int, ...] = ()
    label_maps: Mapping[str, Path] = field(default_factory=dict)
    official_split: splits.SplitKeys | None = None
    conditions_and_sequences: Mapping[str, ConditionAndSequence] = field(default_factory=dict)
    notes: tuple[tuple[str, str], ...] = ()
    official_split_hint: str = ""


def list_input_paths(
    root: Path, folder: Path, rule: splits.SplitRule, scenarios: Path | None
) -> list[Path]:
    """List the folders and files that decide the splits of a data set.

    Args:
        root: The data folder.
        folder: The data set's folder, below ``root`` or absolute.
        rule: Its split rule; list files are relative to the data set.
        scenarios: Its scenario file, likewise.

    Returns:
        The data set's folder and files that may lie elsewhere; empty if there is no such folder.

    Raises:
        UserError: If two folders could be meant.
    """
    dataset = folder_discovery.find_dataset_folder(root, folder)
    if dataset is None:
        return []
    files = [] if scenarios is None else [scenarios]
    if isinstance(rule, splits.ListRule):
        files += [rule.train, rule.test]
    return [dataset, *(dataset / file for file in files)]


def check_split_name(split: str) -> None:
    """Refuse an unknown split name.

    Raises:
        UserError: Naming the valid ones.
    """
    if split not in SPLIT_NAMES:
        raise UserError(f"no split is called {split!r}; known: {', '.join(SPLIT_NAMES)}")


def build_split(
    index: DatasetIndex,
    split: str,
    rule: splits.SplitRule | None = None,
    readings: PairReadings | None = None,
) -> Split:
    """Build one split; only image headers and box labels are read.

    Args:
        index: The data set.
        split: ``train``, ``test`` or ``all``.
        rule: How to divide into train and test; None if every pair is tested.
        readings: What was read for other splits a moment ago; updated. None: nothing.

    Raises:
        UserError: If the rule does not suit the data set, or a header or a label is broken.
    """
    check_split_name(split)
    keys = [key for key, _, _ in index.files]
    sequences = _assign_sequences(index, keys, rule)
    readings = {} if readings is None else readings
    if split == "train" and isinstance(rule, splits.AllPairsRule):
        raise UserError(
            f"{index.dataset}: split: {{rule: all}} tests every pair and leaves none to train on; "
            "it is for models trained elsewhere, choose another rule"
        )
    if split == "all" or rule is None or isinstance(rule, splits.AllPairsRule):
        pairs, notes = _build_pairs(index, keys, sequences, readings)
        return Split(index.dataset, split, index.classes, pairs, "all pairs", notes=notes)
    parts = splits.divide_keys(keys, rule, _load_listed_keys(index, rule))
    pairs, notes = _build_pairs(index, parts[split], sequences, readings)
    return Split(
        index.dataset,
        split,
        index.classes,
        pairs,
        splits.describe_rule(rule),
        splits.has_leakage(rule, parts, _get_known_sequences(index)),
        notes=notes,
    )


def _get_known_sequences(index: DatasetIndex) -> dict[str, str]:
    return {
        key: recording.sequence
        for key, recording in index.conditions_and_sequences.items()
        if recording.sequence
    }


def _assign_sequences(
    index: DatasetIndex, keys: Sequence[str], rule: splits.SplitRule | None
) -> dict[str, str]:
    """Return the sequence of every key; unknown ones are approximated by blocks of ids.

    Where every pair is tested and keys are not numbered, neighbors are unrelated: each key is then
    a sequence of its own.
    """
    length = rule.length if isinstance(rule, splits.BlockRule) else DEFAULT_SEQUENCE_LENGTH
    if rule is None and splits.parse_frame_numbers(keys) is None:
        sequences = {key: key for key in keys}
    else:
        sequences = splits.assign_blocks(keys, length)
    return sequences | _get_known_sequences(index)


def _load_listed_keys(index: DatasetIndex, rule: splits.SplitRule) -> splits.SplitKeys:
    if isinstance(rule, splits.ListRule):
        return splits.read_split_lists(index.folder, rule, [key for key, _, _ in index.files])
    if isinstance(rule, splits.OfficialRule):
        if index.official_split is None:
            raise UserError(
                f"{index.dataset} has no official split here{index.official_split_hint}; set split "
                "to blocks, random or lists, or to all if nothing is trained: "
                "data: {split: {rule: all}}"
            )
        return index.official_split
    return {}


def _build_pairs(
    index: DatasetIndex,
    keys: Sequence[str],
    sequences: Mapping[str, str],
    readings: PairReadings,
) -> tuple[PairColumns, tuple[tuple[str, str], ...]]:
    """Return the pairs of the keys, and the notes on their files."""
    selected_keys = set(keys)
    files = [file for file in index.files if file[0] in selected_keys]
    read = [_read_pair_once(index, *file, readings) for file in files]
    labels = [reading.labels for reading in read]
    recordings = [index.conditions_and_sequences.get(key) for key, _, _ in files]
    label_maps = [index.label_maps.get(key) for key, _, _ in files]
    columns = pack_columns(
        keys=[key for key, _, _ in files],
        infrared=[infrared for _, infrared, _ in files],
        visible=[visible for _, _, visible in files],
        sizes=[reading.size for reading in read],
        boxes=[None if each is None else each.boxes for each in labels],
        label_maps=[None if file is None else str(file) for file in label_maps],
        conditions=[None if each is None else each.condition for each in recordings],
        sequences=[sequences[key] for key, _, _ in files],
    )
    counts: Counter[str] = Counter()
    for entry in labels:
        if entry is not None and entry.counts:
            counts.update(entry.counts)
    notes = label_notes.build_notes(counts, len(columns.class_ids), len(files))
    turned_images = sum(reading.turned_images for reading in read)
    if turned_images:
        text = f"{turned_images} of {2 * len(files)} images turned or mirrored, as their EXIF says"
        notes = (*notes, (ORIENTATION_NOTE, text))
    return columns, (*index.notes, *notes)


def _read_pair_once(
    index: DatasetIndex, key: str, infrared: str, visible: str, readings: PairReadings
) -> PairReading:
    identity = (index.dataset, infrared, visible, index.class_order)
    known = readings.get(identity)
    if known is None:
        known = readings[identity] = _read_pair(index, key, infrared, visible)
    return known


def _read_pair(index: DatasetIndex, key: str, infrared: str, visible: str) -> PairReading:
    """Read the size of a pair from its headers, and its boxes."""
    headers = folder_discovery.read_matching_headers(infrared, visible)
    size = headers[0].size
    label_map = index.label_maps.get(key)
    if label_map is not None:
        folder_discovery.read_matching_headers(label_map, visible)
    labels = index.read_boxes(key, size) if index.read_boxes else None
    if isinstance(labels, Boxes):
        labels = label_notes.build_labels(labels, size)
    return PairReading(size, labels, sum(header.is_turned for header in headers))
