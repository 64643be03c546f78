"""Bootstrap scores of a record: its scores on many resamples of its images, from saved counts.

The metrics' own `score` is used (`fusebench.experiments.scoring`), so that every metric has
intervals and verdicts. Nothing is predicted, matched or counted again.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusebench import plugins
from fusebench.errors import UserError
from fusebench.evaluation import bootstrap
from fusebench.evaluation import counts as image_counts
from fusebench.evaluation.bootstrap import Resamples
from fusebench.evaluation.counts import ArrayCounts, DatasetCounts, FloatArray
from fusebench.experiments import scoring
from fusebench.experiments.resolution import ResolvedMetric
from fusebench.option_values import validate_model
from fusebench.runtime import command_name
from fusebench.storage import image_index
from fusebench.storage.image_index import ImageIndex
from fusebench.storage.records import Record
from reports.results.bootstrap_scores import BootstrapScores, ScoreKey

VERSION = 3  # of the numbers
MATCHES_FILE, CONFUSION_FILE = "matches.npz", "confusion.npz"
TRUTH_FILES = {"detection": MATCHES_FILE, "segmentation": CONFUSION_FILE}  # with the truth counts


def compute_bootstrap_scores(
    record: Record,
    folder: Path,
    classes: Sequence[str],
    resample_count: int = bootstrap.RESAMPLE_COUNT,
    seed: int = bootstrap.DEFAULT_SEED,
) -> BootstrapScores | None:
    """Score a record on bootstrap resamples of its images.

    Columns of a family are scored on all images alone, main columns by condition too.

    Args:
        record: The record to score.
        folder: Folder of the record, with its counts.
        classes: Class names of the data set, in the order of their ids.
        resample_count: Number of resamples.
        seed: Random seed of the resamples; records on the same images have the same resamples.

    Returns:
        The scores; None if the counts they are computed from are not in the folder.

    Raises:
        UserError: If a file is damaged, or the files of the folder do not fit together.
    """
    if not has_bootstrap_inputs(record, folder):
        return None
    index = image_index.read_image_index(folder)
    resamples = bootstrap.resample_units(index.sequences, resample_count, seed)
    metrics = resolve_record_metrics(record)
    counts = _read_all_counts(folder, metrics, index.keys)
    truth = read_truth_counts(record, folder, classes, index.keys)
    scores: dict[ScoreKey, FloatArray] = {}
    shares: dict[tuple[str | None, str | None], FloatArray] = {}
    for condition, chosen in _list_slices(record, index):
        weights = resamples.image_weights * chosen
        for metric in metrics:
            columns = _list_columns(metric, condition)
            if not columns or metric.plugin.counts_file not in counts:
                continue
            named = scoring.score_metric(
                metric,
                counts[metric.plugin.counts_file],
                weights,
                classes,
                columns=columns,
                without=record.spec.get("without", ()),
            )
            scores |= {ScoreKey(condition, *key): values for key, values in named.items()}
        scored_truth = {name: truth[name] for name in classes if name in record.by_class}
        for name, share in _compute_unit_shares(resamples, scored_truth, chosen).items():
            shares[condition, name] = share
    sequences = len(set(index.sequences))
    return BootstrapScores(
        scores,
        shares,
        len(index.keys),
        resamples.unit_counts.shape[1],
        resamples.is_clustered,
        sequences,
    )


def has_bootstrap_inputs(record: Record, folder: Path) -> bool:
    """Return whether the folder of a record has the files that resampling needs."""
    file = TRUTH_FILES.get(record.kind)
    return file is not None and all(
        (folder / name).exists() for name in (file, image_index.FILE_NAME)
    )


def resolve_record_metrics(record: Record) -> tuple[ResolvedMetric, ...]:
    """Load the metrics of a finished record with the options that they were computed with.

    Raises:
        UserError: If a metric no longer exists or has another version now.
    """
    resolved = []
    for name, spec in record.spec.get("metrics", {}).items():
        plugin = plugins.load_task_metric(record.kind, name)
        if spec["version"] != plugin.VERSION:
            raise UserError(
                f"{record.task} on {record.source}: scored by version {spec['version']} of metric "
                f"{name}, which is version {plugin.VERSION} now; run {record.kind}.run again"
            )
        options = validate_model(plugin.Options, spec["options"], f"record, {name}")
        resolved.append(ResolvedMetric(name, plugin, options))
    return tuple(resolved)


def get_metric_options(record: Record, metric: str) -> dict[str, Any]:
    """Return the options of one metric of a record, e.g. its class set."""
    options: dict[str, Any] = record.spec.get("metrics", {}).get(metric, {}).get("options", {})
    return options


def read_confusion_counts(path: Path, keys: Sequence[str]) -> NDArray[np.int64]:
    """Read the confusion matrices (I, C, C) of the images ``keys``; rows are the truth.

    Raises:
        UserError: If the file is damaged or has other images.
    """
    counts = read_counts(path, keys)
    assert isinstance(counts, ArrayCounts)
    matrices: NDArray[np.int64] = counts.values
    return matrices


def read_truth_counts(
    record: Record, folder: Path, classes: Sequence[str], keys: Sequence[str]
) -> dict[str, NDArray[Any]]:
    """Read the number of true boxes or pixels per image (I,) of every class.

    Raises:
        UserError: If the file is damaged or has other images.
    """
    counts = read_counts(folder / TRUTH_FILES[record.kind], keys)
    if isinstance(counts, ArrayCounts):
        pixels = counts.values.sum(axis=2)
        return {name: pixels[:, place] for place, name in enumerate(classes)}
    boxes = counts.totals["truth_counts"][:, 0, :]  # of all sizes
    return {name: boxes[:, place] for place, name in enumerate(classes)}


def _list_columns(metric: ResolvedMetric, condition: str | None) -> list[str]:
    """Columns of a metric that are scored on resamples of all images, or of one condition."""
    return [
        name
        for name, column in metric.plugin.COLUMNS.items()
        if column.has_intervals and (condition is None or not column.family)
    ]


def _read_all_counts(
    folder: Path, metrics: Sequence[ResolvedMetric], keys: Sequence[str]
) -> dict[str, DatasetCounts]:
    """Read the counts of all metrics that have any column with intervals, by file name."""
    files = {
        metric.plugin.counts_file
        for metric in metrics
        if any(column.has_intervals for column in metric.plugin.COLUMNS.values())
    }
    return {file: read_counts(folder / file, keys) for file in files if (folder / file).exists()}


def read_counts(path: Path, keys: Sequence[str]) -> DatasetCounts:
    """Read the counts in a file and check that they are of the images ``keys``.

    Raises:
        UserError: If the file is damaged or has other images.
    """
    counts = image_counts.read_counts(path)
    if counts.keys != tuple(keys):
        raise UserError(
            f"{path}: has {len(counts.keys)} images, {image_index.FILE_NAME} beside it "
            f"{len(keys)}, and they are not the same; "
            f"{command_name.format_repair_advice(path.parent)}"
        )
    return counts


def _list_slices(record: Record, index: ImageIndex) -> list[tuple[str | None, FloatArray]]:
    """List all images (None) and every condition with image weights (I,): 1 inside, 0 outside."""
    slices: list[tuple[str | None, FloatArray]] = [(None, np.ones(len(index.keys)))]
    for condition in record.by_condition:
        chosen = np.array([float(name == condition) for name in index.conditions])
        slices.append((condition, chosen))
    return slices


def _compute_unit_shares(
    resamples: Resamples, truth: Mapping[str, NDArray[Any]], chosen: FloatArray
) -> dict[str | None, FloatArray]:
    """Compute each unit's share (G,) of every class's truth; the mean's is the classes' average."""
    shares: dict[str | None, FloatArray] = {}
    units = resamples.unit_counts.shape[1]
    for name, counts in truth.items():
        per_unit = np.bincount(resamples.unit_of_image, counts * chosen, minlength=units)
        shares[name] = per_unit / max(per_unit.sum(), 1)
    present = [share for share in shares.values() if share.any()]
    shares[None] = np.mean(present, axis=0) if present else np.zeros(units)
    return shares
