"""Corrupted test pairs: computed where images are fused, and never stored themselves.

The random numbers of a pair follow from its key, the corruption and the severity: every source and
every process sees the same corrupted pair, whatever the order and the number of the pairs.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fusebench import plugins
from fusebench.config import schema
from fusebench.config.reference_sources import ChannelsSource, ReplaceSource
from fusebench.corruption_parts.pair_images import PairImages, Sensor
from fusebench.data import images
from fusebench.data.pairs import Pair, Split
from fusebench.errors import UserError
from fusebench.experiments.robustness.corruption_levels import CorruptionLevel
from fusebench.storage import hashing
from fusebench.storage.splits.file_hashes import FileHashes


@dataclass(frozen=True)
class CorruptedPairs:
    """A corruption of the pairs of a test split.

    Attributes:
        level: Corruption and severity.
        earlier: The earlier pair by key, for a corruption that needs one; otherwise empty.
        earlier_hash: Hash of these pairs; empty without any.
        incomplete_count: How many pairs have fewer earlier frames than the corruption asks for.
    """

    level: CorruptionLevel
    earlier: Mapping[str, Pair] = field(default_factory=dict, compare=False, repr=False)
    earlier_hash: str = ""
    incomplete_count: int = 0

    @property
    def spec(self) -> dict[str, Any]:
        """Everything that affects the corrupted images but the pairs themselves."""
        earlier = {"earlier": self.earlier_hash} if self.earlier_hash else {}
        return {**self.level.spec, **earlier}

    def changes_source(self, source: schema.Source) -> bool:
        """Return whether the images of a source change, and can be made again.

        Images that were fused elsewhere cannot. An ensemble has no images.
        """
        if isinstance(source, schema.SensorSource):
            return source.kind in self.level.changed_sensors
        return isinstance(source, schema.FusionMethodSource | ChannelsSource | ReplaceSource)

    def read_pair(self, pair: Pair) -> PairImages:
        """Read the images of a pair and corrupt them.

        Raises:
            UserError: If the corruption fails, or returns images of another size or dtype.
        """
        clean = read_images(pair)
        if self.earlier:
            earlier = read_images(self.earlier[pair.key])
            clean = PairImages(clean.infrared, clean.visible, earlier)
        plugin, severity = self.level.plugin, self.level.severity
        generator = build_generator(pair.key, plugin.name, severity)
        with plugins.name_failing_input(f"corruption {self.level.label}, pair {pair.key}"):
            corrupted = plugin.corrupt(clean, severity, self.level.options, generator)
            for sensor in ("infrared", "visible"):
                _check_image(corrupted, clean, sensor)
        return corrupted

    def describe(self) -> str:
        """Describe corruption and severity for the protocol of a record."""
        level = self.level
        text = f"{level.plugin.name}, severity {level.severity}: {level.describe()}"
        if self.incomplete_count:
            text += f"; {self.incomplete_count} pairs have fewer earlier frames in their sequence"
        return text


def build_generator(key: str, name: str, severity: int) -> np.random.Generator:
    """Build the source of the random numbers of one corrupted pair."""
    digest = hashlib.sha256(f"{name}\n{severity}\n{key}".encode()).digest()
    return np.random.default_rng(np.frombuffer(digest, np.uint32))


def corrupt_split(
    levels: Sequence[CorruptionLevel],
    whole: Split,
    limited: Split,
    where: str,
    file_hashes: FileHashes | None = None,
) -> list[CorruptedPairs]:
    """Prepare the corruptions of a test split.

    Args:
        levels: Corruptions and severities.
        whole: The test split, in which earlier frames are looked up.
        limited: The pairs of it that are tested.
        where: Position in the task file, for messages.
        file_hashes: Known content hashes of files.

    Raises:
        UserError: If a corruption needs earlier frames, and no pair of the whole split has one or
            one has another size than the pair.
    """
    corrupted = []
    for level in levels:
        if not level.frames_back:
            corrupted.append(CorruptedPairs(level))
            continue
        if len({pair.sequence for pair in whole.pairs}) == len(whole.pairs):
            raise UserError(
                f"{where}.{level.plugin.name}: needs earlier frames, but no test pair of "
                f"{whole.dataset} has another one before it in its sequence; delete it, or name "
                "the sequences of the data set"
            )
        earlier, incomplete_count = find_earlier_pairs(whole, limited, level.frames_back)
        _check_sizes(earlier, limited, f"{where}.{level.plugin.name}")
        content = {
            "frames": {key: pair.key for key, pair in earlier.items()},
            "pairs": hashing.hash_images(whole, file_hashes),
        }
        digest = hashing.content_hash(content)
        corrupted.append(CorruptedPairs(level, earlier, digest, incomplete_count))
    return corrupted


def find_earlier_pairs(whole: Split, limited: Split, frames: int) -> tuple[dict[str, Pair], int]:
    """Find, by key, the pair some frames before each pair in its sequence.

    Args:
        whole: The split; its pairs are in the order of their keys.
        limited: The pairs to find earlier ones for.
        frames: How many pairs before.

    Returns:
        The first pair of the sequence where there are fewer; and the number of such pairs.
    """
    wanted = set(limited.keys)
    sequences: dict[str, list[Pair]] = {}
    earlier: dict[str, Pair] = {}
    incomplete_count = 0
    for pair in whole.pairs:
        sequence = sequences.setdefault(pair.sequence, [])
        sequence.append(pair)
        if pair.key in wanted:
            place = len(sequence) - 1 - frames
            earlier[pair.key] = sequence[max(0, place)]
            incomplete_count += place < 0
    return earlier, incomplete_count


def _check_sizes(earlier: Mapping[str, Pair], split: Split, where: str) -> None:
    """Raise a UserError if an earlier frame has another size than its pair."""
    for pair in split.pairs:
        before = earlier[pair.key]
        if before.size != pair.size:
            raise UserError(
                f"{where}: the earlier frame of pair {pair.key}, {before.key}, has "
                f"{before.size[0]} x {before.size[1]} pixels and the pair {pair.size[0]} x "
                f"{pair.size[1]}; delete it, or put them into two sequences"
            )


def read_images(pair: Pair) -> PairImages:
    """Read the images of a pair as they are."""
    return PairImages(images.read_gray(pair.infrared), images.read_color(pair.visible))


def _check_image(corrupted: Any, clean: PairImages, sensor: Sensor) -> None:
    """Raise a UserError if an image has another shape or dtype than the clean one."""
    image, expected = getattr(corrupted, sensor, None), clean.get(sensor)
    shape, dtype = getattr(image, "shape", None), getattr(image, "dtype", None)
    if shape != expected.shape or dtype != expected.dtype:
        raise UserError(
            f"returned a {sensor} image of shape {shape} and dtype {dtype}; expected PairImages "
            f"with shape {expected.shape} and dtype uint8"
        )
