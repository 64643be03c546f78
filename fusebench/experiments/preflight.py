"""Every image, mask and model file of a plan opened once before anything is computed from them.

A damaged file found after three hours of training is found too late. What was checked is
remembered in the store under the fingerprint of the files, so a second run does not look again.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from fusebench.config import schema
from fusebench.data import images, label_maps
from fusebench.data.pairs import Pair, Split
from fusebench.errors import UserError
from fusebench.experiments import sources, specs
from fusebench.experiments.plan import Run
from fusebench.runtime import progress
from fusebench.storage import hashing
from fusebench.storage.store import Store

THREAD_COUNT = 4  # decoding leaves Python's lock


def check_inputs(cells: Sequence[Run], store: Store) -> None:
    """Check the pairs of every split, the files of every folder source, the models' own files.

    Raises:
        UserError: Naming the first file that is broken or does not fit.
    """
    for cell in cells:
        for source, split in cell.required_images:
            _check_pairs(split, store)
            if isinstance(source, schema.ExternalImagesSource):
                _check_external_images(source, split, store, cell.base_folder)
        if isinstance(cell.task, schema.ModelTaskBase):
            _check_model_files(cell, cell.task, store)


def _check_pairs(split: Split, store: Store) -> None:
    def look(pair: Pair) -> None:
        for path in (pair.infrared, pair.visible):
            _check_image_size(path, pair)
        if pair.label_map is not None:
            labels = label_maps.read_label_map(pair.label_map, split.classes)
            if labels.shape[::-1] != pair.size:
                raise UserError(_format_size_mismatch(pair.label_map, labels.shape[::-1], pair))

    spec = {"images": hashing.hash_images(split), "labels": hashing.hash_labels(split)}
    label = f"{split.dataset}-{split.name}"
    store.get_or_create(
        "checked", label, spec, lambda folder: _check_each_pair(split, look, f"check {label}")
    )


def _check_external_images(
    source: schema.ExternalImagesSource, split: Split, store: Store, folder: Path
) -> None:
    files = sources.find_external_files(source, split, folder)
    label = f"{split.dataset}-{split.name}-folder"
    spec = {"images": sources.build_source_spec(source, split, folder), "folder": source.folder}
    store.get_or_create(
        "checked",
        label,
        spec,
        lambda _: _check_each_pair(
            split, lambda pair: _check_image_size(files[pair.key], pair), f"check {label}"
        ),
    )


def _check_model_files(cell: Run, task: specs.ModelTask, store: Store) -> None:
    """Let a model that can look at its files before the work do so.

    ``check`` looks at them alone, ``fits`` compares them with the test images.
    """
    module, options, _ = specs.load_model_for_source(
        cell.source_name, cell.test_split, cell.task_name, task
    )
    pins = module.dependency_hashes(options)
    spec = {"options": options.model_dump(mode="json"), "pins": pins}
    if hasattr(module, "check") and any(pins.values()):  # no file, nothing to look at
        store.get_or_create(
            "checked", task.model, spec, lambda folder: module.check(options, folder)
        )
    if hasattr(module, "check_predictions"):
        test = cell.test_split
        spec |= {"images": hashing.hash_images(test), "labels": hashing.hash_labels(test)}
        spec |= {"left out": list(test.excluded_keys)}
        label = f"{test.dataset}-{test.name}-{task.model}"
        store.get_or_create(
            "checked", label, spec, lambda _: module.check_predictions(options, test)
        )


def _check_each_pair(split: Split, look: Callable[[Pair], None], title: str) -> None:
    with ThreadPoolExecutor(THREAD_COUNT) as pool:
        found = pool.map(look, split.pairs)
        for _ in progress.track_progress(split.pairs, title):
            next(found)


def _check_image_size(path: Path, pair: Pair) -> None:
    height, width = images.read_color(path).shape[:2]
    if (width, height) != pair.size:
        raise UserError(_format_size_mismatch(path, (width, height), pair))


def _format_size_mismatch(path: Path, found: tuple[int, ...], pair: Pair) -> str:
    return (
        f"{path}: {found[0]} x {found[1]} pixels, but the pair {pair.key} has "
        f"{pair.size[0]} x {pair.size[1]}; the files must be pixel-registered"
    )
