"""Losses of `fusion.losses.structure`: against OpenCV, and values computed by hand."""

import cv2
import numpy as np
import pytest
import torch

from fusion.losses import structure
from fusion.losses.structure_options import StructureLossOptions
from fusion.training.recipe import presets

SIDE = 48


def make_image(array):
    return torch.tensor(np.asarray(array), dtype=torch.float32)[None, None]


def make_constant(value):
    return make_image(np.full((SIDE, SIDE), value))


def make_texture(seed=0, low=0.3, high=0.7):
    noise = np.random.default_rng(seed).uniform(low, high, (SIDE, SIDE))
    return make_image(cv2.GaussianBlur(noise, (0, 0), 1.5))


def compute_terms(fused, infrared, visible, **weights):
    ones = dict.fromkeys(("brightness", "gradient", "contrast", "outlines", "similarity"), 1)
    options = StructureLossOptions(**{**ones, "range": 1, "brighter_share": 0.8, **weights})
    return {
        name: float(value)
        for name, value in structure.compute_structure_terms(
            fused, infrared, visible, options
        ).items()
    }


def test_means_and_variances_are_those_of_a_box_filter():
    image = make_texture()
    pixels = image[0, 0].numpy().astype(np.float64)
    mean = cv2.blur(pixels, (9, 9), borderType=cv2.BORDER_REFLECT_101)
    square = cv2.blur(pixels**2, (9, 9), borderType=cv2.BORDER_REFLECT_101)
    np.testing.assert_allclose(structure.compute_mean(image, 4)[0, 0], mean, atol=1e-6)
    np.testing.assert_allclose(
        structure.compute_variance(image, 4)[0, 0], square - mean**2, atol=1e-6
    )


def test_dark_lines_are_the_black_top_hat_transform():
    image = make_texture(1)
    expected = cv2.morphologyEx(image[0, 0].numpy(), cv2.MORPH_BLACKHAT, np.ones((5, 5), np.uint8))
    np.testing.assert_allclose(structure.compute_dark_lines(image)[0, 0], expected, atol=1e-6)


def test_the_target_of_the_brightness_lies_between_the_mean_and_the_brighter_source():
    infrared, visible = make_constant(0.2), make_constant(0.6)
    # mean 0.4, brighter 0.6: 0.8 of the way is 0.56
    assert compute_terms(make_constant(0.56), infrared, visible)["brightness"] == pytest.approx(
        0, abs=1e-6
    )
    assert compute_terms(make_constant(0.5), infrared, visible, brighter_share=0, brightness=3)[
        "brightness"
    ] == pytest.approx(0.3, abs=1e-6)


def test_equal_sources_lose_nothing():
    image = make_texture()
    terms = compute_terms(image, image, image)
    # the smallest variance 1e-5 is only added to the source's
    assert terms.pop("contrast") < 1e-3
    assert terms == pytest.approx(dict.fromkeys(terms, 0), abs=1e-5)


def test_gradients_are_differences_per_pixel_of_the_source_with_the_larger_ones():
    columns = np.tile(np.arange(SIDE) / 100, (SIDE, 1))
    infrared, visible = make_image(columns), make_image(columns.T / 2)
    # A constant image misses 0.01 per pixel in one of two directions; replicated borders halve it.
    expected = (46 * 0.01 + 2 * 0.005) / SIDE / 2
    terms = compute_terms(make_constant(0.5), infrared, visible)
    assert terms["gradient"] == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(("factor", "share"), [(0, 1), (0.25, 0.75), (1, 0), (2, 0), (-1, 2)])
def test_lost_contrast_is_what_the_fused_image_does_not_reproduce(factor, share):
    visible, infrared = make_texture(), make_constant(0.9)
    fused = 0.5 + factor * (visible - 0.5)
    stronger = structure.StrongerSource.select(infrared, visible)
    lost = stronger.compute_lost_contrast(fused)
    deviation = structure.compute_variance(visible, 4).sqrt()
    assert not stronger.is_infrared.any()
    np.testing.assert_allclose(lost, share * deviation, atol=2e-3)


def test_a_line_in_neither_source_is_spurious_and_a_line_of_one_source_is_not():
    flat = make_constant(0.5)
    line = flat.clone()
    line[..., 20, :] = 0.3
    assert structure.compute_spurious_lines(line, flat, flat).sum() == pytest.approx(
        0.2 * SIDE, rel=1e-5
    )
    assert structure.compute_spurious_lines(line, line, flat).sum() == 0
    moved = line.roll(1, dims=2)  # within the tolerance
    assert structure.compute_spurious_lines(moved, flat, line).sum() == 0
    bright = 1 - line
    assert structure.compute_spurious_lines(bright, flat, flat).sum() == pytest.approx(
        0.2 * SIDE, rel=1e-5
    )


def test_a_gradient_in_neither_source_is_spurious():
    flat = make_constant(0.5)
    step = flat.clone()
    step[..., 24:] = 0.7
    excess = structure.compute_spurious_gradient(step, flat, flat)
    # Sobel's derivative of a step of 0.2 is 0.1 per pixel on both of its sides.
    assert excess.sum() == pytest.approx(2 * SIDE * 0.1, rel=1e-2)
    assert structure.compute_spurious_gradient(step, flat, step).sum() == 0


def test_values_outside_the_range_are_counted():
    terms = compute_terms(make_constant(1.25), make_constant(0.5), make_constant(0.5))
    assert terms["range"] == pytest.approx(0.25)
    terms = compute_terms(make_constant(-0.5), make_constant(0.5), make_constant(0.5))
    assert terms["range"] == pytest.approx(0.5)


def test_gradients_of_the_loss_are_finite_on_constant_images():
    fused = make_constant(0.5).requires_grad_()
    terms = structure.compute_structure_terms(
        fused, make_constant(0.5), make_constant(0.0), StructureLossOptions()
    )
    torch.stack(list(terms.values())).sum().backward()
    assert torch.isfinite(fused.grad).all()


def test_a_recipe_validates_the_weights():
    change = "finetuning.structure.contrast=-1"
    with pytest.raises(Exception, match="contrast"):
        presets.build_recipe("dmfuse", "small", {}, [change])
    with pytest.raises(Exception, match="unknown"):
        presets.build_recipe("dmnet", "small", {}, ["finetuning.structure.unknown=1"])
    recipe = presets.build_recipe("student", "small", {}, ["distillation.structure.contrast=3"])
    assert recipe.distillation.structure.contrast == 3
