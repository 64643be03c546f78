"""Rank sets and letters against hand calculation, published examples and simulation."""

import itertools

import numpy as np
import pytest
from scipy import stats

from reports.statistics import confidence_intervals, rank_sets, rank_trials
from reports.statistics.confidence_intervals import ScoreSample
from reports.statistics.rank_sets import RankSet
from reports.statistics.synthetic_detections import DetectorModel


def build_matrix(count, pairs, *, symmetric_value=True, other=False):
    matrix = np.full((count, count), other)
    for i, j in pairs:
        matrix[i, j] = matrix[j, i] = symmetric_value
    return matrix


def test_the_possible_numbers_of_equal_pairs_are_those_of_shaffers_table():
    # Shaffer 1986, table 1
    assert sorted(rank_sets.list_possible_true_counts(3)) == [0, 1, 3]
    assert sorted(rank_sets.list_possible_true_counts(4)) == [0, 1, 2, 3, 6]
    assert sorted(rank_sets.list_possible_true_counts(5)) == [0, 1, 2, 3, 4, 6, 10]


def test_three_sources_are_adjusted_by_3_1_1():
    p_values = np.ones((3, 3))
    for (i, j), p in {(0, 1): 0.01, (0, 2): 0.04, (1, 2): 0.045}.items():
        p_values[i, j] = p_values[j, i] = p
    adjusted = rank_sets.adjust_all_pairs(p_values)
    assert adjusted[0, 1] == pytest.approx(0.03)
    assert adjusted[0, 2] == pytest.approx(0.04)
    assert adjusted[2, 1] == pytest.approx(0.045)
    assert (np.diag(adjusted) == 1).all()


def test_no_pair_is_adjusted_more_than_by_holm():
    rng = np.random.default_rng(0)
    for count in range(2, 8):
        pairs = list(itertools.combinations(range(count), 2))
        values = rng.uniform(0, 0.1, len(pairs))
        matrix = np.ones((count, count))
        for (i, j), value in zip(pairs, values, strict=True):
            matrix[i, j] = matrix[j, i] = value
        adjusted = rank_sets.adjust_all_pairs(matrix)
        holm = confidence_intervals.adjust_p_values(list(values))
        for (i, j), bound, raw in zip(pairs, holm, values, strict=True):
            assert raw <= adjusted[i, j] <= bound + 1e-12


def test_rank_sets_count_the_shown_differences():
    # best to worst: 2, 0, 1; shown: 2 and 0 are better than 1
    different = build_matrix(3, [(2, 1), (0, 1)])
    sets = rank_sets.compute_rank_sets([0.6, 0.3, 0.7], different)
    assert [(s.rank, s.low, s.high, s.letters) for s in sets] == [
        (2, 1, 2, "a"),
        (3, 3, 3, "b"),
        (1, 1, 2, "a"),
    ]
    assert [s.may_be_best for s in sets] == [True, False, True]


def test_equal_scores_share_the_better_rank():
    sets = rank_sets.compute_rank_sets([0.5, 0.5, 0.4], np.zeros((3, 3), bool))
    assert [(s.rank, s.low, s.high) for s in sets] == [(1, 1, 3), (1, 1, 3), (3, 1, 3)]


def test_a_chain_of_overlapping_groups_has_letters_a_ab_b():
    different = build_matrix(3, [(0, 2)])
    assert rank_sets.assign_letters([3.0, 2.0, 1.0], different) == ["a", "ab", "b"]


@pytest.mark.parametrize("seed", range(30))
def test_two_sources_share_a_letter_exactly_if_they_are_not_different(seed):
    rng = np.random.default_rng(seed)
    count = int(rng.integers(1, 9))
    different = np.triu(rng.random((count, count)) < rng.random(), 1)
    different |= different.T
    letters = rank_sets.assign_letters(rng.random(count), different)
    for i, j in itertools.combinations(range(count), 2):
        assert bool(set(letters[i]) & set(letters[j])) is not bool(different[i, j])
    assert all(letters)


def test_more_than_26_groups_have_distinct_names():
    count = 60
    letters = rank_sets.assign_letters(-np.arange(count), ~np.eye(count, dtype=bool))
    assert (letters[0], letters[25], letters[26], letters[59]) == ("a", "z", "a2", "h3")


def test_a_source_that_cannot_be_tested_may_have_every_rank():
    p_values = np.full((3, 3), 1e-9)
    p_values[2, :] = p_values[:, 2] = 1.0
    different = rank_sets.adjust_all_pairs(p_values) < 0.05
    sets = rank_sets.compute_rank_sets([3.0, 2.0, 1.0], different)
    assert [(s.low, s.high) for s in sets] == [(1, 2), (2, 3), (1, 3)]


def test_where_only_the_seeds_vary_all_pairs_share_the_variance_of_an_analysis_of_variance():
    scores = np.array([[0.50, 0.52, 0.54], [0.60, 0.61, 0.65], [0.40, 0.48, 0.41]])
    samples = [ScoreSample(row, np.full((3, 5), row.mean()), np.full(4, 0.25)) for row in scores]
    p_values = rank_sets.compute_pairwise_p_values(samples)
    within = scores.var(axis=1, ddof=1).mean()  # 6 degrees of freedom
    t = abs(scores[0].mean() - scores[1].mean()) / np.sqrt(within * 2 / 3)
    assert p_values[0, 1] == pytest.approx(2 * stats.t.sf(t, 6))
    constant = ScoreSample(np.array([0.5, np.nan]), np.full((2, 5), 0.5), np.full(4, 0.25))
    assert rank_sets.compute_pairwise_p_values([constant, constant]) is None


@pytest.mark.slow
@pytest.mark.parametrize("skills", [[1.0] * 5, [1.0, 1.0, 0.6, 0.6]])
def test_the_sets_hold_the_true_ranks_in_95_percent_of_trials(skills):
    model = DetectorModel(group_std=0.8, seed_group_std=0.3)
    outcomes = [
        rank_trials.run_rank_trial(
            model, skills, np.full(24, 8), 3, np.random.default_rng((3, trial)), 100
        )
        for trial in range(300)
    ]
    assert np.mean([outcome.covers_true_value for outcome in outcomes]) > 0.93
    assert np.mean([outcome.is_false_finding for outcome in outcomes]) < 0.07


def test_a_clear_order_is_found_in_every_trial():
    model = DetectorModel(group_std=0.3, seed_group_std=0.1, seed_std=0.02)
    for trial in range(8):
        outcome = rank_trials.run_rank_trial(
            model, [2.5, 1.0, -0.5], np.full(12, 6), 2, np.random.default_rng(trial), 60
        )
        assert outcome.covers_true_value
        assert not outcome.is_false_finding


def test_the_true_ranks_of_tied_sources_are_all_ranks_of_their_group():
    sets = [RankSet(1, 1, 1, "a"), RankSet(2, 2, 2, "b"), RankSet(3, 3, 3, "c")]
    assert rank_trials.evaluate_rank_sets(sets, [3.0, 2.0, 1.0]).covers_true_value
    outcome = rank_trials.evaluate_rank_sets(sets, [3.0, 2.0, 2.0])
    assert (outcome.covers_true_value, outcome.is_false_finding) == (False, True)
    wide = [RankSet(1, 1, 1, "a"), RankSet(2, 2, 3, "b"), RankSet(3, 2, 3, "b")]
    outcome = rank_trials.evaluate_rank_sets(wide, [3.0, 2.0, 2.0])
    assert (outcome.covers_true_value, outcome.is_false_finding) == (True, False)
