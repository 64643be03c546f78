"""CAIM, heads and decoder of DMFuse against the released modules and against brute force."""

import os
from pathlib import Path

import pytest
import torch

from fusion.checkpoints import dmfuse_release
from fusion.networks.blocks.cnn_encoder import ConvolutionalEncoder
from fusion.networks.caim import CrossAttentionInteraction, criss_cross_attention
from fusion.networks.denoising import DenoisingNetwork
from fusion.networks.dmfuse import FEATURE_BLOCKS, FusionNetwork
from tests.helpers.reference_tensors import (
    assert_samples_close,
    assert_summary_close,
    load_reference,
    make_parameter_tensor,
    make_sine_tensor,
    summarize_tensor,
)

RELEASED = "FUSEBENCH_DMFUSE_HEAD"  # where the released model.model lies, for those who have it


@torch.inference_mode()
def test_the_interaction_in_the_code_s_way_gives_the_released_answers():
    known = load_reference("dmfuse_caim")
    module = CrossAttentionInteraction(32, affinity="code", scaled=True).double()
    module.load_state_dict(
        {
            name.replace("_conv", ""): make_parameter_tensor(
                module.get_parameter(name.replace("_conv", "")).shape, k, 0.3
            )
            for k, name in enumerate(known["order"])
        }
    )
    module.gamma.fill_(0.8)
    both = module(make_sine_tensor(32, 5, 7), make_sine_tensor(32, 5, 7, 1.1))
    assert_summary_close(summarize_tensor(both[:, :32]), known["ir_out"])
    assert_summary_close(summarize_tensor(both[:, 32:]), known["vi_out"])
    assert_samples_close(both[0, :32:8], known["ir_sample"])
    assert_samples_close(both[0, 32::8], known["vi_sample"])


def brute_force(at, path, values):
    """The definition, pixel by pixel."""
    height, width = at.shape[1:]
    out = torch.zeros_like(values)
    for y in range(height):
        for x in range(width):
            places = [(y, j) for j in range(width)] + [(i, x) for i in range(height) if i != y]
            assert len(places) == height + width - 1
            affinity = torch.stack([at[:, y, x] @ path[:, i, j] for i, j in places])
            shares = affinity.softmax(0)
            out[:, y, x] = sum(
                s * values[:, i, j] for s, (i, j) in zip(shares, places, strict=True)
            )
    return out


@pytest.mark.parametrize("size", [(5, 7), (8, 3), (2, 2), (1, 6), (6, 1)])
@pytest.mark.parametrize("chunk", [1, 50, 1 << 22])
def test_criss_cross_attention_equals_the_double_loop(size, chunk, monkeypatch):
    monkeypatch.setattr("fusion.networks.caim.MAX_AFFINITIES", chunk)
    generator = torch.Generator().manual_seed(1)
    at, path = torch.randn(2, 2, 4, *size, dtype=torch.float64, generator=generator) * 3
    values = torch.randn(2, 6, *size, dtype=torch.float64, generator=generator)
    found = criss_cross_attention(at, path, values)
    for one in range(2):
        expected = brute_force(at[one], path[one], values[one])
        torch.testing.assert_close(found[one], expected, rtol=1e-12, atol=1e-12)


def test_large_affinities_do_not_overflow():
    at = torch.full((1, 1, 3, 4), 100.0)
    found = criss_cross_attention(at, at * 3, torch.ones(1, 2, 3, 4))
    torch.testing.assert_close(found, torch.ones(1, 2, 3, 4))


@pytest.mark.parametrize("affinity", ["paper", "code"])
def test_who_stands_at_the_pixel_and_who_on_its_path(affinity):
    """In the paper the own key stands at n, in the code the other modality's query."""
    torch.manual_seed(0)
    module = CrossAttentionInteraction(8, affinity=affinity).double()
    infrared, visible = torch.randn(2, 1, 8, 4, 5, dtype=torch.float64)
    own_key, other_query = module.key(infrared)[0], module.query(visible)[0]
    at, path = (own_key, other_query) if affinity == "paper" else (other_query, own_key)
    expected = infrared[0] + brute_force(at, path, module.value(infrared)[0])
    torch.testing.assert_close(module(infrared, visible)[0, :8], expected)


def test_equal_affinities_average_the_path():
    module = CrossAttentionInteraction(4, affinity="code").double()
    torch.nn.init.zeros_(module.query.weight)
    torch.nn.init.zeros_(module.query.bias)
    x = make_sine_tensor(4, 3, 4)
    values = module.value(x)[0]
    row, column = values.sum(2, keepdim=True), values.sum(1, keepdim=True)
    expected = x[0] + (row + column - values) / (3 + 4 - 1)
    torch.testing.assert_close(module(x, make_sine_tensor(4, 3, 4, 1.0))[0, :4], expected)


