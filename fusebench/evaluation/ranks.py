"""Places of several sources in several metrics, and the mean place of each.

How far apart two means are says nothing here: a place is only an order.
"""

from collections.abc import Mapping

MetricMeans = Mapping[str, Mapping[str, float | None]]  # source to metric to mean
Ranks = dict[str, dict[str, int | None]]


def rank_sources(means: MetricMeans, better: Mapping[str, str]) -> Ranks:
    """Each source's place in every metric, 1 the best; equal means share the better place.

    Args:
        means: Source to metric to mean; None or absent where undefined.
        better: Metric to ``higher`` or ``lower``.

    Returns:
        Source to metric to place; None where its mean is undefined.
    """
    found: Ranks = {source: {} for source in means}
    for metric, way in better.items():
        sign = -1.0 if way == "higher" else 1.0
        scores = {
            source: sign * mean
            for source, row in means.items()
            if (mean := row.get(metric)) is not None
        }
        for source in means:
            mine = scores.get(source)
            ahead = None if mine is None else sum(other < mine for other in scores.values())
            found[source][metric] = None if ahead is None else 1 + ahead
    return found


def compute_mean_ranks(found: Ranks) -> dict[str, float | None]:
    """The mean of each source's places over the metrics that any of the sources has.

    Means over different metrics cannot be compared: a source that lacks a metric which another one
    has gets None, not the mean of the rest.
    """
    ranked = {metric for row in found.values() for metric, place in row.items() if place}
    means: dict[str, float | None] = {}
    for source, row in found.items():
        there = [place for metric, place in row.items() if metric in ranked and place is not None]
        whole = bool(ranked) and len(there) == len(ranked)
        means[source] = sum(there) / len(there) if whole else None
    return means
