"""The losses of both papers: known answers, hand-computed values, OpenCV."""

import cv2
import numpy as np
import pytest
import torch

from fusion.losses import losses
from fusion.losses.gradients import OPERATORS, roberts, sobel, sobel_derivatives
from tests.helpers.reference_tensors import load_reference


def wave(phase):
    y, x = np.mgrid[:32, :32]
    return torch.tensor((np.sin(0.21 * y + 0.13 * x + phase) + 1) / 2)[None, None]


INFRARED, VISIBLE, FUSED = wave(0), wave(1.7), wave(0.6)
KNOWN = load_reference("dmfuse_loss")


def test_the_code_s_way_gives_the_released_answer():
    terms = losses.compute_dmfuse_terms(FUSED, INFRARED, VISIBLE, losses.RELEASED_CODE_LOSS)
    assert float(sum(terms.values())) == pytest.approx(KNOWN["total_code"], rel=1e-6)
    assert float(terms["ssim"]) == pytest.approx(10 * (1 - KNOWN["ssim_weighted_code"]), rel=1e-6)
    assert float(terms["gradient"]) == pytest.approx(16 * KNOWN["texture"], rel=1e-6)
    assert float(terms["intensity"]) == pytest.approx(14 * KNOWN["intensity_max_code"], rel=1e-6)


def test_the_paper_s_way_weighs_what_the_released_modules_measure():
    terms = losses.compute_dmfuse_terms(FUSED, INFRARED, VISIBLE, losses.PAPER_LOSS)
    likeness = (KNOWN["ssim_ir"] + KNOWN["ssim_vi"]) / 2
    assert float(terms["ssim"]) == pytest.approx(1 - likeness, rel=1e-6)
    assert float(terms["intensity"]) == pytest.approx(4 * KNOWN["intensity_mean_paper"], rel=1e-6)
    assert float(terms["gradient"]) == pytest.approx(20 * KNOWN["texture"], rel=1e-6)


def test_dmnet_s_term_of_similarity_is_the_released_one_and_is_absent_unless_weighed():
    terms = losses.compute_dmnet_fusion_terms(FUSED, INFRARED, VISIBLE, 16, "sobel", ssim_weight=10)
    assert float(terms["ssim"]) == pytest.approx(10 * (1 - KNOWN["ssim_weighted_code"]), rel=1e-6)
    assert float(terms["gradient"]) == pytest.approx(16 * KNOWN["texture"], rel=1e-6)
    plain = losses.compute_dmnet_fusion_terms(FUSED, INFRARED, VISIBLE, 16, "sobel")
    assert plain == {name: terms[name] for name in ("intensity", "gradient")}


def test_the_signed_gradient_as_printed_by_hand():
    """A ramp that rises agrees with the sources' magnitude, one that falls is off by twice it."""
    ramp = torch.arange(5.0)[None, None, None, :].expand(1, 1, 5, 5) / 8
    weights = losses.DMFuseLossOptions(gradient=1, signed=True)
    rising = losses.compute_dmfuse_terms(ramp, ramp, ramp * 0, weights)["gradient"]
    falling = losses.compute_dmfuse_terms(-ramp, ramp, ramp * 0, weights)["gradient"]
    across, down = (g[0, 0] for g in sobel_derivatives(ramp))
    by_hand = sum((g - g.abs()).abs().mean() for g in (across, down))
    assert float(rising) == pytest.approx(float(by_hand))
    by_hand = sum((g + g.abs()).abs().mean() for g in (across, down))
    assert float(falling) == pytest.approx(float(by_hand))


def test_sources_without_any_gradient_share_alike():
    """Black pairs: 0 / 0 would end a training."""
    black = torch.zeros_like(FUSED)
    found, even = (
        losses.compute_dmfuse_terms(FUSED, black, black, way)
        for way in (losses.RELEASED_CODE_LOSS, losses.PAPER_LOSS)
    )
    assert float(found["ssim"]) == pytest.approx(10 * float(even["ssim"]), rel=1e-12)
    terms = losses.compute_dmnet_fusion_terms(FUSED, black, black, 10, "sobel", ssim_weight=10)
    assert float(terms["ssim"]) == float(found["ssim"])
    assert all(map(torch.isfinite, [*found.values(), *terms.values()]))


