"""Weights of the methods: what is asked for, what is refused, DMFuse's released files."""

import re

import numpy as np
import pytest
import torch

from fusebench.errors import UserError
from fusion.checkpoints import dmfuse_release, load_network, weights_file
from fusion.checkpoints.weights_file import WeightsMetadata
from fusion.methods import dmfuse, dmnet
from tests.helpers.reference_tensors import load_reference

RNG = np.random.default_rng(0)
INFRARED = RNG.integers(0, 256, (40, 50), dtype=np.uint8)
VISIBLE = RNG.integers(0, 256, (40, 50, 3), dtype=np.uint8)
DENOISING = {"inner": 4, "channels": 1, "schedule": "cosine", "timesteps": 2000}
HEAD = {
    "encoder": "diffusion",
    "interaction": "caim",
    "affinity": "paper",
    "scaled": False,
    "features_at": [5, 50, 100],
}
TOLD = {"denoising": DENOISING, "head": HEAD}
NETWORK = {"inner": 4, "features": 8, "heads": 2}


def network(told=TOLD, seed=0):
    torch.manual_seed(seed)
    return load_network.TrainedDMFuse(told, load_network.NoiseOptions())


@pytest.fixture
def weights(tmp_path):
    path = tmp_path / "mine.safetensors"
    weights_file.write_weights(
        path, network().state_dict(), WeightsMetadata("dmfuse", "fusion", TOLD)
    )
    return path


def fused(module, **options):
    return module.load(module.Options(**options), "cpu")(INFRARED, VISIBLE)


def test_a_fused_image_is_the_same_every_time_and_keeps_the_colors(weights):
    first = fused(dmfuse, weights=str(weights))
    torch.rand(3)
    assert np.array_equal(first, fused(dmfuse, weights=str(weights)))
    assert first.shape == VISIBLE.shape
    difference = first.astype(int) - VISIBLE  # the same in R, G and B but where it is clipped
    inside = ((first > 0) & (first < 255)).all(axis=2)
    assert inside.any()
    assert (np.ptp(difference[inside], axis=1) == 0).all()


def test_seed_steps_levels_and_precision_change_the_image(weights):
    plain = fused(dmfuse, weights=str(weights))
    for option in ({"seed": 1}, {"steps": (5, 50, 400)}, {"levels": "between"}):
        assert not np.array_equal(plain, fused(dmfuse, weights=str(weights), **option)), option
    narrow = fused(dmfuse, weights=str(weights), precision="bfloat16")
    assert 0 < np.abs(narrow.astype(int) - plain).mean() < 3


def test_the_sha256_of_the_weights_is_pinned(weights):
    before = dmfuse.dependency_hashes(dmfuse.Options(weights=str(weights)))
    weights_file.write_weights(
        weights, network(seed=1).state_dict(), WeightsMetadata("dmfuse", "fusion", TOLD)
    )
    assert dmfuse.dependency_hashes(dmfuse.Options(weights=str(weights))) != before


def test_half_precision_files_are_read_as_float32(tmp_path):
    path = tmp_path / "half.safetensors"
    weights_file.write_weights(
        path, network().state_dict(), WeightsMetadata("dmfuse", "fusion", TOLD), half=True
    )
    tensors, facts = weights_file.read_weights(path)
    assert facts.architecture == TOLD
    assert {t.dtype for t in tensors.values()} == {torch.float32}


def test_dmnet_fuses_from_its_weights(tmp_path):
    path = tmp_path / "net.safetensors"
    told = {"network": NETWORK, "timesteps": 2000}
    torch.manual_seed(0)
    made = load_network.TrainedDMNet(told, load_network.NoiseOptions()).network.state_dict()
    weights_file.write_weights(path, made, WeightsMetadata("dmnet", "2", told))
    first = fused(dmnet, weights=str(path))
    assert np.array_equal(first, fused(dmnet, weights=str(path)))
    assert not np.array_equal(first, fused(dmnet, weights=str(path), seed=1))


