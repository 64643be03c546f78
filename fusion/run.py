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

from fusebench import cli
from fusebench.cli import Step
from fusebench.config import schema
from fusebench.data.pairs import Split
from fusebench.experiments import sources
from fusebench.experiments.plan import Plan, Run
from fusebench.experiments.sources import SourceImages
from fusebench.storage import hashing, records
from fusebench.storage.records import Record, Scores
from fusebench.storage.store import Store
from fusion.scoring import metric, metric_means, presets, score_images
from fusion.scoring.score_images import ScoringPair

PROGRAM = "fusion.run"
ScoreTables = dict[str, pd.DataFrame]  # a cell's label to its rows


def build_steps(found: Plan, store: Store) -> list[Step]:
    """One job per folder of fused images that a cell needs, then one per quality cell."""
    fused: dict[str, Step] = {}
    for cell in found.runs:
        for required in cell.required_images:
            if required.is_made_here:
                folder = required.get_folder(store)
                fused.setdefault(folder.name, _build_fusion_step(required, store))
    wanted = [cell for cell in found.runs if isinstance(cell.task, schema.QualityTask)]
    tables: ScoreTables = {}

    def scored(cell: Run, store: Store, device: str) -> None:
        execute_run(cell, wanted, store, device, tables)

    return [*fused.values(), *(cli.build_step(PROGRAM, cell, store, scored) for cell in wanted)]


def execute_run(
    cell: Run, beside: Sequence[Run], store: Store, device: str, tables: ScoreTables
) -> None:
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
            tables.update(_score_runs_together(cell, beside, store, device))
        per_image = tables.pop(cell.label)
        signed = metric.add_signature_column(per_image, metric.build_columns(cell.fusion_metrics))
        signed.to_csv(folder / "per_image.csv")
        _build_record(cell, per_image, time.monotonic() - start).write(folder)

    sources.get_images(cell.test_images, store, device)
    store.get_or_create(cell.task.kind, cell.label, cell.specs["record"], work)
    _get_row_log_path(cell, store).unlink(missing_ok=True)


def _score_runs_together(
    cell: Run, beside: Sequence[Run], store: Store, device: str
) -> ScoreTables:
    """The rows of a cell and of others of its task."""
    ready = [
        other
        for other in beside
        if other.task_name == cell.task_name
        and (other is cell or other.read_record(store) is None)
        and (not other.test_images.is_made_here or other.test_images.get_folder(store).exists())
    ]
    shown = {one.label: sources.get_images(one.test_images, store, device) for one in ready}
    scenes = [
        ScoringPair(
            p.key, p.infrared, p.visible, {label: paths[p.key] for label, paths in shown.items()}
        )
        for p in cell.test_split.pairs
    ]
    title = f"score {cell.test_split.dataset}-{cell.test_split.name}"
    journals = {one.label: _get_row_log_path(one, store) for one in ready}
    return score_images.score_pairs(
        scenes, metric.build_columns(cell.fusion_metrics), title, None, journals
    )


def _get_row_log_path(cell: Run, store: Store) -> Path:
    """Where the rows of a cell are kept until its record is written."""
    return store.root / ".scores" / f"{cell.get_record_folder(store).name}.jsonl"


def _build_record(cell: Run, per_image: pd.DataFrame, seconds: float) -> Record:
    metrics = metric.build_columns(cell.fusion_metrics)
    groups = {pair.key: pair.sequence for pair in cell.test_split.pairs}
    keys = list(map(str, per_image.index))
    drawn = dict(zip(keys, metric_means.get_resampling_units(keys, groups), strict=True))
    what = f"{len(set(drawn.values()))} groups of images" if _is_clustered(drawn) else "images"
    scored = _compute_scores(per_image, drawn)
    note = presets.get_preset_note(metrics)
    return Record(
        task=cell.task_name,
        kind=cell.task.kind,
        dataset=cell.test_split.dataset,
        source=cell.source_name,
        source_kind=cell.source.kind,
        seed=None,
        classes=cell.test_split.classes,
        protocol=cell.build_protocol()
        | {
            "luminance": metric.LUMINANCE,
            "metrics": metric.join_signatures(metrics),
            "intervals": f"{metric_means.INTERVAL_TEXT} {what}",
        }
        | ({"note": note} if note else {}),
        columns={one.name: one.column for one in metrics},
        values=scored.values,
        counts=scored.counts,
        intervals=scored.intervals,
        by_condition=_compute_scores_by_condition(cell.test_split, per_image, drawn),
        spec=dict(cell.specs["record"]),
        provenance=records.build_provenance(seconds, "cpu", ("numpy", "pillow", "opencv-python")),
    )


def _compute_scores_by_condition(
    split: Split, per_image: pd.DataFrame, drawn: dict[str, str]
) -> dict[str, Scores]:
    """The scores on the images of every condition."""
    scenes = {pair.key: pair.condition for pair in split.pairs}
    return {
        scene: _compute_scores(
            per_image[[scenes[str(key)] == scene for key in per_image.index]], drawn
        )
        for scene in sorted({s for s in scenes.values() if s is not None})
    }


def _compute_scores(per_image: pd.DataFrame, drawn: dict[str, str]) -> Scores:
    """The scores on some images.

    Args:
        per_image: A row each.
        drawn: Key to what is resampled, for all images of the record: a condition is resampled
            as the whole is, and has no interval where that leaves it too few groups.
    """
    units = [drawn[str(key)] for key in per_image.index]
    fewest = metric_means.MIN_GROUPS if _is_clustered(drawn) else 2
    return Scores(
        values=metric_means.compute_means(per_image),
        counts={"images": len(per_image)},
        intervals=metric_means.compute_intervals(per_image, units, fewest),
    )


def _is_clustered(drawn: dict[str, str]) -> bool:
    """Whether some images are drawn together."""
    return len(set(drawn.values())) < len(drawn)


def _build_fusion_step(required: SourceImages, store: Store) -> Step:
    def fuse(device: str) -> None:
        sources.get_images(required, store, device)

    is_done = required.get_folder(store).exists()
    return Step(f"{required.label} {hashing.hash_keys(required.split)}", is_done, fuse)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    return cli.main(PROGRAM, __doc__ or "", tuple(schema.TASK_CLASSES), build_steps, argv)


if __name__ == "__main__":
    sys.exit(main())
