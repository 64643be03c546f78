"""Images of one source for one split: their spec and their location; missing ones are created.

The stages share images through the store: the first stage that requests the images of a spec
creates them, later ones reuse them. No stage imports another.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from fusebench import plugins
from fusebench.config import path_templates, paths, schema
from fusebench.config.reference_sources import ChannelsSource, EnsembleSource, ReplaceSource
from fusebench.data import images
from fusebench.data.labeled_images import LabeledImages
from fusebench.data.matching.image_files import (
    KEY_PLACEHOLDER,
    describe_missing,
    find_images_by_stem,
)
from fusebench.data.pairs import Pair, Split
from fusebench.errors import UserError
from fusebench.experiments import shards
from fusebench.experiments.resolution import ResolvedSource
from fusebench.experiments.robustness import corrupted_pairs
from fusebench.experiments.robustness.corrupted_pairs import CorruptedPairs
from fusebench.experiments.shards import Shard
from fusebench.runtime import progress
from fusebench.runtime.memory.allocator import keep_freed_memory
from fusebench.storage import hashing
from fusebench.storage.splits.file_hashes import FileHashes
from fusebench.storage.store import Store


@dataclass(frozen=True)
class SourceImages:
    """The images of a source for a split, whether they exist yet or not.

    Attributes:
        source: The source.
        split: The pairs; one image each.
        file_hashes: Known content hashes of files; None: external images are read for their hash.
        corruption: How the pairs are corrupted before they are fused; None: clean pairs.
    """

    source: ResolvedSource
    split: Split
    file_hashes: FileHashes | None = field(default=None, compare=False, repr=False)
    corruption: CorruptedPairs | None = None

    @cached_property
    def external_files(self) -> dict[str, Path]:
        """Image file per key, of a source of external images.

        Raises:
            UserError: If the folder or some of its images are missing, or its name has an unknown
                placeholder.
        """
        assert isinstance(self.source.config, schema.ExternalImagesSource)
        split = self.split
        where = f"sources.{self.source.name}.folder"
        # {key} stays: it stands for each pair's key in the names of the files.
        values = {"dataset": split.dataset, "split": split.name, "key": KEY_PLACEHOLDER}
        path = path_templates.fill_template(self.source.config.folder, values, where)
        folder = paths.resolve_path(Path(path), self.source.base_folder, where)
        files = find_images_by_stem(folder)
        missing = [key for key in split.keys if key not in files]
        if missing:
            raise UserError(
                f"{folder}: {len(missing)} of the {len(split.keys)} images of "
                f"{split.dataset}/{split.name} are missing (first: {missing[0]}); "
                f"{describe_missing(missing, folder, set(files) - set(split.keys))}"
            )
        return {key: files[key] for key in split.keys}

    @cached_property
    def spec(self) -> dict[str, Any]:
        """Spec of the images: everything that affects their pixels.

        Raises:
            UserError: If a file that they depend on, or an image of a folder, is missing.
        """
        source, config = self.source, self.source.config
        spec: dict[str, Any] = {
            "kind": config.kind,
            "dataset": self.split.dataset,
            "pairs": hashing.hash_images(self.split, self.file_hashes),
        }
        if isinstance(config, schema.FusionMethodSource):
            spec |= {
                "method": config.method,
                "options": source.spec_options.model_dump(mode="json"),
                **source.method_state,
            }
        elif isinstance(config, schema.ExternalImagesSource):
            spec["color"] = config.color
            spec["files"] = hashing.hash_files(self.external_files, self.file_hashes)
        elif isinstance(config, ReplaceSource):
            spec["channel"] = config.channel
        if self.corruption is not None:
            spec["corruption"] = self.corruption.spec
        return spec

    @property
    def is_made_here(self) -> bool:
        """Whether the images are written into the store."""
        config = self.source.config
        return (
            (self.corruption is not None and not isinstance(config, EnsembleSource))
            or isinstance(config, schema.FusionMethodSource | ReplaceSource)
            or (isinstance(config, schema.ExternalImagesSource) and config.color == "visible")
        )

    @property
    def label(self) -> str:
        """Readable part of the name of their folder in the store."""
        config = self.source.config
        method = "recolored"
        if isinstance(config, schema.FusionMethodSource):
            method = config.method
        elif isinstance(config, schema.SensorSource):
            method = config.kind
        elif isinstance(config, ChannelsSource):
            method = "channels"
        elif isinstance(config, ReplaceSource):
            method = f"replace-{config.channel}"
        corruption = "" if self.corruption is None else f"-{self.corruption.level.label}"
        return f"{self.split.dataset}-{self.split.name}-{method}{corruption}"

    def get_folder(self, store: Store) -> Path:
        """Return the folder in the store of images that are written there, existing or not."""
        return store.get_path("fused", self.label, self.spec)

    def describe_color(self) -> str:
        """Describe the color handling, for the protocol."""
        config = self.source.config
        if isinstance(config, schema.SensorSource):
            return "gray" if config.kind == "infrared" else "RGB"
        if isinstance(config, schema.FusionMethodSource):
            assert self.source.method is not None
            return self.source.method.COLOR
        if isinstance(config, EnsembleSource):
            members = [SourceImages(member, self.split) for member in self.source.members]
            texts = (f"{each.source.name}: {each.describe_color()}" for each in members)
            return f"of the members ({'; '.join(texts)})"
        if isinstance(config, ChannelsSource):
            return "4 channels: RGB of the visible image, infrared"
        if isinstance(config, ReplaceSource):
            return f"RGB of the visible image with infrared as {config.channel}"
        if config.color == "visible":
            return "luminance of the folder, Cb Cr of the visible image (BT.601)"
        modes = {images.read_color_mode(path) for path in self.external_files.values()}
        return f"{' and '.join(sorted(modes))} as saved"


def get_images(
    required: SourceImages, store: Store, device: str, *, all_are_read: bool = True
) -> Mapping[str, Path]:
    """Return the images by key; those that belong into the store are created if missing.

    They are written one by one, so that an interrupted run resumes at the first missing image.

    Args:
        required: The images.
        store: Where they are stored.
        device: Device for creating missing images.
        all_are_read: Whether the content of stored images is compared with their checksums now.
            False if a few of them are drawn; a PNG has its own checksum.

    Raises:
        UserError: If a stored image is damaged.
    """
    if not required.is_made_here:
        return _list_input_images(required)
    split = required.split

    def make_missing(folder: Path) -> None:
        shards.collect_shards(store, required.get_folder(store), folder)
        missing = [pair for pair in split.pairs if not (folder / f"{pair.key}.png").exists()]
        _make_images(required, missing, folder, device)

    folder = store.get_or_create(
        "fused", required.label, required.spec, make_missing, with_images=all_are_read
    ).path
    return {key: folder / f"{key}.png" for key in split.keys}


def get_labeled_images(
    required: SourceImages, store: Store, device: str, keys: Collection[str] | None = None
) -> LabeledImages:
    """Return images with their labels, as a model reads them; missing images are created first.

    Args:
        required: The images.
        store: Where they are stored.
        device: Device for creating missing images.
        keys: Keys of the requested images; None: all.

    Raises:
        UserError: If a stored image is damaged.
    """
    paths = get_images(required, store, device)
    split = required.split
    if keys is not None:
        pairs = tuple(pair for pair in split.pairs if pair.key in keys)
        split, paths = replace(split, pairs=pairs), {pair.key: paths[pair.key] for pair in pairs}
    if not isinstance(required.source.config, ChannelsSource):
        return LabeledImages(paths, split)
    files = get_images(_select_infrared(required), store, device)
    return LabeledImages(paths, split, {pair.key: files[pair.key] for pair in split.pairs})


def _select_infrared(stacked: SourceImages) -> SourceImages:
    """Return the images of the fourth of stacked channels."""
    config = schema.SensorSource(kind="infrared")
    infrared = SourceImages(
        ResolvedSource("infrared", config, stacked.source.base_folder),
        stacked.split,
        stacked.file_hashes,
        stacked.corruption,
    )
    is_changed = stacked.corruption is not None and stacked.corruption.changes_source(config)
    return infrared if is_changed else replace(infrared, corruption=None)


def make_shard(required: SourceImages, shard: Shard, store: Store, device: str) -> None:
    """Create the missing images of one shard; `get_images` collects them.

    Raises:
        LockHeldError: If another process fills the shard, and the store does not wait.
    """
    final = required.get_folder(store)
    if final.exists():
        return
    with shards.open_shard_folder(store, final, shard) as folder:
        existing = shards.list_existing_keys(final)
        pairs = required.split.pairs[shard.number - 1 :: shard.count]
        missing = [pair for pair in pairs if pair.key not in existing]
        _make_images(required, missing, folder, device)


def _make_images(required: SourceImages, pairs: Sequence[Pair], folder: Path, device: str) -> None:
    """Create the images of some pairs in a folder, one by one."""
    if not pairs:
        return
    with keep_freed_memory():
        make_image = _build_image_function(required, device)
        for pair in progress.track_progress(pairs, f"fuse {required.label}"):
            images.write_png(folder / f"{pair.key}.png", make_image(pair))


def find_images(required: SourceImages, store: Store) -> Mapping[str, Path] | None:
    """Return the images by key; None if they belong into the store and are not finished.

    Raises:
        UserError: If an image of a folder is missing, or a stored image is damaged.
    """
    if not required.is_made_here:
        return _list_input_images(required)
    folder = store.find_finished("fused", required.label, required.spec)
    return None if folder is None else {k: folder / f"{k}.png" for k in required.split.keys}


def _list_input_images(required: SourceImages) -> Mapping[str, Path]:
    """Return the user's own images by key: of a sensor, or of a folder.

    Of an ensemble and of stacked channels it is the visible image, which pictures show.
    """
    config = required.source.config
    if isinstance(config, EnsembleSource | ChannelsSource):
        return {pair.key: pair.visible for pair in required.split.pairs}
    if isinstance(config, schema.SensorSource):
        return {pair.key: getattr(pair, config.kind) for pair in required.split.pairs}
    return required.external_files


def _build_image_function(
    required: SourceImages, device: str
) -> Callable[[Pair], images.Gray | images.Color]:
    """Build the function that creates the image of one pair."""
    source, split, corruption = required.source, required.split, required.corruption
    read_pair = corrupted_pairs.read_images if corruption is None else corruption.read_pair
    method = source.method
    if method is not None:
        fuse = method.load(source.options, device)

        def fuse_pair(pair: Pair) -> images.Color:
            pair_images = read_pair(pair)
            infrared, visible = pair_images.infrared, pair_images.visible
            where = f"method {method.name}, {split.dataset}/{split.name}, pair {pair.key}"
            with plugins.name_failing_input(where):
                fused = fuse(infrared, visible)
            _check_fused(fused, visible, method.name, pair)
            return fused

        return fuse_pair
    if isinstance(source.config, ReplaceSource):
        index = source.config.channel_index

        def replace_channel(pair: Pair) -> images.Color:
            pair_images = read_pair(pair)
            color = pair_images.visible.copy()
            color[..., index] = pair_images.infrared
            return color

        return replace_channel
    if corruption is not None:  # of a sensor; of stacked channels, the visible image
        sensor = source.config.kind if isinstance(source.config, schema.SensorSource) else "visible"
        return lambda pair: read_pair(pair).get(sensor)
    files = required.external_files

    def recolor(pair: Pair) -> images.Color:
        return images.replace_luminance(
            images.read_color(pair.visible), images.read_gray(files[pair.key])
        )

    return recolor


def _check_fused(fused: Any, visible: images.Color, method: str, pair: Pair) -> None:
    """Check the return value of a fusion method.

    Raises:
        UserError: If it is not a uint8 RGB image of the pair's size.
    """
    shape, dtype = getattr(fused, "shape", None), getattr(fused, "dtype", None)
    if shape != visible.shape or dtype != visible.dtype:
        raise UserError(
            f"method {method}, pair {pair.key}: returned {type(fused).__name__} of shape {shape} "
            f"and dtype {dtype}; expected an array of shape {visible.shape} and dtype uint8"
        )
