"""Means of per-image scores and their bootstrap intervals."""

import pandas as pd
import pytest

from fusion.scoring import metric_means


def make_table(**columns):
    count = len(next(iter(columns.values())))
    return pd.DataFrame({**columns, "flags": ""}, index=[f"{i:02}" for i in range(count)])


def test_undefined_scores_are_left_out_of_a_mean_and_a_mean_of_none_is_none():
    means = metric_means.compute_means(make_table(a=[1.0, None, 3.0], b=[None, None, None]))
    assert means == {"a": 2.0, "b": None}


def test_interval_of_many_images_is_the_normal_one():
    # 400 values, half 0, half 1: mean 0.5, standard error 0.5 / 20, so 0.5 +- 1.96 * 0.025
    table = make_table(a=[0.0, 1.0] * 200)
    low, high = metric_means.compute_intervals(table, list(table.index))["a"]
    assert low == pytest.approx(0.5 - 0.049, abs=0.004)
    assert high == pytest.approx(0.5 + 0.049, abs=0.004)


def test_frames_of_one_sequence_are_resampled_together_which_widens_the_interval():
    # 4 sequences of 100 equal frames: the standard error is that of 4 values, 0.5 / 2
    table = make_table(a=[0.0] * 100 + [1.0] * 100 + [0.0] * 100 + [1.0] * 100)
    sequences = [str(i // 100) for i in range(400)]
    assert metric_means.compute_intervals(table, sequences)["a"] == (0.0, 1.0)


def test_same_table_has_the_same_interval():
    table = make_table(a=[0.1, 0.5, 0.2, 0.9])
    keys = list(table.index)
    assert metric_means.compute_intervals(table, keys) == metric_means.compute_intervals(
        table, keys
    )


def test_one_image_or_one_sequence_has_no_interval():
    assert metric_means.compute_intervals(make_table(a=[0.5]), ["00"]) == {"a": None}
    assert metric_means.compute_intervals(make_table(a=[0.5, 0.6]), ["x", "x"]) == {"a": None}
    assert metric_means.compute_intervals(make_table(a=[0.5, None]), ["x", "y"]) == {"a": None}


def test_image_without_sequence_is_its_own_resampling_unit():
    sequences = {"1": "film", "2": "film", "3": "", "5": "other"}
    units = metric_means.get_resampling_units(["1", "2", "3", "4", "5", "6"], sequences)
    assert units == ["film", "film", "3", "4", "other", "6"]


def test_images_are_resampled_individually_if_there_are_too_few_sequences():
    sequences = dict.fromkeys("123", "film")
    assert metric_means.get_resampling_units(["1", "2", "3"], sequences) == ["1", "2", "3"]
