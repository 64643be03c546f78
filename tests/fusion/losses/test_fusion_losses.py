"""Losses of both papers against reference values, values computed by hand, and OpenCV."""

import cv2
import numpy as np
import pytest
import torch

from fusion.losses import losses
from fusion.losses.gradients import OPERATORS, roberts, sobel, sobel_derivatives
from tests.helpers.fusion.reference_tensors import load_reference


def make_wave(phase):
    y, x = np.mgrid[:32, :32]
    return torch.tensor((np.sin(0.21 * y + 0.13 * x + phase) + 1) / 2)[None, None]


INFRARED, VISIBLE, FUSED = make_wave(0), make_wave(1.7), make_wave(0.6)
REFERENCE = load_reference("dmfuse_loss")


def test_the_code_variant_reproduces_the_released_loss():
    terms = losses.compute_dmfuse_terms(FUSED, INFRARED, VISIBLE, losses.RELEASED_CODE_LOSS)
    assert float(sum(terms.values())) == pytest.approx(REFERENCE["total_code"], rel=1e-6)
    assert float(terms["ssim"]) == pytest.approx(
        10 * (1 - REFERENCE["ssim_weighted_code"]), rel=1e-6
    )
    assert float(terms["gradient"]) == pytest.approx(16 * REFERENCE["texture"], rel=1e-6)
    assert float(terms["intensity"]) == pytest.approx(
        14 * REFERENCE["intensity_max_code"], rel=1e-6
    )


def test_the_paper_variant_weights_the_terms_of_the_released_modules():
    terms = losses.compute_dmfuse_terms(FUSED, INFRARED, VISIBLE, losses.PAPER_LOSS)
    similarity = (REFERENCE["ssim_ir"] + REFERENCE["ssim_vi"]) / 2
    assert float(terms["ssim"]) == pytest.approx(1 - similarity, rel=1e-6)
    assert float(terms["intensity"]) == pytest.approx(
        4 * REFERENCE["intensity_mean_paper"], rel=1e-6
    )
    assert float(terms["gradient"]) == pytest.approx(20 * REFERENCE["texture"], rel=1e-6)


def test_the_ssim_term_of_dmnet_is_that_of_dmfuse_and_absent_without_weight():
    terms = losses.compute_dmnet_fusion_terms(FUSED, INFRARED, VISIBLE, 16, "sobel", ssim_weight=10)
    assert float(terms["ssim"]) == pytest.approx(
        10 * (1 - REFERENCE["ssim_weighted_code"]), rel=1e-6
    )
    assert float(terms["gradient"]) == pytest.approx(16 * REFERENCE["texture"], rel=1e-6)
    plain = losses.compute_dmnet_fusion_terms(FUSED, INFRARED, VISIBLE, 16, "sobel")
    assert plain == {name: terms[name] for name in ("intensity", "gradient")}


def test_the_signed_gradient_term_is_eq_12_as_printed():
    """A rising ramp agrees with the target magnitude, a falling one is off by twice as much."""
    ramp = torch.arange(5.0)[None, None, None, :].expand(1, 1, 5, 5) / 8
    options = losses.DMFuseLossOptions(gradient=1, signed=True)
    rising = losses.compute_dmfuse_terms(ramp, ramp, ramp * 0, options)["gradient"]
    falling = losses.compute_dmfuse_terms(-ramp, ramp, ramp * 0, options)["gradient"]
    horizontal, vertical = (g[0, 0] for g in sobel_derivatives(ramp))
    expected = sum((g - g.abs()).abs().mean() for g in (horizontal, vertical))
    assert float(rising) == pytest.approx(float(expected))
    expected = sum((g + g.abs()).abs().mean() for g in (horizontal, vertical))
    assert float(falling) == pytest.approx(float(expected))


def test_images_without_any_gradient_have_equal_weights():
    """Black pairs: 0 / 0 would make the loss NaN and stop the training."""
    black = torch.zeros_like(FUSED)
    code, paper = (
        losses.compute_dmfuse_terms(FUSED, black, black, options)
        for options in (losses.RELEASED_CODE_LOSS, losses.PAPER_LOSS)
    )
    assert float(code["ssim"]) == pytest.approx(10 * float(paper["ssim"]), rel=1e-12)
    terms = losses.compute_dmnet_fusion_terms(FUSED, black, black, 10, "sobel", ssim_weight=10)
    assert float(terms["ssim"]) == float(code["ssim"])
    assert all(map(torch.isfinite, [*code.values(), *terms.values()]))