@pytest.mark.parametrize("part", ["transformer", "invertible", "attention"])
def test_dmnet_fuses_without_its_diffusion_module(tmp_path, part):
    """Rows of Table V: nothing is drawn, no level is told."""
    path = tmp_path / "net.safetensors"
    told = {
        "network": {**NETWORK, "diffusion_module": False, f"{part}_block": False},
        "timesteps": 2000,
    }
    made = load_network.TrainedDMNet(told, load_network.NoiseOptions()).network.state_dict()
    weights_file.write_weights(path, made, WeightsMetadata("dmnet", "2", told))
    first = fused(dmnet, weights=str(path))
    assert np.array_equal(first, fused(dmnet, weights=str(path), seed=1))


@pytest.mark.parametrize("head", [{"encoder": "cnn"}, {"interaction": "addition"}])
def test_dmfuse_s_ablations_fuse(tmp_path, head):
    path = tmp_path / "ablated.safetensors"
    told = {**TOLD, "head": {**HEAD, **head}}
    weights_file.write_weights(
        path, network(told).state_dict(), WeightsMetadata("dmfuse", "fusion", told)
    )
    assert fused(dmfuse, weights=str(path)).shape == VISIBLE.shape


@pytest.mark.parametrize(
    "told",
    [{}, {"denoising": DENOISING}, {"denoising": {**DENOISING, "inner": 7}, "head": HEAD}],
)
def test_a_file_that_describes_no_network_is_refused(tmp_path, told):
    path = tmp_path / "odd.safetensors"
    weights_file.write_weights(
        path, network().state_dict(), WeightsMetadata("dmfuse", "fusion", told)
    )
    with pytest.raises(UserError, match=r"odd\.safetensors: what it says of its network"):
        fused(dmfuse, weights=str(path))


DMNET = {"network": NETWORK, "timesteps": 2000}


@pytest.mark.parametrize(
    ("module", "told", "said"),
    [
        (dmfuse, {"denoising": DENOISING}, "head: Field required"),
        (dmfuse, {**TOLD, "denoising": [1]}, r"denoising: .*given: \[1\]"),
        (dmfuse, {**TOLD, "denoising": {**DENOISING, "inner": "x"}}, r"denoising\.inner: "),
        (dmfuse, {**TOLD, "denoising": {**DENOISING, "timesteps": -5}}, r"timesteps: .*-5"),
        (dmfuse, {**TOLD, "denoising": {**DENOISING, "timesteps": 10**15}}, "cannot be built"),
        (dmfuse, {**TOLD, "head": {**HEAD, "features_at": [-5, 50, 100]}}, "features_at.*-5"),
        (dmfuse, {**TOLD, "head": {**HEAD, "features_at": [5, 50, 2001]}}, "1 to 2000"),
        (dmfuse, {**TOLD, "head": {**HEAD, "depth": 3}}, r"head\.depth: "),
        (dmnet, {"timesteps": 2000}, "network: Field required"),
        (dmnet, {**DMNET, "network": [1]}, r"network: .*given: \[1\]"),
        (dmnet, {**DMNET, "network": {**NETWORK, "inner": "x"}}, r"network\.inner: "),
        (dmnet, {**DMNET, "network": {**NETWORK, "inner": 7}}, "cannot be built"),
        (dmnet, {**DMNET, "network": {**NETWORK, "heads": 0}}, "8 features, 0 heads"),
        (dmnet, {**DMNET, "network": {**NETWORK, "depth": 3}}, r"network\.depth: "),
        (dmnet, {**DMNET, "network": {**NETWORK, "time_steps": [5, 2001]}}, "1 to 2000"),
        (dmnet, {**DMNET, "timesteps": 0}, "timesteps: "),
    ],
)
@pytest.mark.parametrize("options", [{}, {"steps": (5, 50, 100), "width": 1}])
def test_what_describes_no_network_is_named(tmp_path, module, told, said, options):
    name, stage = ("dmfuse", "fusion") if module is dmfuse else ("dmnet", "2")
    path = tmp_path / "odd.safetensors"
    weights_file.write_weights(path, {"x": torch.zeros(1)}, WeightsMetadata(name, stage, told))
    if said == "cannot be built":
        options = {}  # with a width the file would be refused for that
    with pytest.raises(UserError, match=rf"odd\.safetensors: what it says of its network.*{said}"):
        fused(module, weights=str(path), **options)


