import pytest

from fusebench.evaluation import ranks

BETTER = {"up": "higher", "down": "lower"}


def test_ranks_follow_the_direction_and_equal_means_share_the_better_rank():
    means = {"x": {"up": 3.0, "down": 1.0}, "y": {"up": 3.0, "down": 2.0}, "z": {"up": 1.0}}
    result = ranks.rank_sources(means, BETTER)
    assert [result[source]["up"] for source in "xyz"] == [1, 1, 3]
    assert [result[source]["down"] for source in "xyz"] == [1, 2, None]


def test_the_mean_rank_is_the_mean_over_metrics():
    means = {"x": {"up": 3.0, "down": 9.0}, "y": {"up": 2.0, "down": 1.0}}
    assert ranks.compute_mean_ranks(ranks.rank_sources(means, BETTER)) == {"x": 1.5, "y": 1.5}


def test_a_source_without_a_metric_has_no_mean_rank():
    # z is first in the one metric that it has
    means = {"x": {"up": 3.0, "down": 1.0}, "z": {"up": 4.0, "down": None}}
    assert ranks.compute_mean_ranks(ranks.rank_sources(means, BETTER)) == {"x": 1.5, "z": None}


@pytest.mark.parametrize("down", [None, 0.0])
def test_a_metric_that_no_source_has_does_not_count(down):
    means = {"x": {"up": 3.0, "down": down}, "y": {"up": 4.0, "down": down}}
    result = ranks.compute_mean_ranks(ranks.rank_sources(means, BETTER))
    assert result == ({"x": 2.0, "y": 1.0} if down is None else {"x": 1.5, "y": 1.0})


def test_nothing_is_ranked_where_nothing_is_defined():
    assert ranks.compute_mean_ranks(ranks.rank_sources({"x": {"up": None}}, BETTER)) == {"x": None}
    assert ranks.rank_sources({}, BETTER) == {}
