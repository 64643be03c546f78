"""The student's network: its initial image, the affine map by hand, tiles, and its size."""

import numpy as np
import pytest
import torch

from fusion.networks import student, tiled_inference
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


def test_the_terms_are_those_of_the_affine_map():
    # One pixel of the coefficient map covers 4 x 4 pixels; the map is constant.
    coefficients = torch.tensor([2.0, -1.0, 0.5, 0.125]).reshape(1, 4, 1, 1).expand(1, 4, 2, 2)
    infrared, visible = torch.full((1, 1, 8, 8), 0.25), torch.full((1, 1, 8, 8), 0.75)
    fused = student.apply_coefficients(coefficients, student.STUDENT_TERMS, infrared, visible)
    # 2 * 0.25 - 0.75 + 0.5 * |0.25 - 0.75| + 0.125 = 0.125
    assert torch.equal(fused, torch.full((1, 1, 8, 8), 0.125))


def test_half_of_both_and_of_the_difference_is_the_maximum():
    coefficients = torch.full((1, 3, 4, 4), 0.5)
    infrared, visible = torch.rand(2, 1, 1, 16, 16)
    terms = ("infrared", "visible", "difference")
    fused = student.apply_coefficients(coefficients, terms, infrared, visible)
    torch.testing.assert_close(fused, torch.maximum(infrared, visible))


def test_coefficients_are_interpolated_between_the_centers_of_their_pixels():
    # Two columns of 0 and 1 at x = 1.5 and 5.5; linear between, constant outside.
    coefficients = torch.zeros(1, 3, 1, 2)
    coefficients[0, 2, 0, 1] = 1
    black = torch.zeros(1, 1, 4, 8)
    terms = ("infrared", "visible", "offset")
    fused = student.apply_coefficients(coefficients, terms, black, black)
    expected = torch.tensor([0, 0, 0.125, 0.375, 0.625, 0.875, 1, 1])
    torch.testing.assert_close(fused, expected.expand(1, 1, 4, 8))


@pytest.mark.parametrize("terms", [student.STUDENT_TERMS, ("visible", "infrared")])
def test_inference_with_opencv_equals_the_network(terms):
    network = build_random_student(terms=terms)
    infrared, visible = torch.rand(2, 2, 1, 48, 80)
    fused = network.fuse(infrared, visible, [])
    torch.testing.assert_close(fused, network(infrared, visible), rtol=0, atol=1e-6)


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
    # Stem 2*16*16 + 16; eight convolutions of 16*16*9 + 16; last layer 16*4 + 4.
    with torch.device("meta"):
        network = Student(16)
    assert mac_counting.count_parameters(network) == 528 + 8 * 2320 + 68
    # Of a pair of 16 x 16, with 16, 4 and 1 pixels at the three resolutions:
    # 512 and 64 per pixel of the first for stem and last layer, 2304 for each 3 x 3 convolution.
    expected = 16 * (512 + 64 + 2 * 2304) + 4 * 3 * 2304 + 3 * 2304
    assert mac_counting.count_pair_macs(network, 16, 16).macs == expected