def test_a_step_beyond_the_schedule_is_refused(weights):
    with pytest.raises(UserError, match=r"step 5000, but the noise schedule .* has 2000"):
        fused(dmfuse, weights=str(weights), steps=(5, 50, 5000))


def test_files_damaged_anywhere_are_refused(released_files, tmp_path):
    """One byte flipped at a time, all over the file: an error, or the same network."""
    top, gen, _ = released_files
    sound, facts = dmfuse_release.read_dmfuse_weights(top, gen)
    whole = top.read_bytes()
    refused = 0
    for place in range(0, len(whole), len(whole) // 60):
        damaged = bytearray(whole)
        damaged[place] ^= 0xFF
        top.write_bytes(bytes(damaged))
        try:
            tensors, told = dmfuse_release.read_dmfuse_weights(top, gen)
        except UserError:
            refused += 1
            continue
        assert told == facts
        assert tensors.keys() == sound.keys()
        assert all(torch.equal(tensors[name], sound[name]) for name in sound)
    assert refused > 30


@pytest.mark.parametrize(
    ("module", "options", "message"),
    [
        (dmnet, {}, "weights of dmfuse, stage fusion; expected dmnet"),
        (dmfuse, {"width": 0.25}, r"weights of width 0\.03125 \(4 channels\).*width 0\.25"),
        (dmfuse, {"steps": (5, 50)}, r"heads\.0\.conv\.weight has shape \(32, 12, 3, 3\)"),
    ],
)
def test_weights_of_something_else_are_refused(weights, module, options, message):
    with pytest.raises(UserError, match=message):
        fused(module, weights=str(weights), **options)


def test_weights_of_an_earlier_stage_are_refused(tmp_path):
    path = tmp_path / "early.safetensors"
    weights_file.write_weights(
        path, network().state_dict(), WeightsMetadata("dmfuse", "diffusion", TOLD)
    )
    with pytest.raises(UserError, match=r"stage diffusion; expected dmfuse, stage fusion: python"):
        fused(dmfuse, weights=str(path))


def test_missing_and_strange_tensors_are_named(tmp_path):
    path = tmp_path / "odd.safetensors"
    tensors = network().state_dict()
    tensors["extra"] = tensors.pop("fusion.decoder.last.bias")
    weights_file.write_weights(path, tensors, WeightsMetadata("dmfuse", "fusion", TOLD))
    with pytest.raises(UserError, match=r"decoder\.last\.bias is missing; extra is unknown"):
        fused(dmfuse, weights=str(path))


def test_a_truncated_file_is_refused(weights):
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(UserError, match=r"mine\.safetensors: cannot be read"):
        fused(dmfuse, weights=str(weights))


def test_no_file_is_an_error_with_the_command_that_makes_it(tmp_path):
    with pytest.raises(UserError, match=r"fusion\.train"):
        dmfuse.dependency_hashes(dmfuse.Options(weights=str(tmp_path / "dmfuse-fusion")))


class Malicious:
    """Would leave a file behind if it were unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def test_code_in_a_checkpoint_is_refused_and_not_run(tmp_path):
    victim, path = tmp_path / "executed", tmp_path / "model.model"
    torch.save({"conv_in1.conv2d.weight": Malicious(victim)}, path)
    with pytest.raises(UserError, match=r"model\.model: cannot be read"):
        fused(dmfuse, weights=str(path), denoising=str(path))
    assert not victim.exists()


@pytest.fixture
def released_files(tmp_path):
    """Both files under the released names, narrower than the released ones."""
    told = {**TOLD, "head": {**HEAD, "affinity": "code", "scaled": True}}
    ours = network(told)
    gen = {
        f"denoise_fn.{name}": ours.denoising.state_dict()[
            next(iter(dmfuse_release.rename_denoising_tensors({name: None})))
        ]
        for name, _ in load_reference("dmfuse_unet")["params"]
    }
    gen["betas"] = torch.zeros(2000)
    theirs = {new: old for old, new in dmfuse_release.HEAD_NAMES.items()}
    top = {}
    for name, tensor in ours.fusion.state_dict().items():
        stem, _, part = name.rpartition(".")
        top[theirs.get(name) or f"{theirs[stem]}.{part}"] = tensor
    unused = [
        f"{stem}conv2d.{part}"
        for stem in dmfuse_release.UNUSED_PREFIXES
        for part in ("weight", "bias")
    ]
    top |= {name: torch.zeros(3) for name in unused}
    torch.save(gen, tmp_path / "ddpm_gen.pth")
    torch.save(top, tmp_path / "model.model")
    return tmp_path / "model.model", tmp_path / "ddpm_gen.pth", ours


def test_the_released_files_together_are_the_same_network(released_files, tmp_path):
    top, gen, ours = released_files
    assert len(torch.load(top, weights_only=True)) == 57
    path = tmp_path / "ours.safetensors"
    told = {**TOLD, "head": {**HEAD, "affinity": "code", "scaled": True}}
    weights_file.write_weights(path, ours.state_dict(), WeightsMetadata("dmfuse", "fusion", told))
    expected = fused(dmfuse, weights=str(path))
    assert np.array_equal(expected, fused(dmfuse, weights=str(top), denoising=str(gen)))


def test_a_released_head_alone_asks_for_its_denoising_network(released_files):
    with pytest.raises(UserError, match=r"fusion head alone; .* option denoising"):
        fused(dmfuse, weights=str(released_files[0]))


def test_a_released_denoising_network_alone_is_named(released_files):
    with pytest.raises(UserError, match="a denoising network; expected"):
        fused(dmfuse, weights=str(released_files[1]))


def test_released_files_that_do_not_fit_are_named_with_their_shapes(released_files, tmp_path):
    top, gen, _ = released_files
    other = torch.load(gen, weights_only=True)
    other["denoise_fn.init_conv.weight"] = torch.zeros(8, 1, 3, 3)
    torch.save(other, gen)
    with pytest.raises(UserError, match=r"takes 12 channels, .* \(8, 1, 3, 3\) give 24"):
        fused(dmfuse, weights=str(top), denoising=str(gen))
    other["denoise_fn.init_conv.weight"] = torch.zeros(4, 3, 3, 3)
    torch.save(other, gen)
    with pytest.raises(UserError, match=r"denoising\.leave\.2\.weight has shape \(1, 4, 3, 3\)"):
        fused(dmfuse, weights=str(top), denoising=str(gen))


@pytest.mark.parametrize(
    ("number", "name", "shape"),
    [
        (0, "en0.conv1.conv2d.weight", (32,)),
        (0, "en0.conv1.conv2d.weight", (32, 12, 3)),
        (1, "denoise_fn.init_conv.weight", (4,)),
        (1, "denoise_fn.init_conv.weight", ()),
    ],
)
def test_released_files_with_kernels_that_are_none_are_named(released_files, number, name, shape):
    top, gen, _ = released_files
    tensors = torch.load(released_files[number], weights_only=True)
    tensors[name] = torch.zeros(shape)
    torch.save(tensors, released_files[number])
    told = f"{name.removeprefix('denoise_fn.')} has shape {shape}, expected the four sides"
    with pytest.raises(UserError, match=re.escape(f"{released_files[number]}: {told}")):
        fused(dmfuse, weights=str(top), denoising=str(gen))


def test_released_files_in_float64_are_the_same_network(released_files):
    top, gen, _ = released_files
    expected = fused(dmfuse, weights=str(top), denoising=str(gen))
    for path in (top, gen):
        tensors = torch.load(path, weights_only=True)
        torch.save({name: tensor.double() for name, tensor in tensors.items()}, path)
    assert np.array_equal(expected, fused(dmfuse, weights=str(top), denoising=str(gen)))


def test_tiles_smaller_than_their_overlap_are_refused():
    with pytest.raises(ValueError, match="at least twice the overlap"):
        dmfuse.Options(tile=64, overlap=48)
