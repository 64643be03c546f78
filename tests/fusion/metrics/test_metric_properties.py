"""What holds for any images: range, symmetry, invariance, inputs left alone."""

import math

import numpy as np
import pytest

from fusebench import plugins
from fusion.scoring.cache import CachingEvaluator, direct_evaluator
from fusion.scoring.metric import load_metrics
from fusion.scoring.score_images import score_pair
from tests.helpers.deterministic_images import make_image_triple

MODULES = {
    name: plugins.load_plugin("fusion.metrics", name)
    for name in plugins.list_plugins("fusion.metrics")
}
VARIANTS = [f"{name}.{v}" for name, m in MODULES.items() for v in m.VARIANTS if len(m.VARIANTS) > 1]
VARIANTS += [name for name, module in MODULES.items() if len(module.VARIANTS) == 1]
SLOW = ("feature_mutual_information.pixel", "feature_mutual_information.gradient")


def noise(rng, shape):
    return rng.integers(0, 256, shape, dtype=np.uint8)


def levels(rng, shape):
    return rng.choice(rng.integers(0, 256, 3, dtype=np.uint8), shape)


def blocks(rng, shape):
    coarse = rng.integers(0, 256, (-(-shape[0] // 9), -(-shape[1] // 9)), dtype=np.uint8)
    return np.kron(coarse, np.ones((9, 9), np.uint8))[: shape[0], : shape[1]]


def saturated(rng, shape):
    return np.clip(rng.normal(230, 60, shape), 0, 255).astype(np.uint8)


def flat(rng, shape):
    return np.full(shape, rng.integers(256), np.uint8)


def smooth(rng, shape):
    y, x = np.mgrid[: shape[0], : shape[1]]
    return (127 + 127 * np.sin(x * rng.uniform(0, 0.5) + y * rng.uniform(0, 0.5))).astype(np.uint8)


KINDS = (noise, levels, blocks, saturated, flat, smooth)


def any_triple(seed, sides=(1, 64)):
    """Any kind of images of any size, the fused one often made of the others."""
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(*sides, 2))
    a, b, f = (KINDS[k](rng, shape) for k in rng.integers(0, len(KINDS), 3))
    made = {1: (a.astype(int) + b) // 2, 2: np.maximum(a, b), 3: 255 - a, 4: a}
    return a, b, made.get(int(rng.integers(0, 8)), f).astype(np.uint8)


def inside(metric, found):
    about, slack = metric.definition, 1e-6
    if found is None:
        return True
    low = -math.inf if about.minimum is None else about.minimum - slack
    high = math.inf if about.maximum is None else about.maximum + slack
    return low <= found <= high


@pytest.mark.parametrize("start", range(0, 500, 50))
def test_values_lie_in_the_documented_range_on_500_random_triples(start):
    metrics = load_metrics({name: {} for name in MODULES})
    defined = dict.fromkeys(MODULES, 0)
    for seed in range(start, start + 50):
        a, b, f = any_triple(seed, (1, 64) if seed % 5 else (176, 200))
        once = CachingEvaluator(a, b)
        for metric in metrics:
            found = metric.measure((a, b), f, once)
            assert inside(metric, found), (metric.signature, seed, f.shape, found)
            defined[metric.name] += found is not None
    assert min(defined.values()) >= 10, defined


@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_lies_in_its_range_and_names_itself(name):
    (metric,) = load_metrics({name: {}})
    for seed in range(10 if name in SLOW else 25):
        a, b, f = any_triple(seed)
        found = metric.measure((a, b), f, direct_evaluator)
        assert inside(metric, found), (metric.signature, seed, f.shape, found)
    large = make_image_triple(176, 208)
    assert inside(metric, metric.measure(large[:2], large[2], direct_evaluator))
    assert metric.variant in metric.signature


POOR = {
    "one pixel": [np.full((1, 1), gray, np.uint8) for gray in (3, 9, 200)],
    "one row": [np.arange(30, dtype=np.uint8)[None] * k for k in (1, 2, 3)],
    "small": [image[:9, :9].copy() for image in make_image_triple(60, 66)],
    "flat": [np.full((180, 180), gray, np.uint8) for gray in (3, 9, 200)],
    "black": [np.zeros((180, 180), np.uint8)] * 3,
}


@pytest.mark.parametrize("case", POOR)
def test_an_undefined_value_of_any_variant_has_a_reason_in_its_own_words(case):
    metrics = load_metrics({name: {} for name in VARIANTS})
    a, b, f = POOR[case]
    row = score_pair(a, b, {"it": f}, metrics)["it"]
    undefined = [metric for metric in metrics if row[metric.name] is None]
    assert len(undefined) >= 3
    said = dict(flag.split(": ", 1) for flag in row["flags"].split("; "))
    for metric in undefined:
        assert said[metric.column.title] not in ("", "undefined for these images"), metric.name


@pytest.mark.parametrize("name", VARIANTS)
def test_sources_can_be_exchanged_where_the_definition_says_so(name):
    (metric,) = load_metrics({name: {}})
    a, b, f = make_image_triple(176, 177)
    one, other = (metric.measure(pair, f, direct_evaluator) for pair in ((a, b), (b, a)))
    if metric.definition.is_symmetric:
        assert one == pytest.approx(other, rel=1e-12)
    elif not name.startswith("visual_information_fusion"):  # its ties are rare
        assert one != pytest.approx(other, rel=1e-3)


@pytest.mark.parametrize("name", MODULES)
def test_inputs_are_left_alone_and_the_same_images_give_the_same_number(name):
    (metric,) = load_metrics({name: {}})
    images = make_image_triple(176, 177)
    before = [image.copy() for image in images]
    first = metric.measure(images[:2], images[2], direct_evaluator)
    assert metric.measure(images[:2], images[2], direct_evaluator) == first
    for image, copy in zip(images, before, strict=True):
        np.testing.assert_array_equal(image, copy)


SHIFTED = (
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


@pytest.mark.parametrize("name", SHIFTED)
def test_a_brighter_fused_image_has_the_same_value(name):
    (metric,) = load_metrics({name: {}})
    a, b, f = make_image_triple(176, 177)
    f = np.minimum(f, 235)
    wanted = metric.measure((a, b), f, direct_evaluator)
    assert metric.measure((a, b), f + 20, direct_evaluator) == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize("name", ["entropy", "correlation_coefficient", "mutual_information"])
def test_a_gain_changes_nothing(name):
    (metric,) = load_metrics({name: {}})
    a, b, f = make_image_triple(176, 177)
    wanted = metric.measure((a, b), f // 2, direct_evaluator)
    assert metric.measure((a, b), f // 2 * 2, direct_evaluator) == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize("name", ["standard_deviation", "spatial_frequency", "average_gradient"])
def test_a_gain_is_in_the_value(name):
    (metric,) = load_metrics({name: {}})
    a, b, f = make_image_triple(176, 177)
    once = metric.measure((a, b), f // 2, direct_evaluator)
    assert metric.measure((a, b), f // 2 * 2, direct_evaluator) == pytest.approx(
        2 * once, rel=1e-12
    )


@pytest.mark.parametrize("name", MODULES)
def test_the_first_variant_is_the_default_and_no_known_fault(name):
    module = MODULES[name]
    default, *_ = module.VARIANTS
    assert module.VARIANTS[default].known_fault == ""
    assert module.VARIANTS[default].build_column(module.TITLE) == module.COLUMN
    assert getattr(module.Options(), "variant", default) == default
    for variant in module.VARIANTS if len(module.VARIANTS) > 1 else ():
        assert module.Options(variant=variant).variant == variant
