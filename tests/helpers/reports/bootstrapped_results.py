"""Synthetic results of a detection task with bootstrap scores."""

from dataclasses import replace

import numpy as np

from reports.results.bootstrap_scores import BootstrapScores, ScoreKey, TaskBootstrap
from tests.helpers.reports.synthetic_records import make_source_results, make_task_results

UNIT_COUNT = 40  # sequences


def make_bootstrap_scores(person, car, *, spread, metric="ap50", seed=0):
    """Make 400 resamples whose scores vary by ``spread`` together in all sources.

    ``seed`` draws a small variation of the source's own.
    """
    common = np.random.default_rng(0).normal(0, spread, 400)
    own = np.random.default_rng(seed).normal(0, 0.002, 400)
    by_class = {"person": person + common + own, "car": car + common + own}
    scores = {ScoreKey(None, name, metric): values for name, values in by_class.items()}
    scores[ScoreKey(None, None, metric)] = (by_class["person"] + by_class["car"]) / 2
    shares = {(None, name): np.full(UNIT_COUNT, 1 / UNIT_COUNT) for name in ("person", "car", None)}
    return BootstrapScores(scores, shares, 120, UNIT_COUNT, True, UNIT_COUNT)


def make_bootstrapped_results(fused_scores=(0.6, 0.6), spread=0.05):
    """Make the results of two sensors and the fused source "mine", with bootstrap scores."""
    scores = {"infrared": (0.5, 0.2), "visible": (0.4, 0.6), "mine": fused_scores}
    sources = [
        make_source_results(name, name if name != "mine" else "method", [pair])
        for name, pair in scores.items()
    ]
    by_source = {
        name: (make_bootstrap_scores(*pair, spread=spread, seed=number),)
        for number, (name, pair) in enumerate(scores.items())
    }
    return replace(make_task_results(*sources), bootstrap=TaskBootstrap(by_source))
