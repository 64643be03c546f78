"""Input checks: every image, label map and model file of a plan is opened once before it is used.

A damaged file must be found before hours of training, not after. Finished checks are recorded in
the store under the hash of the files, so that they are not repeated.
"""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from fusebench.config import schema
from fusebench.data import images, label_maps
from fusebench.data.label_images.statistics import LabelStatistics
from fusebench.data.pairs import Pair, Split
from fusebench.errors import UserError
from fusebench.experiments import label_checks
from fusebench.experiments.planning.run import Run
from fusebench.experiments.resolution import ResolvedModel
from fusebench.experiments.sources import SourceImages
from fusebench.runtime import progress
from fusebench.storage import hashing
from fusebench.storage.store import Store

STORE_KIND = "checked"
CHECK_VERSION = 2  # of the check of pairs: higher where it finds more than before
THREAD_COUNT = 4  # decoding releases Python's lock


def check_inputs(runs: Sequence[Run], store: Store) -> None:
    """Check the pairs of every split, all external images, and the methods' and models' own files.

    Raises:
        UserError: Naming the first file that is damaged or does not fit.
    """
    parts = [part for run in runs for part in run.members or (run,)]  # members of ensembles
    for run in parts:
        for required in run.required_images:
            checked = _check_pairs(required.split, store)
            if (
                run.task.kind == "segmentation"
                and run.model is not None
                and (required is run.test_images or run.model.plugin.PROTOCOL == "retrained")
            ):
                label_checks.check_any_labeled_pixel(required.split, checked)
            if isinstance(required.source.config, schema.ExternalImagesSource):
                check_external_images(required, store)
            _check_method_files(required, store)
        if run.model is not None:
            _check_model_files(run.model, run.test_split, store)


def _check_pairs(split: Split, store: Store) -> Path:
    """Check every pair once; return the folder that holds the statistics of the label maps."""
    statistics, lock = LabelStatistics(), threading.Lock()

    def check_pair(pair: Pair) -> None:
        for path in (pair.infrared, pair.visible):
            _check_image_size(path, pair)
        if pair.label_map is not None:
            labels = label_maps.read_stored_ids(pair.label_map, split.classes)
            if labels.shape[::-1] != pair.size:
                raise UserError(_format_size_mismatch(pair.label_map, labels.shape[::-1], pair))
            with lock:
                statistics.add(pair.label_map, labels)
            label_maps.convert_stored_ids(labels, split.classes, pair.label_map)

    def check(folder: Path) -> None:
        _check_each_pair(split, check_pair, f"check {label}")
        statistics.write(folder / label_checks.STATISTICS_FILE)

    spec = {
        "images": hashing.hash_images(split),
        "labels": hashing.hash_labels(split),
        "version": CHECK_VERSION,
    }
    label = f"{split.dataset}-{split.name}"
    return store.get_or_create(STORE_KIND, label, spec, check).path


def check_external_images(required: SourceImages, store: Store) -> None:
    """Check every image of a source of kind ``folder``: it is read, and its size compared.

    Raises:
        UserError: Naming the first file that is missing, damaged, or of another size than its pair.
    """
    split, files = required.split, required.external_files
    config = required.source.config
    assert isinstance(config, schema.ExternalImagesSource)
    label = f"{split.dataset}-{split.name}-folder"
    spec = {"images": required.spec, "folder": config.folder, "version": CHECK_VERSION}
    store.get_or_create(
        STORE_KIND,
        label,
        spec,
        lambda _: _check_each_pair(
            split, lambda pair: _check_image_size(files[pair.key], pair), f"check {label}"
        ),
    )


def _check_method_files(required: SourceImages, store: Store) -> None:
    """Check the own files of a fusion method, e.g. its weights, unless its images are finished."""
    method, options = required.source.method, required.source.options
    if method is None or method.check is None or required.get_folder(store).exists():
        return
    check = method.check
    names = ("method", "version", "options", "dependencies")
    spec = {name: required.spec[name] for name in names}
    store.get_or_create(STORE_KIND, method.name, spec, lambda _: check(options))


def _check_model_files(model: ResolvedModel, test: Split, store: Store) -> None:
    """Check a model's own files, and the user's prediction files against the test images."""
    plugin, options = model.plugin, model.options
    hashes = dict(plugin.dependency_hashes(options))
    spec = {"options": model.spec_options.model_dump(mode="json"), "dependencies": hashes}
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
    """Compare the size, from the header and then of the pixels; the pixels are decoded last."""
    size = images.read_image_size(path)
    if size == pair.size:
        height, width = images.read_color(path).shape[:2]
        size = (width, height)
    if size != pair.size:
        raise UserError(_format_size_mismatch(path, size, pair))


def _format_size_mismatch(path: Path, size: tuple[int, ...], pair: Pair) -> str:
    return (
        f"{path}: {size[0]} x {size[1]} pixels, but the pair {pair.key} has "
        f"{pair.size[0]} x {pair.size[1]}; {images.SIZE_ADVICE}"
    )
