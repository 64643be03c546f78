"""Bytes of arrays and tensors at the same time, against sums by hand."""

import numpy as np
import pytest
import torch

from fusebench.runtime.memory import array_bytes, tensor_bytes


def test_arrays_that_exist_at_the_same_time_are_counted_per_pixel():
    def call(images):
        first = images[0].astype(np.float64)  # 8 bytes
        second = images[1].astype(np.float32)  # 4 bytes
        del second
        return first + 1, np.ones(100_000)  # 8 more; a constant size does not count

    assert array_bytes.measure_bytes_per_pixel(call, 2) == pytest.approx(16, abs=0.1)


def test_a_call_that_makes_no_array_needs_nothing():
    assert array_bytes.measure_bytes_per_pixel(lambda images: None, 1) == pytest.approx(0, abs=0.1)


def test_tensors_that_exist_at_the_same_time_are_counted():
    image = torch.empty(1000, device="meta")  # of before: not counted

    def call():
        first = image * 2  # 4000 bytes
        first = first + 1  # 8000 at this moment, then 4000
        view = first[10:].reshape(-1)  # no memory
        view.add_(1)  # in place
        return first.double()  # 4000 + 8000

    assert tensor_bytes.count_peak_bytes(call) == 12_000


def test_a_network_is_copied_to_the_meta_device_without_its_values():
    network = torch.nn.Sequential(torch.nn.Conv2d(1, 8, 3), torch.nn.BatchNorm2d(8)).eval()
    copied = tensor_bytes.copy_to_meta(network)
    assert {tensor.device.type for tensor in copied.state_dict().values()} == {"meta"}
    assert network[0].weight.device.type == "cpu"
    image = torch.empty(1, 1, 102, 102, device="meta")
    peak = tensor_bytes.count_peak_bytes(lambda: copied(image))
    assert peak == pytest.approx(2 * 8 * 100 * 100 * 4, rel=0.01)  # input and output of the norm