def test_gradients_through_the_chunks_are_right(monkeypatch):
    monkeypatch.setattr("fusion.networks.caim.MAX_AFFINITIES", 20)
    inputs = [torch.randn(1, c, 3, 4, dtype=torch.float64, requires_grad=True) for c in (2, 2, 3)]
    assert torch.autograd.gradcheck(criss_cross_attention, inputs)


@pytest.mark.parametrize(
    ("inner", "expected"), [(128, 1_775_534), (64, 946_094), (32, 531_374), (16, 324_014)]
)
def test_the_fusion_network_has_the_parameters_of_the_released_one_that_are_used(inner, expected):
    network = FusionNetwork(inner=inner, affinity="code", scaled=True)
    assert sum(p.numel() for p in network.parameters()) == expected


@pytest.mark.parametrize("options", [{}, {"interaction": "addition"}, {"steps": 1}])
@pytest.mark.parametrize("size", [(32, 32), (48, 80)])
def test_features_of_the_denoising_network_fit_the_fusion_network(options, size):
    denoising = DenoisingNetwork(channels=1, inner=4)
    network = FusionNetwork(inner=4, **options)
    with torch.inference_mode():
        found = denoising.extract_features(torch.zeros(1, 1, *size), torch.ones(1), FEATURE_BLOCKS)
        stacked = [torch.cat([level] * options.get("steps", 3), dim=1) for level in found]
        fused = network(stacked, stacked)
    assert fused.shape == (1, 1, *size)
    assert fused.abs().max() < 1


def test_the_convolutional_encoder_has_the_shapes_of_diffusion_features():
    denoising, encoder = (
        DenoisingNetwork(channels=1, inner=4),
        ConvolutionalEncoder(channels=1, inner=4),
    )
    image = torch.zeros(1, 1, 48, 32)
    with torch.inference_mode():
        expected = denoising.extract_features(image, torch.ones(1), FEATURE_BLOCKS)
        found = encoder(image)
    assert [f.shape for f in found] == [e.shape for e in expected]


def features():
    """What the released head was run on: infrared and visible, levels 1 to 5, three time steps."""
    widths, sizes = (32, 64, 128, 256, 256), (64, 32, 16, 8, 4)
    return (
        [
            torch.cat(
                [make_sine_tensor(w, s, s, 0.37 * t + 1.1 * m + 0.05 * level) for t in range(3)],
                dim=1,
            )
            for level, (w, s) in enumerate(zip(widths, sizes, strict=True))
        ]
        for m in range(2)
    )


def inside(network):
    """(fused, what the heads give for infrared and then visible, what the interaction gives)."""
    made, mixed = [], []
    hooks = [
        module.register_forward_hook(lambda _module, _given, one, to=to: to.append(one))
        for module, to in (*((head, made) for head in network.heads), (network.interaction, mixed))
    ]
    fused = network(*features())
    for hook in hooks:
        hook.remove()
    # The deepest level comes first, and of each the infrared image.
    return fused, made[::2][::-1] + made[1::2][::-1], mixed[::-1]


@torch.inference_mode()
def test_the_head_is_looked_into_in_the_order_of_the_known_answers():
    torch.manual_seed(0)
    network = FusionNetwork(inner=32, affinity="code", scaled=True).double()
    fused, made, mixed = inside(network)
    known = load_reference("dmfuse_head")["gamma_1"]
    for found, expected in ((made, known["enc"]), (mixed, known["fused"])):
        assert [list(one.shape) for one in found] == [one["shape"] for one in expected]
    assert list(fused.shape) == known["out"]["shape"]
    for level, both in enumerate(mixed):  # gamma is 0 at the start: nothing is added
        assert torch.equal(both, torch.cat((made[level], made[5 + level]), dim=1))


@pytest.mark.skipif(
    RELEASED not in os.environ, reason=f"set {RELEASED} to the released model.model"
)
@pytest.mark.parametrize("gamma", ["checkpoint_gamma", "gamma_1"])
@torch.inference_mode()
def test_the_released_head_gives_the_released_answers(gamma):
    known = load_reference("dmfuse_head")[gamma]
    tensors = torch.load(Path(os.environ[RELEASED]), map_location="cpu", weights_only=True)
    network = FusionNetwork(inner=32, affinity="code", scaled=True).double()
    network.load_state_dict(dmfuse_release.rename_head_tensors(tensors))
    if gamma == "gamma_1":
        network.interaction.gamma.fill_(1)
    fused, made, mixed = inside(network)
    for found, expected in zip((*made, *mixed), (*known["enc"], *known["fused"]), strict=True):
        assert_summary_close(summarize_tensor(found), expected)
    assert_summary_close(summarize_tensor(fused), known["out"])
    assert_samples_close(fused[0, 0, ::9, ::9], known["out_sample"])
