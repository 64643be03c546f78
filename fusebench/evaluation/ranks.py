"""Ranks of sources in several metrics, and the mean rank of each.

A rank is only an order: it does not tell how far apart two means are.
"""

from collections.abc import Mapping

MetricMeans = Mapping[str, Mapping[str, float | None]]  # source to metric to mean
Ranks = dict[str, dict[str, int | None]]


def rank_sources(means: MetricMeans, better: Mapping[str, str]) -> Ranks:
    """Rank the sources in every metric, 1 the best; equal means share the better rank.

    Args:
        means: Source to metric to mean; None or absent where undefined.
        better: Metric to ``higher`` or ``lower``.

    Returns:
        Source to metric to rank; None where its mean is undefined.
    """
    ranks: Ranks = {source: {} for source in means}
    for metric, direction in better.items():
        sign = -1.0 if direction == "higher" else 1.0
        scores = {
            source: sign * mean
            for source, row in means.items()
            if (mean := row.get(metric)) is not None
        }
        for source in means:
            score = scores.get(source)
            ranks[source][metric] = (
                None if score is None else 1 + sum(other < score for other in scores.values())
            )
    return ranks


def compute_mean_ranks(ranks: Ranks) -> dict[str, float | None]:
    """Average each source's ranks over the metrics in which any source is ranked.

    Means over different metrics cannot be compared: a source without a rank in one of these
    metrics has None, not the mean of the others.
    """
    ranked = {metric for row in ranks.values() for metric, rank in row.items() if rank}
    means: dict[str, float | None] = {}
    for source, row in ranks.items():
        values = [rank for metric, rank in row.items() if metric in ranked and rank is not None]
        is_complete = bool(ranked) and len(values) == len(ranked)
        means[source] = sum(values) / len(values) if is_complete else None
    return means
