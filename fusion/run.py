"""Fuse every pair that tasks.yaml asks for, then score the quality tasks.

python -m fusion.run                     everything in tasks.yaml
python -m fusion.run --source average    one source
python -m fusion.run --plan              what would be done, and what is done already

Fused images are saved under --out in fused/. An interrupted run resumes with the first image that
is not fused or not scored yet.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from fusebench import cli
from fusebench.cli import RunFunction, Step
from fusebench.config import schema
from fusebench.data.pairs import Split
from fusebench.experiments import sources
from fusebench.experiments.plan import Plan
from fusebench.experiments.planning.run import Run
from fusebench.experiments.sources import SourceImages
from fusebench.runtime.program import run_program
from fusebench.storage import hashing, records
from fusebench.storage.records import Record, Scores
from fusebench.storage.store import Store
from fusion.scoring import metric, metric_means, presets, score_images
from fusion.scoring.score_images import ScoringPair

PROGRAM = "fusion.run"
ScoreTables = dict[str, pd.DataFrame]  # label of a run to its scores, one row per image


def build_steps(plan: Plan, store: Store) -> list[Step]:
    """Build one step per folder of fused images that a run needs, then one per quality run."""
    fusion_steps: dict[str, Step] = {}
    for run in plan.runs:
        for required in run.required_images:
            if required.is_made_here:
                name = required.get_folder(store).name
                if name not in fusion_steps:
                    fusion_steps[name] = _build_fusion_step(required, store)
    quality_runs = [run for run in plan.runs if isinstance(run.task, schema.QualityTask)]
    tables: ScoreTables = {}

    def execute(run: Run, store: Store, device: str) -> None:
        execute_run(run, store, device, quality_runs, tables)

    return [
        *fusion_steps.values(),
        *(_build_quality_step(run, store, execute) for run in quality_runs),
    ]


def execute_run(
    run: Run,
    store: Store,
    device: str,
    quality_runs: Sequence[Run] = (),
    tables: ScoreTables | None = None,
) -> None:
    """Score one quality run: a row per image, then the means.

    Args:
        run: The run.
        store: Where results are stored.
        device: Device for fusing missing images.
        quality_runs: Other quality runs. Those of the same task whose images exist are scored
            together with this one, because they share the computations on the sources.
        tables: Scores of runs that were scored together with an earlier one; updated.
    """
    tables = {} if tables is None else tables

    def work(folder: Path) -> None:
        start = time.monotonic()
        if run.label not in tables:
            tables.update(_score_runs_together(run, quality_runs or (run,), store, device))
        per_image = tables.pop(run.label)
        metrics = metric.build_columns(run.fusion_metrics)
        metric.add_signature_column(per_image, metrics).to_csv(folder / "per_image.csv")
        _build_record(run, per_image, time.monotonic() - start).write(folder)

    if run.read_record(store) is None:
        sources.get_images(run.test_images, store, device)
        store.get_or_create(run.task.kind, run.label, run.specs["record"], work)
    _get_row_log_path(run, store).unlink(missing_ok=True)


def is_finished(run: Run, store: Store) -> bool:
    """Return whether the record of a quality run exists and its row log is gone.

    After a power cut, or if two processes scored the same runs, both can be there.
    """
    return run.read_record(store) is not None and not _get_row_log_path(run, store).exists()


def _score_runs_together(
    run: Run, quality_runs: Sequence[Run], store: Store, device: str
) -> ScoreTables:
    """Score a run and the other unfinished runs of its task whose images exist."""
    runs = [
        other
        for other in quality_runs
        if other.task_name == run.task_name
        and (other is run or other.read_record(store) is None)
        and (not other.test_images.is_made_here or other.test_images.get_folder(store).exists())
    ]
    paths = {other.label: sources.get_images(other.test_images, store, device) for other in runs}
    pairs = [
        ScoringPair(
            pair.key,
            pair.infrared,
            pair.visible,
            {label: run_paths[pair.key] for label, run_paths in paths.items()},
        )
        for pair in run.test_split.pairs
    ]
    title = f"score {run.test_split.dataset}-{run.test_split.name}"
    row_logs = {other.label: _get_row_log_path(other, store) for other in runs}
    metrics = metric.build_columns(run.fusion_metrics)
    return score_images.score_pairs(pairs, metrics, title, None, row_logs)


def _get_row_log_path(run: Run, store: Store) -> Path:
    """Get the path of the log that keeps a run's rows until its record is written."""
    return store.root / ".scores" / f"{run.get_record_folder(store).name}.jsonl"


