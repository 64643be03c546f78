"""Bootstrap scores of quality tasks: means of fusion metrics on resamples of the test images.

The same resamples as those of detection and segmentation, by sequence. A metric's score is its mean
over the images on which it is defined,

    score = sum w_i x_i / sum w_i

with w_i the number of times that image i was drawn. They serve the ranks of the sources alone: a
fusion metric is not tested against the single sensors.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from fusebench.evaluation import bootstrap
from fusebench.evaluation.bootstrap import Resamples
from fusebench.experiments.planning.run import Run
from fusebench.storage.store import Store
from reports.results import per_image
from reports.results.bootstrap_scores import BootstrapScores, FloatArray, ScoreKey, TaskBootstrap

QUALITY = "quality"


def collect_quality_bootstrap(runs: Sequence[Run], store: Store) -> TaskBootstrap | None:
    """Return the bootstrap scores of all finished runs of a quality task; None if there are none.

    Raises:
        UserError: If a file of a record is damaged.
    """
    finished = [run for run in runs if run.task.kind == QUALITY and run.read_record(store)]
    if not finished:
        return None
    pairs = finished[0].test_split.pairs
    keys = [pair.key for pair in pairs]
    sequences = [pair.sequence for pair in pairs]
    resamples = bootstrap.resample_units(sequences)
    by_source = {}
    for run in finished:
        scores = per_image.read_per_image_scores(run.get_record_folder(store), QUALITY)
        if scores:
            resampled = resample_means(scores, keys, resamples, len(set(sequences)))
            by_source[run.source_name] = (resampled,)
    return TaskBootstrap(by_source) if by_source else None


def resample_means(
    scores: Mapping[str, Mapping[str, float]],
    keys: Sequence[str],
    resamples: Resamples,
    sequence_count: int,
) -> BootstrapScores:
    """Compute the mean of every metric on every resample.

    Args:
        scores: Metric to key to score; keys on which it is undefined are left out.
        keys: Key of each image, in the order of the resamples.
        resamples: Resamples of the images.
        sequence_count: Number of sequences.
    """
    unit_count = resamples.unit_counts.shape[1]
    means: dict[ScoreKey, FloatArray] = {}
    for metric, by_key in scores.items():
        values = np.array([by_key.get(key, np.nan) for key in keys])
        is_defined = np.isfinite(values)
        sums, counts = (
            bootstrap.sum_per_unit(column, resamples.unit_of_image, unit_count)
            for column in (np.where(is_defined, values, 0.0), is_defined.astype(np.float64))
        )
        drawn = resamples.unit_counts @ counts
        totals = resamples.unit_counts @ sums
        means[ScoreKey(None, None, metric)] = np.divide(
            totals, drawn, out=np.full(len(drawn), np.nan), where=drawn > 0
        )
    sizes = np.bincount(resamples.unit_of_image, minlength=unit_count)
    return BootstrapScores(
        means,
        {(None, None): sizes / sizes.sum()},
        len(keys),
        unit_count,
        resamples.is_clustered,
        sequence_count,
    )
