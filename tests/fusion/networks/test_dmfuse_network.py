"""CAIM, heads and decoder of DMFuse against the released modules and a brute-force version."""

import os
from pathlib import Path

import pytest
import torch

from fusion.checkpoints import dmfuse_release
from fusion.networks.blocks.cnn_encoder import ConvolutionalEncoder
from fusion.networks.caim import CrossAttentionInteraction, criss_cross_attention
from fusion.networks.denoising import DenoisingNetwork
from fusion.networks.dmfuse import FEATURE_BLOCKS, FusionNetwork
from tests.helpers.fusion.reference_tensors import (
    assert_samples_close,
    assert_summary_close,
    load_reference,
    make_parameter_tensor,
    make_sine_tensor,
    summarize_tensor,
)

RELEASED_HEAD = "FUSEBENCH_DMFUSE_HEAD"  # path of the released model.model, if available


@torch.inference_mode()
def test_the_code_variant_of_caim_reproduces_the_released_module():
    reference = load_reference("dmfuse_caim")
    module = CrossAttentionInteraction(32, affinity="code", scaled=True).double()
    module.load_state_dict(
        {
            name.replace("_conv", ""): make_parameter_tensor(
                module.get_parameter(name.replace("_conv", "")).shape, k, 0.3
            )
            for k, name in enumerate(reference["order"])
        }
    )
    module.gamma.fill_(0.8)
    output = module(make_sine_tensor(32, 5, 7), make_sine_tensor(32, 5, 7, 1.1))
    assert_summary_close(summarize_tensor(output[:, :32]), reference["ir_out"])
    assert_summary_close(summarize_tensor(output[:, 32:]), reference["vi_out"])
    assert_samples_close(output[0, :32:8], reference["ir_sample"])
    assert_samples_close(output[0, 32::8], reference["vi_sample"])


def attend_criss_cross_by_loops(pixel, path, values):
    """Criss-cross attention by definition, pixel by pixel."""
    height, width = pixel.shape[1:]
    output = torch.zeros_like(values)
    for y in range(height):
        for x in range(width):
            positions = [(y, j) for j in range(width)] + [(i, x) for i in range(height) if i != y]
            assert len(positions) == height + width - 1
            affinity = torch.stack([pixel[:, y, x] @ path[:, i, j] for i, j in positions])
            weights = affinity.softmax(0)
            output[:, y, x] = sum(
                weight * values[:, i, j] for weight, (i, j) in zip(weights, positions, strict=True)
            )
    return output


@pytest.mark.parametrize("size", [(5, 7), (8, 3), (2, 2), (1, 6), (6, 1)])
@pytest.mark.parametrize("chunk", [1, 50, 1 << 22])
def test_criss_cross_attention_equals_the_definition(size, chunk, monkeypatch):
    monkeypatch.setattr("fusion.networks.caim.MAX_AFFINITIES", chunk)
    generator = torch.Generator().manual_seed(1)
    pixel, path = torch.randn(2, 2, 4, *size, dtype=torch.float64, generator=generator) * 3
    values = torch.randn(2, 6, *size, dtype=torch.float64, generator=generator)
    output = criss_cross_attention(pixel, path, values)
    for index in range(2):
        expected = attend_criss_cross_by_loops(pixel[index], path[index], values[index])
        torch.testing.assert_close(output[index], expected, rtol=1e-12, atol=1e-12)


def test_large_affinities_do_not_overflow():
    pixel = torch.full((1, 1, 3, 4), 100.0)
    output = criss_cross_attention(pixel, pixel * 3, torch.ones(1, 2, 3, 4))
    torch.testing.assert_close(output, torch.ones(1, 2, 3, 4))


@pytest.mark.parametrize("affinity", ["paper", "code"])
def test_the_affinity_variant_swaps_key_and_query(affinity):
    """Paper: own key at n, other query on the path. Code: other query at n, own key on it."""
    torch.manual_seed(0)
    module = CrossAttentionInteraction(8, affinity=affinity).double()
    infrared, visible = torch.randn(2, 1, 8, 4, 5, dtype=torch.float64)
    own_key, other_query = module.key(infrared)[0], module.query(visible)[0]
    pixel, path = (own_key, other_query) if affinity == "paper" else (other_query, own_key)
    expected = infrared[0] + attend_criss_cross_by_loops(pixel, path, module.value(infrared)[0])
    torch.testing.assert_close(module(infrared, visible)[0, :8], expected)


def test_equal_affinities_average_over_the_path():
    module = CrossAttentionInteraction(4, affinity="code").double()
    torch.nn.init.zeros_(module.query.weight)
    torch.nn.init.zeros_(module.query.bias)
    x = make_sine_tensor(4, 3, 4)
    values = module.value(x)[0]
    row, column = values.sum(2, keepdim=True), values.sum(1, keepdim=True)
    expected = x[0] + (row + column - values) / (3 + 4 - 1)
    torch.testing.assert_close(module(x, make_sine_tensor(4, 3, 4, 1.0))[0, :4], expected)


