"""DMNet's ablations: every row of Table V builds, and one step of its stages moves all of it."""

import dataclasses

import pytest
import torch

from fusion.networks.dmnet import stack_visible_infrared
from tests.helpers.dmnet_ablation_rows import ABLATION_ROWS
from tests.helpers.small_dmnet import (
    NOISE_LEVELS,
    SMALL_ARCHITECTURE,
    build_dmnet,
    make_images,
    make_noise,
)

SWITCHES = ("transformer_block", "invertible_block", "diffusion_module", "attention_block")


def row(name):
    marks = (mark == "1" for mark in ABLATION_ROWS[name][1:])
    return dataclasses.replace(SMALL_ARCHITECTURE, **dict(zip(SWITCHES, marks, strict=True)))


@pytest.mark.parametrize("name", ABLATION_ROWS)
def test_an_ablated_module_has_no_parameters(name):
    names = {key.rsplit(".", 2)[0] for key in build_dmnet(row(name)).state_dict()}
    found = (
        any(key.startswith("encoder.transformer") for key in names),
        any(key.startswith("encoder.invertible") for key in names),
        any(key.startswith("denoising") for key in names),
        any(key.startswith(("attention", "latent_attention")) for key in names),
    )
    assert found == tuple(mark == "1" for mark in ABLATION_ROWS[name][1:])


def loss_of_noise(network, clean):
    """L_dm of eq. 17 with unit noise at one level."""
    noise = make_noise(len(clean), dtype=clean.dtype)[0]
    level = torch.full((len(clean),), 0.8, dtype=clean.dtype)
    return (network.denoising(0.8 * clean + 0.6 * noise, level) - noise).square().mean()


def without_gradient(network):
    return [
        name
        for name, p in network.named_parameters()
        if p.grad is None or not p.grad.abs().max() > 1e-9
    ]


@pytest.mark.parametrize("name", ABLATION_ROWS)
def test_one_step_of_its_stages_moves_every_parameter(name):
    network = build_dmnet(row(name)).double()
    infrared, visible = make_images(1, dtype=torch.float64)
    if ABLATION_ROWS[name][0] == "1":  # two-stage training
        for image in (infrared, visible):
            (network.reconstruct(image) - image).square().mean().backward()
        if network.denoising is not None:
            loss_of_noise(network, stack_visible_infrared(infrared, visible)).backward()
        still = {key.split(".")[0] for key in without_gradient(network)}
        assert still <= {"joining", "latent", "latent_attention"}  # stage II's own
        network.zero_grad()
    fused = network.fuse(infrared, visible, NOISE_LEVELS, make_noise(1, dtype=torch.float64))
    loss = (fused - torch.maximum(infrared, visible)).abs().mean()
    if network.denoising is not None:
        loss = loss + loss_of_noise(network, stack_visible_infrared(infrared, visible))
    loss.backward()
    assert without_gradient(network) == []


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
def test_every_option_is_trained_whole(change):
    network = build_dmnet(dataclasses.replace(SMALL_ARCHITECTURE, **change)).double()
    infrared, visible = make_images(1, dtype=torch.float64)
    fused = network(infrared, visible, NOISE_LEVELS, make_noise(1, dtype=torch.float64))
    loss = fused.square().mean() + loss_of_noise(network, stack_visible_infrared(infrared, visible))
    loss.backward()
    assert without_gradient(network) == []
