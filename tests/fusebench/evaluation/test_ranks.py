import pytest

from fusebench.evaluation import ranks

BETTER = {"up": "higher", "down": "lower"}


def test_places_know_which_way_is_better_and_equal_means_share_the_better_one():
    means = {"x": {"up": 3.0, "down": 1.0}, "y": {"up": 3.0, "down": 2.0}, "z": {"up": 1.0}}
    found = ranks.rank_sources(means, BETTER)
    assert [found[source]["up"] for source in "xyz"] == [1, 1, 3]
    assert [found[source]["down"] for source in "xyz"] == [1, 2, None]


def test_the_mean_place_is_that_over_the_metrics():
    means = {"x": {"up": 3.0, "down": 9.0}, "y": {"up": 2.0, "down": 1.0}}
    assert ranks.compute_mean_ranks(ranks.rank_sources(means, BETTER)) == {"x": 1.5, "y": 1.5}


def test_a_source_that_lacks_a_metric_is_not_ahead_by_what_it_lacks():
    # z is first in the one metric that it has
    means = {"x": {"up": 3.0, "down": 1.0}, "z": {"up": 4.0, "down": None}}
    assert ranks.compute_mean_ranks(ranks.rank_sources(means, BETTER)) == {"x": 1.5, "z": None}


@pytest.mark.parametrize("down", [None, 0.0])
def test_a_metric_that_no_source_has_does_not_count(down):
    means = {"x": {"up": 3.0, "down": down}, "y": {"up": 4.0, "down": down}}
    found = ranks.compute_mean_ranks(ranks.rank_sources(means, BETTER))
    assert found == ({"x": 2.0, "y": 1.0} if down is None else {"x": 1.5, "y": 1.0})


def test_nothing_is_ranked_where_nothing_is_defined():
    assert ranks.compute_mean_ranks(ranks.rank_sources({"x": {"up": None}}, BETTER)) == {"x": None}
    assert ranks.rank_sources({}, BETTER) == {}
