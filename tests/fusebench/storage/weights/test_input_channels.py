"""Growth of a first convolution to more input channels."""

import pytest
import torch

from fusebench.storage.weights.input_channels import grow_input_channels


def test_the_new_channel_is_the_mean_and_all_are_scaled():
    weight = torch.tensor([1.0, 2.0, 6.0]).reshape(1, 3, 1, 1)
    grown = grow_input_channels(weight, 4)
    assert grown.flatten().tolist() == [0.75, 1.5, 4.5, 2.25]


def test_an_image_of_equal_channels_has_the_same_response():
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(8, 3, 3, 3, generator=generator)
    gray = torch.rand(1, 1, 9, 7, generator=generator)
    before = torch.nn.functional.conv2d(gray.expand(-1, 3, -1, -1), weight)
    grown = grow_input_channels(weight, 4)
    after = torch.nn.functional.conv2d(gray.expand(-1, 4, -1, -1), grown)
    torch.testing.assert_close(after, before)


def test_the_same_number_of_channels_changes_nothing():
    weight = torch.randn(2, 3, 1, 1)
    assert grow_input_channels(weight, 3) is weight


def test_refuses_fewer_channels():
    with pytest.raises(ValueError, match="reads 4 channels"):
        grow_input_channels(torch.zeros(1, 4, 1, 1), 3)