def test_gradients_through_chunks_agree_with_finite_differences(monkeypatch):
    monkeypatch.setattr("fusion.networks.caim.MAX_AFFINITIES", 20)
    inputs = [torch.randn(1, c, 3, 4, dtype=torch.float64, requires_grad=True) for c in (2, 2, 3)]
    assert torch.autograd.gradcheck(criss_cross_attention, inputs)


@pytest.mark.parametrize(
    ("inner", "expected"), [(128, 1_775_534), (64, 946_094), (32, 531_374), (16, 324_014)]
)
def test_parameter_counts_are_those_of_the_used_modules_of_the_released_network(inner, expected):
    network = FusionNetwork(inner=inner, affinity="code", scaled=True)
    assert sum(p.numel() for p in network.parameters()) == expected


@pytest.mark.parametrize("options", [{}, {"interaction": "addition"}, {"steps": 1}])
@pytest.mark.parametrize("size", [(32, 32), (48, 80)])
def test_the_fusion_network_accepts_features_of_the_denoising_network(options, size):
    denoising = DenoisingNetwork(channels=1, inner=4)
    network = FusionNetwork(inner=4, **options)
    with torch.inference_mode():
        features = denoising.extract_features(
            torch.zeros(1, 1, *size), torch.ones(1), FEATURE_BLOCKS
        )
        stacked = [torch.cat([level] * options.get("steps", 3), dim=1) for level in features]
        fused = network(stacked, stacked)
    assert fused.shape == (1, 1, *size)
    assert fused.abs().max() < 1


def test_cnn_encoder_features_have_the_shapes_of_diffusion_features():
    denoising, encoder = (
        DenoisingNetwork(channels=1, inner=4),
        ConvolutionalEncoder(channels=1, inner=4),
    )
    image = torch.zeros(1, 1, 48, 32)
    with torch.inference_mode():
        expected = denoising.extract_features(image, torch.ones(1), FEATURE_BLOCKS)
        features = encoder(image)
    assert [feature.shape for feature in features] == [feature.shape for feature in expected]


def make_released_head_inputs():
    """Inputs of the released head: infrared and visible, levels 1 to 5, three time steps."""
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


def run_with_intermediate_outputs(network):
    """Fused image, head outputs (infrared, then visible levels), and interaction outputs."""
    head_outputs, interaction_outputs = [], []
    modules = [(head, head_outputs) for head in network.heads]
    hooks = [
        module.register_forward_hook(
            lambda _module, _inputs, output, outputs=outputs: outputs.append(output)
        )
        for module, outputs in (*modules, (network.interaction, interaction_outputs))
    ]
    fused = network(*make_released_head_inputs())
    for hook in hooks:
        hook.remove()
    # The deepest level runs first, and in each level infrared before visible.
    infrared, visible = head_outputs[::2][::-1], head_outputs[1::2][::-1]
    return fused, infrared + visible, interaction_outputs[::-1]


@torch.inference_mode()
def test_intermediate_outputs_are_in_the_order_of_the_reference():
    torch.manual_seed(0)
    network = FusionNetwork(inner=32, affinity="code", scaled=True).double()
    fused, heads, interactions = run_with_intermediate_outputs(network)
    reference = load_reference("dmfuse_head")["gamma_1"]
    for outputs, expected in ((heads, reference["enc"]), (interactions, reference["fused"])):
        assert [list(output.shape) for output in outputs] == [e["shape"] for e in expected]
    assert list(fused.shape) == reference["out"]["shape"]
    for level, interaction in enumerate(interactions):  # initially gamma is 0: nothing is added
        assert torch.equal(interaction, torch.cat((heads[level], heads[5 + level]), dim=1))


@pytest.mark.skipif(
    RELEASED_HEAD not in os.environ, reason=f"set {RELEASED_HEAD} to the released model.model"
)
@pytest.mark.parametrize("gamma", ["checkpoint_gamma", "gamma_1"])
@torch.inference_mode()
def test_the_released_weights_reproduce_the_released_outputs(gamma):
    reference = load_reference("dmfuse_head")[gamma]
    tensors = torch.load(Path(os.environ[RELEASED_HEAD]), map_location="cpu", weights_only=True)
    network = FusionNetwork(inner=32, affinity="code", scaled=True).double()
    network.load_state_dict(dmfuse_release.rename_head_tensors(tensors))
    if gamma == "gamma_1":
        network.interaction.gamma.fill_(1)
    fused, heads, interactions = run_with_intermediate_outputs(network)
    summaries = (*reference["enc"], *reference["fused"])
    for output, expected in zip((*heads, *interactions), summaries, strict=True):
        assert_summary_close(summarize_tensor(output), expected)
    assert_summary_close(summarize_tensor(fused), reference["out"])
    assert_samples_close(fused[0, 0, ::9, ::9], reference["out_sample"])
