"""The student's network: its initial image, the affine map by hand, tiles, and its size."""

import numpy as np
import pytest
import torch

from fusion.networks import student_affine_map, tiled_inference
from fusion.networks.student import Student
from fusion.profiling import mac_counting

RNG = np.random.default_rng(11)


def build_random_student(std=0.05, **options):
    """Build a student whose coefficients differ from pixel to pixel."""
    torch.manual_seed(4)
    network = Student(**options)
    torch.nn.init.normal_(network.coefficients.weight, std=std)
    return network.eval().requires_grad_(False)


def sample_image(height, width):
    return RNG.integers(0, 256, (height, width), dtype=np.uint8)


def test_the_initial_network_fuses_to_the_exact_mean():
    infrared, visible = torch.rand(2, 2, 1, 32, 48)
    assert torch.equal(Student()(infrared, visible), (infrared * 0.5) + visible * 0.5)


def apply_single(index, infrared, visible, value=1.0):
    """Apply a map in which one coefficient has a value and the others are 0."""
    height, width = infrared.shape[2:]
    coefficients = torch.zeros(1, student_affine_map.COEFFICIENTS, height // 4, width // 4)
    coefficients[:, index] = value
    return student_affine_map.apply_coefficients(coefficients, infrared, visible)[0, 0]


BAND, OFFSET, INFRARED, VISIBLE, DIFFERENCE, DETAIL = 0, 6, 7, 8, 9, 10  # where each kind starts


def test_images_difference_and_offset_have_one_coefficient_each():
    infrared, visible = torch.full((1, 1, 16, 16), 0.25), torch.full((1, 1, 16, 16), 0.75)
    expected = {OFFSET: 2, INFRARED: 0.5, VISIBLE: 1.5, DIFFERENCE: 1, DETAIL: 0, BAND: 0}
    for index, value in expected.items():
        fused = apply_single(index, infrared, visible, 2.0)
        torch.testing.assert_close(fused, torch.full((16, 16), float(value)), rtol=0, atol=1e-6)


def test_half_of_both_and_of_the_difference_is_the_maximum():
    infrared, visible = torch.rand(2, 1, 1, 16, 16)
    halves = [apply_single(i, infrared, visible, 0.5) for i in (INFRARED, VISIBLE, DIFFERENCE)]
    torch.testing.assert_close(sum(halves), torch.maximum(infrared, visible)[0, 0])


def test_details_are_differences_to_a_mean_and_the_stronger_one_keeps_its_sign():
    # A bright infrared and a darker visible pixel, 16 pixels from the border and 4 from each other.
    infrared, visible = torch.zeros(2, 1, 1, 32, 32)
    infrared[0, 0, 16, 16], visible[0, 0, 16, 20] = 1, -0.5
    infrared_detail, visible_detail, stronger = (
        apply_single(DETAIL + i, infrared, visible) for i in range(3)
    )
    assert float(infrared_detail[16, 16]) == pytest.approx(24 / 25)
    assert float(infrared_detail[16, 14]) == pytest.approx(-1 / 25)
    assert float(infrared_detail[16, 13]) == 0
    assert float(visible_detail[16, 20]) == pytest.approx(-0.5 * 24 / 25)
    assert float(stronger[16, 16]) == pytest.approx(24 / 25, rel=1e-5)
    assert float(stronger[16, 20]) == pytest.approx(-0.5 * 24 / 25, rel=1e-5)
    # The details are -1 / 25 and 0.5 / 25; the weights are 256 and 1.
    assert float(stronger[16, 18]) == pytest.approx(-255.5 / 257 / 25, rel=1e-5)


def test_bands_are_levels_of_the_laplacian_pyramids():
    # Stripes of 4 pixels, and of 8 pixels of half the contrast: their means at a quarter of the
    # resolution alternate, and those at an eighth are constant or alternate.
    columns = torch.arange(64)
    infrared = (columns // 4 % 2).float().expand(1, 1, 32, 64)
    visible = 0.5 * (columns // 8 % 2).float().expand(1, 1, 32, 64)
    fine_infrared, _, fine, coarse_infrared, coarse_visible, coarse = (
        apply_single(BAND + i, infrared, visible) for i in range(6)
    )
    centers = slice(17, 49, 4)  # columns next to the centers of the pixels at a quarter
    # Linear upsampling by four: 1/8 of the way to the neighbor of the opposite sign.
    assert fine_infrared[16, centers].tolist() == pytest.approx([-0.375, 0.375] * 4)
    torch.testing.assert_close(fine, fine_infrared, rtol=0, atol=1e-3)  # the visible one: 0.125
    torch.testing.assert_close(coarse_infrared, torch.zeros(32, 64))
    assert float(coarse_visible.abs().max()) > 0.1
    torch.testing.assert_close(coarse, coarse_visible)


def test_coefficients_are_interpolated_between_the_centers_of_their_pixels():
    # Columns of 0, 1, 1 and 1 at x = 1.5, 5.5, ...; linear between, constant outside.
    coefficients = torch.zeros(1, student_affine_map.COEFFICIENTS, 4, 4)
    coefficients[0, OFFSET, :, 1:] = 1
    black = torch.zeros(1, 1, 16, 16)
    fused = student_affine_map.apply_coefficients(coefficients, black, black)
    expected = torch.tensor([0, 0, 0.125, 0.375, 0.625, 0.875, *[1.0] * 10])
    torch.testing.assert_close(fused, expected.expand(1, 1, 16, 16))


def test_inference_with_opencv_equals_the_network():
    network = build_random_student()
    infrared, visible = torch.rand(2, 1, 1, 48, 80)
    fused = network.fuse(infrared, visible, [])
    torch.testing.assert_close(fused, network(infrared, visible), rtol=0, atol=2e-6)


def test_inference_leaves_the_images_as_they_were():
    network = build_random_student()
    infrared, visible = torch.rand(2, 1, 1, 32, 32)
    copies = infrared.clone(), visible.clone()
    network.fuse(infrared, visible, [])
    assert torch.equal(infrared, copies[0])
    assert torch.equal(visible, copies[1])


def test_every_parameter_gets_a_gradient_after_the_first_step():
    network = Student(8)
    torch.nn.init.normal_(network.coefficients.weight, std=0.05)
    network(*torch.rand(2, 1, 1, 32, 32)).square().mean().backward()
    assert [name for name, p in network.named_parameters() if p.grad is None] == []


def test_a_constant_pair_gives_a_constant_image():
    network = Student().eval()
    infrared, visible = (np.full((50, 70), level, np.uint8) for level in (40, 120))
    fused = tiled_inference.fuse_images(
        network, infrared, visible, tiled_inference.TilingOptions(), "cpu"
    )
    np.testing.assert_array_equal(fused, np.full((50, 70), 80, np.uint8))


def test_a_tile_equals_the_whole_image_away_from_its_borders():
    network = build_random_student()
    infrared, visible = sample_image(200, 330), sample_image(200, 330)
    whole, tiled = (
        tiled_inference.fuse_images(
            network, infrared, visible, tiled_inference.TilingOptions(tile, overlap=128), "cpu"
        ).astype(int)
        for tile in (None, 256)
    )
    assert len(np.unique(whole)) > 100
    # The padded width is 336: the tiles are columns 0 to 255 and 80 to 335. Either one alone has
    # the columns below 80 and from 256 on, 176 pixels and more from the border of that tile.
    difference = np.abs(whole - tiled)
    assert difference[:, :80].max() <= 1
    assert difference[:, 256:].max() <= 1
    assert difference.max() > 0  # the blended columns depend on pixels outside one of the tiles


def test_a_pixel_depends_on_pixels_up_to_a_hundred_away():
    network = build_random_student()
    infrared = torch.rand(1, 1, 32, 512, requires_grad=True)
    network(infrared, torch.rand(1, 1, 32, 512))[..., 256].sum().backward()
    columns = infrared.grad.abs().sum((0, 1, 2)).nonzero().flatten()
    assert 64 < 256 - int(columns.min()) <= 112
    assert 64 < int(columns.max()) - 256 <= 112


@pytest.mark.parametrize("width", [16, 24])
def test_the_network_is_small_and_fast_enough(width):
    # Limits: 0.05 million parameters and 1.0 GMAC for a pair of 640 x 480.
    with torch.device("meta"):
        network = Student(width)
    assert mac_counting.count_parameters(network) <= 50_000
    assert mac_counting.count_pair_macs(network, 480, 640).macs <= 1_000_000_000


def test_parameters_and_operations_are_those_counted_by_hand():
    # Stem 2*16*16 + 16; eight convolutions of 16*16*9 + 16; last layer 16*13 + 13.
    with torch.device("meta"):
        network = Student(16)
    assert mac_counting.count_parameters(network) == 528 + 8 * 2320 + 221
    # Of a pair of 16 x 16, with 16, 4 and 1 pixels at the three resolutions:
    # 512 and 208 per pixel of the first for stem and last layer, 2304 for each 3 x 3 convolution.
    expected = 16 * (512 + 208) + 4 * 5 * 2304 + 3 * 2304
    assert mac_counting.count_pair_macs(network, 16, 16).macs == expected
