"""Fuse every pair that tasks.yaml asks for, then score the quality tasks.

python -m fusion.run                     everything in tasks.yaml
python -m fusion.run --source average    one source
python -m fusion.run --plan              what would be done, and what is done already

Fused images lie under --out in fused/; a stopped run goes on with the first image that it lacks
or has not scored.
"""

import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from bench import cli, digest, records, sources, tasks
from bench.cli import Job
from bench.pairs import Split
from bench.plan import Cell, Plan
from bench.records import Record, Slice
from bench.store import Store
from fusion import averages, metric, presets, scoring
from fusion.scoring import Scene

NAME = "fusion.run"
Tables = dict[str, pd.DataFrame]  # a cell's label to its rows


def jobs(found: Plan, store: Store) -> list[Job]:
    """One job per folder of fused images that a cell needs, then one per quality cell."""
    fused: dict[str, Job] = {}
    for cell in found.cells:
        for source, split in cell.shown:
            if _made_here(source):
                place = _place(source, split, store, cell.folder)
                fused.setdefault(place.name, _fusing(source, split, store, cell.folder))
    wanted = [cell for cell in found.cells if isinstance(cell.task, tasks.Quality)]
    tables: Tables = {}

    def scored(cell: Cell, store: Store, device: str) -> None:
        score(cell, wanted, store, device, tables)

    return [*fused.values(), *(cli.job(NAME, cell, store, scored) for cell in wanted)]


def score(cell: Cell, beside: Sequence[Cell], store: Store, device: str, tables: Tables) -> None:
    """Score one quality cell: a row per pair, then the means.

    Args:
        cell: The cell.
        beside: Cells that are to be scored too; those of the same task whose images are there are
            scored in one go, because they share the work on the sources.
        store: Where results lie.
        device: What missing images are fused on.
        tables: Label to the rows of cells that were scored with an earlier one; changed.
    """

    def work(folder: Path) -> None:
        start = time.monotonic()
        if cell.label not in tables:
            tables.update(_together(cell, beside, store, device))
        per_image = tables.pop(cell.label)
        signed = metric.signed(per_image, metric.chosen(cell.task.metrics))
        signed.to_csv(folder / "per_image.csv")
        _record(cell, per_image, time.monotonic() - start).write(folder)

    cell.images(cell.test, store, device)
    store.fill(cell.task.kind, cell.label, cell.specs["record"], work)
    _journal(cell, store).unlink(missing_ok=True)


def _together(cell: Cell, beside: Sequence[Cell], store: Store, device: str) -> Tables:
    """The rows of a cell and of others of its task."""
    ready = [
        other
        for other in beside
        if other.name == cell.name
        and (other is cell or other.record(store) is None)
        and (
            not _made_here(other.source)
            or _place(other.source, other.test, store, other.folder).exists()
        )
    ]
    shown = {one.label: one.images(one.test, store, device).paths for one in ready}
    scenes = [
        Scene(p.key, p.infrared, p.visible, {label: paths[p.key] for label, paths in shown.items()})
        for p in cell.test.pairs
    ]
    title = f"score {cell.test.dataset}-{cell.test.name}"
    journals = {one.label: _journal(one, store) for one in ready}
    return scoring.tables(scenes, metric.chosen(cell.task.metrics), title, None, journals)


def _journal(cell: Cell, store: Store) -> Path:
    """Where the rows of a cell are kept until its record is written."""
    return store.root / ".scores" / f"{cell.place(store).name}.jsonl"


def _record(cell: Cell, per_image: pd.DataFrame, seconds: float) -> Record:
    metrics = metric.chosen(cell.task.metrics)
    groups = {pair.key: pair.group for pair in cell.test.pairs}
    keys = list(map(str, per_image.index))
    drawn = dict(zip(keys, averages.units(keys, groups), strict=True))
    what = f"{len(set(drawn.values()))} groups of images" if _grouped(drawn) else "images"
    scored = _slice(per_image, drawn)
    note = presets.note(metrics)
    return Record(
        task=cell.name,
        kind=cell.task.kind,
        dataset=cell.test.dataset,
        source=cell.source_name,
        source_kind=cell.source.kind,
        seed=None,
        protocol=cell.protocol()
        | {
            "luminance": metric.LUMINANCE,
            "metrics": metric.signatures(metrics),
            "intervals": f"{averages.WHAT} {what}",
        }
        | ({"note": note} if note else {}),
        columns={one.name: one.column for one in metrics},
        values=scored.values,
        counts=scored.counts,
        intervals=scored.intervals,
        by_scene=_by_scene(cell.test, per_image, drawn),
        spec=dict(cell.specs["record"]),
        made=records.made(seconds, "cpu", ("numpy", "pillow", "opencv-python")),
    )


def _by_scene(split: Split, per_image: pd.DataFrame, drawn: dict[str, str]) -> dict[str, Slice]:
    """The scores on the images of every condition."""
    scenes = {pair.key: pair.scene for pair in split.pairs}
    return {
        scene: _slice(per_image[[scenes[str(key)] == scene for key in per_image.index]], drawn)
        for scene in sorted({s for s in scenes.values() if s is not None})
    }


def _slice(per_image: pd.DataFrame, drawn: dict[str, str]) -> Slice:
    """The scores on some images.

    Args:
        per_image: A row each.
        drawn: Key to what is resampled, for all images of the record: a condition is resampled
            as the whole is, and has no interval where that leaves it too few groups.
    """
    units = [drawn[str(key)] for key in per_image.index]
    fewest = averages.FEWEST if _grouped(drawn) else 2
    return Slice(
        values=averages.means(per_image),
        counts={"images": len(per_image)},
        intervals=averages.intervals(per_image, units, fewest),
    )


def _grouped(drawn: dict[str, str]) -> bool:
    """Whether some images are drawn together."""
    return len(set(drawn.values())) < len(drawn)


def _made_here(source: tasks.Source) -> bool:
    return isinstance(source, tasks.Method) or (
        isinstance(source, tasks.Elsewhere) and source.colour == "visible"
    )


def _place(source: tasks.Source, split: Split, store: Store, folder: Path) -> Path:
    return store.path("fused", sources.label(source, split), sources.spec(source, split, folder))


def _fusing(source: tasks.Source, split: Split, store: Store, folder: Path) -> Job:
    def run(device: str) -> None:
        sources.find(source, split, store, folder, device)

    done = _place(source, split, store, folder).exists()
    return Job(f"{sources.label(source, split)} {digest.keys(split)}", done, run)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    return cli.main(NAME, __doc__ or "", tuple(tasks.KINDS), jobs, argv)


if __name__ == "__main__":
    sys.exit(main())
