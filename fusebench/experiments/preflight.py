"""Input checks: every image, label map and model file of a plan is opened once before it is used.

A damaged file must be found before hours of training, not after. Finished checks are recorded in
the store under the hash of the files, so that they are not repeated.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from fusebench.config import schema
from fusebench.data import images, label_maps
from fusebench.data.pairs import Pair, Split
from fusebench.errors import UserError
from fusebench.experiments.plan import Run
from fusebench.experiments.resolution import ResolvedModel
from fusebench.experiments.sources import SourceImages
from fusebench.runtime import progress
from fusebench.storage import hashing
from fusebench.storage.store import Store

STORE_KIND = "checked"
THREAD_COUNT = 4  # decoding releases Python's lock


def check_inputs(runs: Sequence[Run], store: Store) -> None:
    """Check the pairs of every split, all external images, and the models' own files.

    Raises:
        UserError: Naming the first file that is damaged or does not fit.
    """
    for run in runs:
        for required in run.required_images:
            _check_pairs(required.split, store)
            if isinstance(required.source.config, schema.ExternalImagesSource):
                _check_external_images(required, store)
        if run.model is not None:
            _check_model_files(run.model, run.test_split, store)


def _check_pairs(split: Split, store: Store) -> None:
    def check_pair(pair: Pair) -> None:
        for path in (pair.infrared, pair.visible):
            _check_image_size(path, pair)
        if pair.label_map is not None:
            labels = label_maps.read_label_map(pair.label_map, split.classes)
            if labels.shape[::-1] != pair.size:
                raise UserError(_format_size_mismatch(pair.label_map, labels.shape[::-1], pair))

    spec = {"images": hashing.hash_images(split), "labels": hashing.hash_labels(split)}
    label = f"{split.dataset}-{split.name}"
    store.get_or_create(
        STORE_KIND, label, spec, lambda _: _check_each_pair(split, check_pair, f"check {label}")
    )


def _check_external_images(required: SourceImages, store: Store) -> None:
    split, files = required.split, required.external_files
    config = required.source.config
    assert isinstance(config, schema.ExternalImagesSource)
    label = f"{split.dataset}-{split.name}-folder"
    spec = {"images": required.spec, "folder": config.folder}
    store.get_or_create(
        STORE_KIND,
        label,
        spec,
        lambda _: _check_each_pair(
            split, lambda pair: _check_image_size(files[pair.key], pair), f"check {label}"
        ),
    )


def _check_model_files(model: ResolvedModel, test: Split, store: Store) -> None:
    """Check a model's own files, and the user's prediction files against the test images."""
    plugin, options = model.plugin, model.options
    hashes = dict(plugin.dependency_hashes(options))
    spec = {"options": options.model_dump(mode="json"), "dependencies": hashes}
    check, check_predictions = plugin.check, plugin.check_predictions
    if check is not None and any(hashes.values()):  # without a file there is nothing to read
        store.get_or_create(STORE_KIND, model.name, spec, lambda folder: check(options, folder))
    if check_predictions is not None:
        spec |= {"images": hashing.hash_images(test), "labels": hashing.hash_labels(test)}
        spec |= {"excluded keys": list(test.excluded_keys), "version": plugin.VERSION}
        label = f"{test.dataset}-{test.name}-{model.name}"
        store.get_or_create(STORE_KIND, label, spec, lambda _: check_predictions(options, test))


def _check_each_pair(split: Split, check: Callable[[Pair], None], title: str) -> None:
    with ThreadPoolExecutor(THREAD_COUNT) as pool:
        results = pool.map(check, split.pairs)
        for _ in progress.track_progress(split.pairs, title):
            next(results)


def _check_image_size(path: Path, pair: Pair) -> None:
    height, width = images.read_color(path).shape[:2]
    if (width, height) != pair.size:
        raise UserError(_format_size_mismatch(path, (width, height), pair))


def _format_size_mismatch(path: Path, size: tuple[int, ...], pair: Pair) -> str:
    return (
        f"{path}: {size[0]} x {size[1]} pixels, but the pair {pair.key} has "
        f"{pair.size[0]} x {pair.size[1]}; the files must be pixel-registered"
    )