def test_gradient_weights_are_the_means_over_their_sum_to_the_bit():
    weights = losses._gradient_weights(INFRARED.float(), VISIBLE.float())
    means = torch.stack([INFRARED.float().mean(), VISIBLE.float().mean()])
    assert torch.equal(torch.stack(weights), means / means.sum())
    assert [weight.dtype for weight in weights] == [torch.float32] * 2


def test_a_fused_image_equal_to_both_sources_has_no_loss():
    for options in (losses.PAPER_LOSS, losses.RELEASED_CODE_LOSS):
        terms = losses.compute_dmfuse_terms(FUSED, FUSED, FUSED, options)
        assert float(sum(terms.values())) == pytest.approx(0, abs=1e-9)
    terms = losses.compute_dmnet_fusion_terms(FUSED, FUSED, FUSED, 10, "sobel")
    assert float(sum(terms.values())) == 0
    terms = losses.compute_reconstruction_terms(FUSED, FUSED, 5)
    assert float(sum(terms.values())) == pytest.approx(0, abs=1e-9)


def test_dmnet_terms_are_those_computed_by_hand():
    dark, bright = torch.zeros(1, 1, 4, 4), torch.full((1, 1, 4, 4), 0.75)
    terms = losses.compute_dmnet_fusion_terms(dark + 0.5, dark, bright, 10, "sobel")
    assert float(terms["intensity"]) == 0.25
    # At the zero-padded borders 0.5 has a third less gradient than the bright image with 0.75.
    bright_gradient = sobel(bright).mean()
    assert float(terms["gradient"]) == pytest.approx(10 * float(bright_gradient) / 3, rel=1e-6)
    terms = losses.compute_reconstruction_terms(dark, bright, 5)
    assert float(terms["intensity"]) == 0.75**2
    assert 0 < float(terms["ssim"]) <= 5


@pytest.mark.parametrize("ddepth", [(1, 0), (0, 1)])
def test_sobel_agrees_with_opencv(ddepth):
    noise = np.random.default_rng(0).random((9, 11))
    expected = cv2.Sobel(noise, cv2.CV_64F, *ddepth, ksize=3, borderType=cv2.BORDER_CONSTANT)
    derivative = sobel_derivatives(torch.tensor(noise)[None, None])[ddepth[1]]
    np.testing.assert_allclose(derivative[0, 0].numpy(), expected, atol=1e-12)


def test_roberts_is_that_computed_by_hand():
    image = torch.tensor([[1.0, 2.0], [5.0, 9.0]])[None, None]
    assert roberts(image)[0, 0].tolist() == [[abs(1 - 9) + abs(2 - 5), 2 + 9], [5 + 9, 9]]


def test_laplacian_of_gaussian_agrees_with_opencv_inside_the_border():
    noise = np.random.default_rng(0).random((24, 24))
    blurred = cv2.GaussianBlur(noise, (9, 9), 1.4, borderType=cv2.BORDER_REFLECT_101)
    expected = np.abs(cv2.Laplacian(blurred, cv2.CV_64F, ksize=1))
    response = OPERATORS["log"](torch.tensor(noise)[None, None])[0, 0].numpy()
    np.testing.assert_allclose(response[1:-1, 1:-1], expected[1:-1, 1:-1], atol=1e-12)


def test_canny_detects_only_the_outline_of_a_square():
    image = torch.zeros(1, 1, 32, 32)
    image[..., 10:22, 10:22] = 1
    edges = OPERATORS["canny"](image)[0, 0] > 0
    positions = {tuple(p) for p in edges.nonzero().tolist()}
    assert positions
    assert all(8 <= y <= 23 and 8 <= x <= 23 for y, x in positions)
    assert not edges[13:19, 13:19].any()
    # Every row through the square crosses its left and its right edge.
    assert all(edges[y, 8:13].any() and edges[y, 19:24].any() for y in range(12, 20))


@pytest.mark.parametrize("name", OPERATORS)
def test_operators_are_zero_in_flat_areas_and_differentiable(name):
    flat = torch.full((1, 1, 16, 16), 0.4)
    assert float(OPERATORS[name](flat)[..., 5:-5, 5:-5].abs().max()) == pytest.approx(0, abs=1e-6)
    noise = torch.rand(1, 1, 16, 16, requires_grad=True)
    OPERATORS[name](noise).sum().backward()
    assert noise.grad.abs().sum() > 0
