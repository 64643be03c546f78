"""Properties for any images: range, symmetry, invariance, unchanged inputs."""

import math

import numpy as np
import pytest

from fusebench import plugins
from fusion.scoring.cache import CachingEvaluator, direct_evaluator
from fusion.scoring.listing import load_variants
from fusion.scoring.metric import load_metrics
from fusion.scoring.score_images import score_pair
from tests.helpers.fusion.deterministic_images import make_image_triple

METRICS = {
    name: plugins.load_fusion_metric(name) for name in plugins.list_plugins("fusion.metrics")
}
VARIANTS = [column.name for metric in METRICS.values() for column in load_variants(metric)]
SLOW = ("feature_mutual_information.pixel", "feature_mutual_information.gradient")


def make_noise(rng, shape):
    return rng.integers(0, 256, shape, dtype=np.uint8)


def make_three_levels(rng, shape):
    return rng.choice(rng.integers(0, 256, 3, dtype=np.uint8), shape)


def make_blocks(rng, shape):
    coarse = rng.integers(0, 256, (-(-shape[0] // 9), -(-shape[1] // 9)), dtype=np.uint8)
    return np.kron(coarse, np.ones((9, 9), np.uint8))[: shape[0], : shape[1]]


def make_saturated(rng, shape):
    return np.clip(rng.normal(230, 60, shape), 0, 255).astype(np.uint8)


def make_flat(rng, shape):
    return np.full(shape, rng.integers(256), np.uint8)


def make_smooth(rng, shape):
    y, x = np.mgrid[: shape[0], : shape[1]]
    return (127 + 127 * np.sin(x * rng.uniform(0, 0.5) + y * rng.uniform(0, 0.5))).astype(np.uint8)


PATTERNS = (make_noise, make_three_levels, make_blocks, make_saturated, make_flat, make_smooth)


def make_random_triple(seed, sides=(1, 64)):
    """Images of random patterns and size; the fused image often depends on the sources."""
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(*sides, 2))
    a, b, f = (PATTERNS[k](rng, shape) for k in rng.integers(0, len(PATTERNS), 3))
    fusions = {1: (a.astype(int) + b) // 2, 2: np.maximum(a, b), 3: 255 - a, 4: a}
    return a, b, fusions.get(int(rng.integers(0, 8)), f).astype(np.uint8)


def is_in_range(metric, value):
    definition, tolerance = metric.definition, 1e-6
    if value is None:
        return True
    low = -math.inf if definition.minimum is None else definition.minimum - tolerance
    high = math.inf if definition.maximum is None else definition.maximum + tolerance
    return low <= value <= high


@pytest.mark.parametrize("start", range(0, 500, 50))
def test_values_lie_in_the_documented_range_on_500_random_triples(start):
    metrics = load_metrics({name: {} for name in METRICS})
    defined_counts = dict.fromkeys(METRICS, 0)
    for seed in range(start, start + 50):
        a, b, f = make_random_triple(seed, (1, 64) if seed % 5 else (176, 200))
        evaluator = CachingEvaluator(a, b)
        for metric in metrics:
            value = metric.measure((a, b), f, evaluator)
            assert is_in_range(metric, value), (metric.signature, seed, f.shape, value)
            defined_counts[metric.name] += value is not None
    assert min(defined_counts.values()) >= 10, defined_counts


@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_lies_in_its_range_and_is_named_in_its_signature(name):
    (metric,) = load_metrics({name: {}})
    for seed in range(10 if name in SLOW else 25):
        a, b, f = make_random_triple(seed)
        value = metric.measure((a, b), f, direct_evaluator)
        assert is_in_range(metric, value), (metric.signature, seed, f.shape, value)
    large = make_image_triple(176, 208)
    assert is_in_range(metric, metric.measure(large[:2], large[2], direct_evaluator))
    assert metric.variant in metric.signature


DEGENERATE = {
    "one pixel": [np.full((1, 1), gray, np.uint8) for gray in (3, 9, 200)],
    "one row": [np.arange(30, dtype=np.uint8)[None] * k for k in (1, 2, 3)],
    "small": [image[:9, :9].copy() for image in make_image_triple(60, 66)],
    "flat": [np.full((180, 180), gray, np.uint8) for gray in (3, 9, 200)],
    "black": [np.zeros((180, 180), np.uint8)] * 3,
}


@pytest.mark.parametrize("case", DEGENERATE)
def test_undefined_value_of_any_variant_has_a_specific_reason(case):
    metrics = load_metrics({name: {} for name in VARIANTS})
    a, b, f = DEGENERATE[case]
    row = score_pair(a, b, {"fused": f}, metrics)["fused"]
    undefined = [metric for metric in metrics if row[metric.name] is None]
    assert len(undefined) >= 3
    notes = dict(note.split(": ", 1) for note in row["flags"].split("; "))
    for metric in undefined:
        assert notes[metric.column.title] not in ("", "undefined for these images"), metric.name


@pytest.mark.parametrize("name", VARIANTS)
def test_exchanging_the_sources_changes_the_value_unless_the_variant_is_symmetric(name):
    (metric,) = load_metrics({name: {}})
    a, b, f = make_image_triple(176, 177)
    value, exchanged = (metric.measure(pair, f, direct_evaluator) for pair in ((a, b), (b, a)))
    if metric.definition.is_symmetric:
        assert value == pytest.approx(exchanged, rel=1e-12)
    elif not name.startswith("visual_information_fusion"):  # its ties are rare
        assert value != pytest.approx(exchanged, rel=1e-3)


@pytest.mark.parametrize("name", METRICS)
def test_inputs_are_unchanged_and_the_same_images_give_the_same_value(name):
    (metric,) = load_metrics({name: {}})
    images = make_image_triple(176, 177)
    before = [image.copy() for image in images]
    first = metric.measure(images[:2], images[2], direct_evaluator)
    assert metric.measure(images[:2], images[2], direct_evaluator) == first
    for image, copy in zip(images, before, strict=True):
        np.testing.assert_array_equal(image, copy)


BRIGHTNESS_INVARIANT = (
    "entropy",
    "standard_deviation",
    "spatial_frequency",
    "average_gradient",
    "correlation_coefficient",
    "sum_of_correlations_of_differences",
    "mutual_information",
    "visual_information_fidelity",
    "visual_information_fusion",
    "fusion_artifacts",
    "feature_mutual_information",
    "multi_exposure_similarity",
)


@pytest.mark.parametrize("name", BRIGHTNESS_INVARIANT)
def test_brighter_fused_image_has_the_same_value(name):
    (metric,) = load_metrics({name: {}})
    a, b, f = make_image_triple(176, 177)
    f = np.minimum(f, 235)
    expected = metric.measure((a, b), f, direct_evaluator)
    assert metric.measure((a, b), f + 20, direct_evaluator) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("name", ["entropy", "correlation_coefficient", "mutual_information"])
def test_gain_of_2_leaves_the_value_unchanged(name):
    (metric,) = load_metrics({name: {}})
    a, b, f = make_image_triple(176, 177)
    expected = metric.measure((a, b), f // 2, direct_evaluator)
    assert metric.measure((a, b), f // 2 * 2, direct_evaluator) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("name", ["standard_deviation", "spatial_frequency", "average_gradient"])
def test_gain_of_2_doubles_the_value(name):
    (metric,) = load_metrics({name: {}})
    a, b, f = make_image_triple(176, 177)
    expected = 2 * metric.measure((a, b), f // 2, direct_evaluator)
    assert metric.measure((a, b), f // 2 * 2, direct_evaluator) == pytest.approx(
        expected, rel=1e-12
    )


@pytest.mark.parametrize("name", METRICS)
def test_first_variant_is_the_default_and_has_no_known_fault(name):
    metric = METRICS[name]
    default, *_ = metric.VARIANTS
    assert metric.VARIANTS[default].known_fault == ""
    assert getattr(metric.Options(), "variant", default) == default
    for variant in metric.VARIANTS if len(metric.VARIANTS) > 1 else ():
        assert metric.Options(variant=variant).variant == variant