def _build_record(run: Run, per_image: pd.DataFrame, seconds: float) -> Record:
    metrics = metric.build_columns(run.fusion_metrics)
    sequences = {pair.key: pair.sequence for pair in run.test_split.pairs}
    keys = list(map(str, per_image.index))
    units = dict(zip(keys, metric_means.get_resampling_units(keys, sequences), strict=True))
    resampled = f"{len(set(units.values()))} sequences" if _has_sequences(units) else "images"
    scores = _compute_scores(per_image, units)
    note = presets.get_preset_note(metrics)
    return Record(
        task=run.task_name,
        kind=run.task.kind,
        dataset=run.test_split.dataset,
        source=run.source_name,
        source_kind=run.source.kind,
        seed=None,
        classes=run.test_split.classes,
        protocol=run.build_protocol()
        | {
            "luminance": metric.LUMINANCE,
            "metrics": metric.join_signatures(metrics),
            "intervals": f"{metric_means.INTERVAL_TEXT} {resampled}",
        }
        | ({"note": note} if note else {}),
        columns={item.name: item.column for item in metrics},
        values=scores.values,
        counts=scores.counts,
        intervals=scores.intervals,
        by_condition=_compute_scores_by_condition(run.test_split, per_image, units),
        spec=dict(run.specs["record"]),
        provenance=records.build_provenance(seconds, "cpu", ("numpy", "pillow", "opencv-python")),
    )


def _compute_scores_by_condition(
    split: Split, per_image: pd.DataFrame, units: Mapping[str, str]
) -> dict[str, Scores]:
    """Compute the scores on the images of every condition."""
    conditions = {pair.key: pair.condition for pair in split.pairs}
    return {
        condition: _compute_scores(
            per_image[[conditions[str(key)] == condition for key in per_image.index]], units
        )
        for condition in sorted({c for c in conditions.values() if c is not None})
    }


def _compute_scores(per_image: pd.DataFrame, units: Mapping[str, str]) -> Scores:
    """Compute means and intervals.

    Args:
        per_image: Scores of the images, one row each.
        units: Key to resampling unit, for all images of the record. A condition is resampled like
            the whole split, and has no interval if too few of its sequences remain.
    """
    row_units = [units[str(key)] for key in per_image.index]
    min_units = metric_means.MIN_SEQUENCES if _has_sequences(units) else 2
    return Scores(
        values=metric_means.compute_means(per_image),
        counts={"images": len(per_image)},
        intervals=metric_means.compute_intervals(per_image, row_units, min_units),
    )


def _has_sequences(units: Mapping[str, str]) -> bool:
    """Return whether any images are resampled together."""
    return len(set(units.values())) < len(units)


def _build_fusion_step(required: SourceImages, store: Store) -> Step:
    def fuse(device: str) -> None:
        sources.get_images(required, store, device)

    is_done = required.get_folder(store).exists()
    return Step(f"{required.label} {hashing.hash_keys(required.split)}", is_done, fuse)


def _build_quality_step(run: Run, store: Store, execute: RunFunction) -> Step:
    """Build the step of a quality run."""
    step = cli.build_step(PROGRAM, run, store, execute)
    return replace(step, is_done=is_finished(run, store))


def main(argv: Sequence[str] | None = None, run_plan: Plan | None = None) -> int:
    """Run the command line; return the exit status. ``run_plan``: its plan, if there is one."""
    return cli.main(
        PROGRAM,
        __doc__ or "",
        tuple(schema.TASK_CLASSES),
        build_steps,
        argv,
        run_plan,
        job_kinds=("fused", "quality"),
    )


if __name__ == "__main__":
    run_program(main)
