"""What the viewer shows: the tasks, their sources, and where images and predictions are."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from fusebench.data.pairs import Split
from fusebench.experiments import sources
from fusebench.experiments.planning.run import Run
from fusebench.storage.records import Column
from fusebench.storage.store import Store
from reports.results import per_image, predictions
from reports.results.predictions import SourcePredictions
from reports.results.task_results import SINGLE_SENSOR_KINDS


@dataclass(frozen=True, eq=False)
class ViewerSource:
    """One source of a task, with the images and predictions of its first finished seed.

    Attributes:
        name: Name of the source.
        kind: ``infrared``, ``visible``, ``method`` or ``folder``.
        images: Image file by key.
        seed: Random seed of the predictions; None where nothing is trained.
        predictions: The predictions; None for a quality task, and for a sensor that is not scored.
        scores: Fusion metric to score by key; empty for other tasks.
        best_confidence: Confidence of the best mean F1 as `per_image.csv` has it; empty if unknown.
        is_scored: False for a sensor that the task does not score; it is shown for comparison.
    """

    name: str
    kind: str
    images: Mapping[str, Path]
    seed: int | None = None
    predictions: SourcePredictions | None = None
    scores: Mapping[str, Mapping[str, float]] | None = None
    best_confidence: str = ""
    is_scored: bool = True


@dataclass(frozen=True, eq=False)
class ViewerTask:
    """One task with the sources that can be shown.

    Attributes:
        name: Name of the task.
        kind: ``detection``, ``segmentation`` or ``quality``.
        split: The test pairs.
        sources: In the order of the task file; sensors that the task does not score are last.
        metrics: Fusion metrics of a quality task.
    """

    name: str
    kind: str
    split: Split
    sources: tuple[ViewerSource, ...]
    metrics: Mapping[str, Column]


def collect_tasks(runs: Sequence[Run], store: Store) -> list[ViewerTask]:
    """Collect the tasks that have a finished source with images and predictions in the store.

    Args:
        runs: All planned runs, task by task.
        store: Where records, images and predictions are. Nothing is fused or predicted.

    Raises:
        UserError: If a stored file is damaged.
    """
    tasks = []
    for name, runs_of_task in groupby(runs, key=lambda run: run.task_name):
        planned = list(runs_of_task)
        is_quality = planned[0].task.kind == "quality"
        collect = _collect_quality_sources if is_quality else _collect_predicting_sources
        scored = list(collect(planned, store))
        if scored:
            split, metrics = planned[0].test_split, _read_metrics(planned, store)
            everything = (*scored, *_list_unscored_sensors(scored, split))
            tasks.append(ViewerTask(name, planned[0].task.kind, split, everything, metrics))
    return tasks


def _collect_predicting_sources(runs: Sequence[Run], store: Store) -> Iterator[ViewerSource]:
    for predicted in predictions.find_source_predictions(runs, store):
        run = predicted.run
        yield ViewerSource(
            run.source_name,
            run.source.kind,
            predicted.image_paths,
            run.seed,
            predicted,
            best_confidence=_read_best_confidence(run.get_record_folder(store)),
        )


def _collect_quality_sources(runs: Sequence[Run], store: Store) -> Iterator[ViewerSource]:
    for run in runs:
        required = run.test_images
        is_missing = required.is_made_here and not required.get_folder(store).is_dir()
        if is_missing or run.read_record(store) is None:
            continue
        paths = sources.get_images(required, store, "cpu", all_are_read=False)
        scores = per_image.read_per_image_scores(run.get_record_folder(store), "quality")
        yield ViewerSource(run.source_name, run.source.kind, paths, scores=scores)


def _list_unscored_sensors(scored: Sequence[ViewerSource], split: Split) -> Iterator[ViewerSource]:
    """List the sensors that are not among the sources, so that every pair shows both."""
    kinds, names = {source.kind for source in scored}, {source.name for source in scored}
    for kind in SINGLE_SENSOR_KINDS:
        if kind not in kinds:
            name = kind if kind not in names else f"{kind} image"
            paths = {pair.key: getattr(pair, kind) for pair in split.pairs}
            yield ViewerSource(name, kind, paths, is_scored=False)


def _read_metrics(runs: Sequence[Run], store: Store) -> dict[str, Column]:
    """Read the columns of the metrics of a quality task from its first record."""
    if runs[0].task.kind != "quality":
        return {}
    records = (run.read_record(store) for run in runs)
    first = next(record for record in records if record is not None)
    return dict(first.columns)


def _read_best_confidence(folder: Path) -> str:
    """Read the confidence that the per-image counts of a record are for; empty if it has none."""
    file = folder / per_image.FILE_NAME
    if not file.is_file():
        return ""
    with file.open(newline="", encoding="utf-8") as text:
        first_row: Mapping[str, str] = next(csv.DictReader(text), {})
    return first_row.get("confidence") or ""