def test_shares_are_the_amounts_over_their_sum_to_the_bit():
    ours = losses._gradient_shares(INFRARED.float(), VISIBLE.float())
    amounts = torch.stack([INFRARED.float().mean(), VISIBLE.float().mean()])
    assert torch.equal(torch.stack(ours), amounts / amounts.sum())
    assert [share.dtype for share in ours] == [torch.float32] * 2


def test_a_fused_image_equal_to_both_sources_has_no_loss():
    for weights in (losses.PAPER_LOSS, losses.RELEASED_CODE_LOSS):
        terms = losses.compute_dmfuse_terms(FUSED, FUSED, FUSED, weights)
        assert float(sum(terms.values())) == pytest.approx(0, abs=1e-9)
    assert (
        float(sum(losses.compute_dmnet_fusion_terms(FUSED, FUSED, FUSED, 10, "sobel").values()))
        == 0
    )
    assert float(
        sum(losses.compute_reconstruction_terms(FUSED, FUSED, 5).values())
    ) == pytest.approx(0, abs=1e-9)


def test_dmnet_s_terms_by_hand():
    dark, bright = torch.zeros(1, 1, 4, 4), torch.full((1, 1, 4, 4), 0.75)
    terms = losses.compute_dmnet_fusion_terms(dark + 0.5, dark, bright, 10, "sobel")
    assert float(terms["intensity"]) == 0.25
    # 0.5 instead of 0.75 beside zero borders: a third less gradient than the bright source
    slope = sobel(bright).mean()
    assert float(terms["gradient"]) == pytest.approx(10 * float(slope) / 3, rel=1e-6)
    terms = losses.compute_reconstruction_terms(dark, bright, 5)
    assert float(terms["intensity"]) == 0.75**2
    assert 0 < float(terms["ssim"]) <= 5


@pytest.mark.parametrize("ddepth", [(1, 0), (0, 1)])
def test_sobel_is_opencv_s(ddepth):
    noise = np.random.default_rng(0).random((9, 11))
    expected = cv2.Sobel(noise, cv2.CV_64F, *ddepth, ksize=3, borderType=cv2.BORDER_CONSTANT)
    found = sobel_derivatives(torch.tensor(noise)[None, None])[ddepth[1]]
    np.testing.assert_allclose(found[0, 0].numpy(), expected, atol=1e-12)


def test_roberts_by_hand():
    image = torch.tensor([[1.0, 2.0], [5.0, 9.0]])[None, None]
    assert roberts(image)[0, 0].tolist() == [[abs(1 - 9) + abs(2 - 5), 2 + 9], [5 + 9, 9]]


def test_laplacian_of_gaussian_is_opencv_s_away_from_the_border():
    noise = np.random.default_rng(0).random((24, 24))
    blurred = cv2.GaussianBlur(noise, (9, 9), 1.4, borderType=cv2.BORDER_REFLECT_101)
    expected = np.abs(cv2.Laplacian(blurred, cv2.CV_64F, ksize=1))
    found = OPERATORS["log"](torch.tensor(noise)[None, None])[0, 0].numpy()
    np.testing.assert_allclose(found[1:-1, 1:-1], expected[1:-1, 1:-1], atol=1e-12)


def test_canny_finds_the_edge_of_a_square_and_nothing_else():
    image = torch.zeros(1, 1, 32, 32)
    image[..., 10:22, 10:22] = 1
    found = OPERATORS["canny"](image)[0, 0] > 0
    ours = {tuple(p) for p in found.nonzero().tolist()}
    assert ours
    assert all(8 <= y <= 23 and 8 <= x <= 23 for y, x in ours)
    assert not found[13:19, 13:19].any()
    # every row through the square crosses its left and its right side
    assert all(found[y, 8:13].any() and found[y, 19:24].any() for y in range(12, 20))


@pytest.mark.parametrize("name", OPERATORS)
def test_operators_are_zero_inside_flat_areas_and_have_gradients(name):
    flat = torch.full((1, 1, 16, 16), 0.4)
    assert float(OPERATORS[name](flat)[..., 5:-5, 5:-5].abs().max()) == pytest.approx(0, abs=1e-6)
    noise = torch.rand(1, 1, 16, 16, requires_grad=True)
    OPERATORS[name](noise).sum().backward()
    assert noise.grad.abs().sum() > 0
