"""Scores of a task metric from ground truth and predictions, without files or a plan."""

import numpy as np

from fusebench.config import schema
from fusebench.contracts import TaskMetric, load_contract
from fusebench.evaluation.counts import ArrayCounts
from fusebench.experiments import scoring
from fusebench.experiments.resolution import ResolvedMetric

TASK = schema.DetectionTask(kind="detection", dataset="toy", sources=("infrared",))


def resolve(module, options=None):
    """Resolve a metric module with its options, as a run does."""
    plugin = load_contract(TaskMetric, module, module.__name__.rpartition(".")[2])
    return ResolvedMetric(plugin.name, plugin, plugin.Options() if options is None else options)


def measure(module, truth, predicted, classes, options=None, task=TASK):
    """Compute the scores of one metric over all images, as in a record."""
    metric = resolve(module, options)
    counts = scoring.count_images(
        [metric], ((key, truth[key], predicted[key]) for key in sorted(truth)), classes
    )
    weights = np.ones((1, len(truth)))
    return scoring.build_scores([metric], counts, weights, classes, task)[0]


def score_sum(module, counts, classes, options=None, task=TASK):
    """Compute the scores of summed counts, as in a record."""
    metric = resolve(module, options)
    stacked = {metric.plugin.counts_file: ArrayCounts(("all",), np.asarray(counts)[None])}
    return scoring.build_scores([metric], stacked, np.ones((1, 1)), classes, task)[0]
