"""Fuse every pair that tasks.yaml asks for, then score the quality tasks.

python -m fusion.run                     everything in tasks.yaml
python -m fusion.run --source average    one source
python -m fusion.run --plan              what would be done, and what is done already

Fused images lie under --out in fused/; a stopped run goes on with the first image it lacks.
"""

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from bench import cli, digest, records, sources, tasks
from bench.cli import Job
from bench.pairs import Split
from bench.plan import Cell, Plan
from bench.records import Record
from bench.store import Store
from fusion import quality


def jobs(found: Plan, store: Store) -> list[Job]:
    """One job per folder of fused images that a cell needs, then one per quality cell."""
    fused: dict[str, Job] = {}
    for cell in found.cells:
        for split in (cell.train, cell.test):
            if split is not None and _made_here(cell.source):
                place = _place(cell, split, store)
                fused.setdefault(place.name, _fusing(cell, split, store, place))
    scored = [
        Job(cell.label, cell.record(store) is not None, _scoring(cell, store))
        for cell in found.cells
        if isinstance(cell.task, tasks.Quality)
    ]
    return [*fused.values(), *scored]


def score(cell: Cell, store: Store, device: str) -> None:
    """Score one quality cell: a row per pair, then the means."""
    shown = cell.images(cell.test, store, device)

    def work(folder: Path) -> None:
        start = time.monotonic()
        per_image = quality.table(cell.test, shown.paths, cell.task.metrics)
        per_image.to_csv(folder / "per_image.csv")
        Record(
            task=cell.name,
            kind=cell.task.kind,
            dataset=cell.test.dataset,
            source=cell.source_name,
            source_kind=cell.source.kind,
            seed=None,
            protocol=cell.protocol() | {"luminance": "BT.601, 8 bits"},
            columns=quality.columns(cell.task.metrics),
            values=quality.means(per_image),
            by_scene=quality.by_scene(cell.test, per_image),
            counts={"images": len(per_image)},
            spec=dict(cell.specs["record"]),
            made=records.made(time.monotonic() - start, "cpu", ("numpy", "pillow")),
        ).write(folder)

    store.fill(cell.task.kind, cell.label, cell.specs["record"], work)


def _made_here(source: tasks.Source) -> bool:
    return isinstance(source, tasks.Method) or (
        isinstance(source, tasks.Elsewhere) and source.colour == "visible"
    )


def _place(cell: Cell, split: Split, store: Store) -> Path:
    spec = sources.spec(cell.source, split, cell.folder)
    return store.path("fused", sources.label(cell.source, split), spec)


def _fusing(cell: Cell, split: Split, store: Store, place: Path) -> Job:
    def run(device: str) -> None:
        cell.images(split, store, device)

    return Job(f"{sources.label(cell.source, split)} {digest.keys(split)}", place.exists(), run)


def _scoring(cell: Cell, store: Store) -> Callable[[str], None]:
    return lambda device: score(cell, store, device)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    return cli.main("fusion.run", __doc__ or "", tuple(tasks.KINDS), jobs, argv)


if __name__ == "__main__":
    sys.exit(main())
