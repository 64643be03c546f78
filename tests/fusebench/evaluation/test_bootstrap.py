"""Cluster bootstrap: which units are resampled, and how."""

import numpy as np

from fusebench.evaluation import bootstrap


def test_sequences_are_resampled_as_a_whole_and_the_same_every_time():
    sequences = ["a", "a", "b", "c", "d", "e", "e", "e"]
    resamples = bootstrap.resample_units(sequences, 50)
    assert resamples.is_clustered
    weights = resamples.image_weights
    assert (weights[:, 0] == weights[:, 1]).all()
    assert (weights[:, 5] == weights[:, 7]).all()
    assert (resamples.unit_counts.sum(axis=1) == 5).all()
    np.testing.assert_array_equal(weights, bootstrap.resample_units(sequences, 50).image_weights)


def test_single_images_are_resampled_where_sequences_are_few():
    resamples = bootstrap.resample_units(["a", "a", "b", "b", "c", "d"], 50)
    assert not resamples.is_clustered
    assert resamples.unit_counts.shape == (50, 6)


def test_resamples_drawn_in_batches_are_those_drawn_at_once():
    resamples = bootstrap.resample_units([f"{i}" for i in range(9)], 50)
    rng = np.random.default_rng(bootstrap.DEFAULT_SEED)
    batches = [bootstrap.draw_unit_counts(9, 10, rng) for _ in range(5)]
    np.testing.assert_array_equal(np.concatenate(batches), resamples.unit_counts)


def test_units_are_numbered_by_name_whatever_the_order_of_the_images():
    unit_of_image, unit_count = bootstrap.index_units(["b", "a", "b", "c"])
    assert unit_of_image.tolist() == [1, 0, 1, 2]
    sums = bootstrap.sum_per_unit(np.array([1, 2, 3, 4]), unit_of_image, unit_count)
    assert sums.tolist() == [2, 4, 4]
