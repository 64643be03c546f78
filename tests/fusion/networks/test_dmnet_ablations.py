"""Ablations of DMNet: every row of Table V can be built, and all its parameters are trained."""

import dataclasses

import pytest
import torch

from fusion.networks.dmnet import stack_visible_infrared
from tests.helpers.fusion.dmnet_ablation_rows import ABLATION_ROWS
from tests.helpers.fusion.small_dmnet import (
    NOISE_LEVELS,
    SMALL_ARCHITECTURE,
    build_dmnet,
    make_images,
    make_noise,
)

SWITCHES = ("transformer_block", "invertible_block", "diffusion_module", "attention_block")


def build_architecture(row):
    """The small architecture with the modules of a row of Table V."""
    switches = (mark == "1" for mark in ABLATION_ROWS[row][1:])
    return dataclasses.replace(SMALL_ARCHITECTURE, **dict(zip(SWITCHES, switches, strict=True)))


@pytest.mark.parametrize("row", ABLATION_ROWS)
def test_exactly_the_modules_of_the_row_have_parameters(row):
    prefixes = {
        name.rsplit(".", 2)[0] for name in build_dmnet(build_architecture(row)).state_dict()
    }
    has_module = (
        any(name.startswith("encoder.transformer") for name in prefixes),
        any(name.startswith("encoder.invertible") for name in prefixes),
        any(name.startswith("denoising") for name in prefixes),
        any(name.startswith(("attention", "latent_attention")) for name in prefixes),
    )
    assert has_module == tuple(mark == "1" for mark in ABLATION_ROWS[row][1:])


def compute_noise_loss(network, clean):
    """L_dm of eq. 17 with unit noise at one level."""
    noise = make_noise(len(clean), dtype=clean.dtype)[0]
    level = torch.full((len(clean),), 0.8, dtype=clean.dtype)
    return (network.denoising(0.8 * clean + 0.6 * noise, level) - noise).square().mean()


def list_parameters_without_gradient(network):
    return [
        name
        for name, p in network.named_parameters()
        if p.grad is None or not p.grad.abs().max() > 1e-9
    ]


@pytest.mark.parametrize("row", ABLATION_ROWS)
def test_every_parameter_gets_a_gradient_in_one_of_the_stages(row):
    network = build_dmnet(build_architecture(row)).double()
    infrared, visible = make_images(1, dtype=torch.float64)
    if ABLATION_ROWS[row][0] == "1":  # two-stage training
        for image in (infrared, visible):
            (network.reconstruct(image) - image).square().mean().backward()
        if network.denoising is not None:
            compute_noise_loss(network, stack_visible_infrared(infrared, visible)).backward()
        untrained = {name.split(".")[0] for name in list_parameters_without_gradient(network)}
        assert untrained <= {"joining", "latent", "latent_attention"}  # trained in stage II
        network.zero_grad()
    fused = network.fuse(infrared, visible, NOISE_LEVELS, make_noise(1, dtype=torch.float64))
    loss = (fused - torch.maximum(infrared, visible)).abs().mean()
    if network.denoising is not None:
        loss = loss + compute_noise_loss(network, stack_visible_infrared(infrared, visible))
    loss.backward()
    assert list_parameters_without_gradient(network) == []


@pytest.mark.parametrize(
    "change",
    [
        {"transformer": "parallel"},
        {"diffused": "mixed"},
        {"latent_kernel": 3},
        {"latent_blocks": "first"},
        {"residual": "visible"},
    ],
)
def test_every_option_trains_all_parameters(change):
    network = build_dmnet(dataclasses.replace(SMALL_ARCHITECTURE, **change)).double()
    infrared, visible = make_images(1, dtype=torch.float64)
    fused = network(infrared, visible, NOISE_LEVELS, make_noise(1, dtype=torch.float64))
    loss = fused.square().mean() + compute_noise_loss(
        network, stack_visible_infrared(infrared, visible)
    )
    loss.backward()
    assert list_parameters_without_gradient(network) == []
