"""Closed-form tensors of the known answers: what the released modules were run on."""

import json

import pytest
import torch

from tests.helpers.paths import REFERENCE as REFERENCE_FOLDER

REFERENCE_FOLDER = REFERENCE_FOLDER


def load_reference(name):
    return json.loads((REFERENCE_FOLDER / f"{name}.json").read_text())


def make_sine_tensor(channels, height, width, phase=0.0):
    """sin(0.9 c + 0.21 y + 0.13 x + phase), (1, C, H, W) in float64."""
    c, y, x = torch.meshgrid(
        *(torch.arange(n, dtype=torch.float64) for n in (channels, height, width)), indexing="ij"
    )
    return torch.sin(0.9 * c + 0.21 * y + 0.13 * x + phase)[None]


def make_parameter_tensor(shape, number, factor):
    """factor sin(0.7 i + 0.13 k + 0.5) over the flat index i of tensor number k."""
    count = torch.Size(shape).numel()
    return (
        factor * torch.sin(0.7 * torch.arange(count, dtype=torch.float64) + 0.13 * number + 0.5)
    ).reshape(shape)


def summarize_tensor(x):
    """Mean, spread, and three elements, as the known answers hold them."""
    flat = x.flatten()
    return {
        "shape": list(x.shape),
        "mean": float(x.mean()),
        "std": float(x.std(correction=0)),
        "first": float(flat[0]),
        "mid": float(flat[len(flat) // 2]),
        "last": float(flat[-1]),
    }


def assert_summary_close(found, expected):
    """A summary is the known one, to 1e-9 relative."""
    assert found["shape"] == expected["shape"]
    for part in ("mean", "std", "first", "mid", "last"):
        assert found[part] == pytest.approx(expected[part], rel=1e-9, abs=1e-12), part


def assert_samples_close(found, expected):
    """Sample points are the known ones, to 1e-9 relative."""
    known = torch.tensor(expected, dtype=torch.float64)
    torch.testing.assert_close(found, known, rtol=1e-9, atol=1e-12)
