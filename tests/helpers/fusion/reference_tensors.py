"""Reference values of the released modules, and the closed-form tensors they were run on."""

import json

import pytest
import torch

from tests.helpers.paths import REFERENCE


def load_reference(name):
    """Read the reference values in tests/reference/<name>.json."""
    return json.loads((REFERENCE / f"{name}.json").read_text())


def make_sine_tensor(channels, height, width, phase=0.0):
    """Compute sin(0.9 c + 0.21 y + 0.13 x + phase), (1, C, H, W) in float64."""
    c, y, x = torch.meshgrid(
        *(torch.arange(n, dtype=torch.float64) for n in (channels, height, width)), indexing="ij"
    )
    return torch.sin(0.9 * c + 0.21 * y + 0.13 * x + phase)[None]


def make_parameter_tensor(shape, number, factor):
    """Compute factor sin(0.7 i + 0.13 k + 0.5) over the flat index i of tensor number k."""
    i = torch.arange(torch.Size(shape).numel(), dtype=torch.float64)
    return (factor * torch.sin(0.7 * i + 0.13 * number + 0.5)).reshape(shape)


def summarize_tensor(x):
    """Summarize a tensor by shape, mean, standard deviation and three elements."""
    flat = x.flatten()
    return {
        "shape": list(x.shape),
        "mean": float(x.mean()),
        "std": float(x.std(correction=0)),
        "first": float(flat[0]),
        "mid": float(flat[len(flat) // 2]),
        "last": float(flat[-1]),
    }


def assert_summary_close(actual, expected):
    """Assert that two summaries agree to 1e-9 relative."""
    assert actual["shape"] == expected["shape"]
    for statistic in ("mean", "std", "first", "mid", "last"):
        assert actual[statistic] == pytest.approx(expected[statistic], rel=1e-9, abs=1e-12), (
            statistic
        )


def assert_samples_close(actual, expected):
    """Assert that sampled elements agree to 1e-9 relative."""
    expected = torch.tensor(expected, dtype=torch.float64)
    torch.testing.assert_close(actual, expected, rtol=1e-9, atol=1e-12)
