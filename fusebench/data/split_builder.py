"""Construction of a `Split` from the index of a data set: the steps that all data sets share."""

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from fusebench.data.box_labels import label_notes
from fusebench.data.box_labels.label_notes import BoxLabels
from fusebench.data.boxes import Boxes
from fusebench.data.dataset_index import DatasetIndex
from fusebench.data.image_files import pair_headers
from fusebench.data.image_files.channel_separation import separate_channels
from fusebench.data.image_files.content_hash import ContentHash
from fusebench.data.image_files.infrared_scaling import scale_infrared_images
from fusebench.data.label_images.conversion import convert_label_maps
from fusebench.data.pairs import PairColumns, Split, pack_columns
from fusebench.data.splitting import division
from fusebench.errors import UserError

SPLIT_NAMES = ("train", "test", "all")
ORIENTATION_NOTE = "orientation"

Options = TypeVar("Options")


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


@dataclass(frozen=True)
class DatasetReadings:
    """What was read of data sets a moment ago; their splits share it.

    Attributes:
        indexes: Index of each data set by its name, options and folder.
        pairs: What was read of each pair, by its files and the index's `label_rule`.
        image_hashes: Hashes that were computed together with headers, by path.
    """

    indexes: dict[Hashable, DatasetIndex] = field(default_factory=dict)
    pairs: dict[Hashable, PairReading] = field(default_factory=dict)
    image_hashes: dict[str, ContentHash] = field(default_factory=dict)

    def get_index(self, identity: Hashable, load: Callable[[], DatasetIndex]) -> DatasetIndex:
        """Return the index of a data set; call ``load`` if it was not listed yet."""
        if identity not in self.indexes:
            self.indexes[identity] = load()
        return self.indexes[identity]


def load_split(
    load: Callable[[Path, Options], DatasetIndex], root: Path, split: str, options: Options
) -> Split:
    """Load one split of a data set; nothing is shared with other splits.

    Args:
        load: Function `load` of a file in ``fusebench/datasets``.
        root: The data folder.
        split: ``train``, ``test`` or ``all``.
        options: Checked options of the data set.

    Raises:
        DatasetNotFoundError: If the data set is not on this machine.
        UserError: See `build_split`; also if a file is missing or does not match its partner.
    """
    check_split_name(split)
    return build_split(load(root, options), split, root)


def check_split_name(split: str) -> None:
    """Refuse an unknown split name.

    Raises:
        UserError: Naming the valid ones.
    """
    if split not in SPLIT_NAMES:
        raise UserError(f"no split is called {split!r}; known: {', '.join(SPLIT_NAMES)}")


def build_split(
    index: DatasetIndex, split: str, root: Path, readings: DatasetReadings | None = None
) -> Split:
    """Build one split; only image headers and box labels are read.

    Args:
        index: The data set.
        split: ``train``, ``test`` or ``all``.
        root: The data folder, where converted images are written.
        readings: What was read for other splits a moment ago; updated. None: nothing.

    Raises:
        UserError: If the rule does not suit the data set, or a header or a label is broken.
    """
    check_split_name(split)
    readings = DatasetReadings() if readings is None else readings
    built = _build_split(index, split, readings)
    if index.has_four_channels:
        built = separate_channels(built, root)
    built = scale_infrared_images(built, index.infrared_scaling, root)
    return convert_label_maps(built, index.label_conversion, root)


def _build_split(index: DatasetIndex, split: str, readings: DatasetReadings) -> Split:
    is_divided = division.is_divided(index)
    if split == "train" and not is_divided:
        raise UserError(_describe_missing_training_part(index))
    keys, description, has_leakage = index.keys, "all pairs", False
    if split != "all" and is_divided:
        train_and_test = division.divide_index(index)
        keys, description = train_and_test.parts[split], train_and_test.description
        has_leakage = train_and_test.has_leakage
    pairs, notes = _build_pairs(index, keys, readings)
    return Split(
        index.dataset,
        split,
        index.classes,
        pairs,
        description,
        has_leakage,
        index.is_simulated,
        notes=notes,
    )


def _describe_missing_training_part(index: DatasetIndex) -> str:
    if index.rule is None:
        return f"{index.dataset} has no split 'train': every pair is tested; use test or all"
    return (
        f"{index.dataset}: split: {{rule: all}} tests every pair and leaves none to train on; it "
        "is for models trained elsewhere, choose another rule"
    )


def _build_pairs(
    index: DatasetIndex, keys: Sequence[str], readings: DatasetReadings
) -> tuple[PairColumns, tuple[tuple[str, str], ...]]:
    """Return the pairs of the keys, and the notes on their files."""
    sequences = division.assign_sequences(index)
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
    index: DatasetIndex, key: str, infrared: str, visible: str, readings: DatasetReadings
) -> PairReading:
    identity = (index.dataset, infrared, visible, index.label_rule, index.label_maps.get(key))
    known = readings.pairs.get(identity)
    if known is None:
        known = readings.pairs[identity] = _read_pair(index, key, infrared, visible, readings)
    return known


def _read_pair(
    index: DatasetIndex, key: str, infrared: str, visible: str, readings: DatasetReadings
) -> PairReading:
    """Read the size of a pair from its headers, and its boxes."""
    headers = pair_headers.read_matching_headers(infrared, visible, readings.image_hashes)
    size = headers[0].size
    label_map = index.label_maps.get(key)
    if label_map is not None:
        pair_headers.read_matching_headers(label_map, visible)
    labels = index.read_boxes(key, size) if index.read_boxes else None
    if isinstance(labels, Boxes):
        labels = label_notes.build_labels(labels, size)
    return PairReading(size, labels, sum(header.is_turned for header in headers))
