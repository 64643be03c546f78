"""Every image, mask and model file of a plan opened once before anything is computed from them.

A damaged file found after three hours of training is found too late. What was checked is
remembered in the store under the fingerprint of the files, so a second run does not look again.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench import digest, images, masks, progress, sources, specs, tasks
from bench.errors import BenchError
from bench.pairs import Pair, Split
from bench.plan import Cell
from bench.store import Store

THREADS = 4  # decoding leaves Python's lock


def everything(cells: Sequence[Cell], store: Store) -> None:
    """Check the pairs of every split, the files of every folder source, the models' own files.

    Raises:
        BenchError: Naming the first file that is broken or does not fit.
    """
    for cell in cells:
        for source, split in cell.shown:
            _pairs(split, store)
            if isinstance(source, tasks.Elsewhere):
                _elsewhere(source, split, store, cell.folder)
        if isinstance(cell.task, tasks.Trained):
            _model(cell, cell.task, store)


def _pairs(split: Split, store: Store) -> None:
    def look(pair: Pair) -> None:
        for path in (pair.infrared, pair.visible):
            _fits(path, pair)
        if pair.mask is not None:
            labels = masks.read_mask(pair.mask, split.classes)
            if labels.shape[::-1] != pair.size:
                raise BenchError(_sizes(pair.mask, labels.shape[::-1], pair))

    spec = {"images": digest.images(split), "labels": digest.labels(split)}
    label = f"{split.dataset}-{split.name}"
    store.fill("checked", label, spec, lambda folder: _all(split, look, f"check {label}"))


def _elsewhere(source: tasks.Elsewhere, split: Split, store: Store, folder: Path) -> None:
    files = sources.elsewhere(source, split, folder)
    label = f"{split.dataset}-{split.name}-folder"
    spec = {"images": sources.spec(source, split, folder), "folder": source.folder}
    store.fill(
        "checked",
        label,
        spec,
        lambda _: _all(split, lambda pair: _fits(files[pair.key], pair), f"check {label}"),
    )


def _model(cell: Cell, task: specs.Modelled, store: Store) -> None:
    """Let a model that can look at its files before the work do so.

    ``check`` looks at them alone, ``fits`` compares them with the test images.
    """
    module, options, _ = specs.model_on(cell.source_name, cell.test, cell.name, task)
    pins = module.pins(options)
    spec = {"options": options.model_dump(mode="json"), "pins": pins}
    if hasattr(module, "check") and any(pins.values()):  # no file, nothing to look at
        store.fill("checked", task.model, spec, lambda folder: module.check(options, folder))
    if hasattr(module, "fits"):
        test = cell.test
        spec |= {"images": digest.images(test), "labels": digest.labels(test)}
        spec |= {"left out": list(test.left_out)}
        label = f"{test.dataset}-{test.name}-{task.model}"
        store.fill("checked", label, spec, lambda _: module.fits(options, test))


def _all(split: Split, look: Callable[[Pair], None], title: str) -> None:
    with ThreadPoolExecutor(THREADS) as pool:
        found = pool.map(look, split.pairs)
        for _ in progress.each(split.pairs, title):
            next(found)


def _fits(path: Path, pair: Pair) -> None:
    height, width = images.read_color(path).shape[:2]
    if (width, height) != pair.size:
        raise BenchError(_sizes(path, (width, height), pair))


def _sizes(path: Path, found: tuple[int, ...], pair: Pair) -> str:
    return (
        f"{path}: {found[0]} x {found[1]} pixels, but the pair {pair.key} has "
        f"{pair.size[0]} x {pair.size[1]}; the files must be pixel-registered"
    )
