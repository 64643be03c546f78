"""Weights of the fusion methods: options, validation, and DMFuse's released files."""

import re

import numpy as np
import pytest
import torch

from fusebench.errors import UserError
from fusion.checkpoints import dmfuse_release, load_network, weights_file
from fusion.checkpoints.weights_file import WeightsMetadata
from fusion.methods import dmfuse, dmnet
from tests.helpers.fusion.reference_tensors import load_reference

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
ARCHITECTURE = {"denoising": DENOISING, "head": HEAD}
NETWORK = {"inner": 4, "features": 8, "heads": 2}


def build_dmfuse(architecture=ARCHITECTURE, seed=0):
    torch.manual_seed(seed)
    return load_network.TrainedDMFuse(architecture, load_network.NoiseOptions())


@pytest.fixture
def weights(tmp_path):
    path = tmp_path / "weights.safetensors"
    weights_file.write_weights(
        path, build_dmfuse().state_dict(), WeightsMetadata("dmfuse", "fusion", ARCHITECTURE)
    )
    return path


def fuse(method, **options):
    return method.load(method.Options(**options), "cpu")(INFRARED, VISIBLE)


def test_fusion_is_deterministic_and_keeps_the_colors(weights):
    first = fuse(dmfuse, weights=str(weights))
    torch.rand(3)
    assert np.array_equal(first, fuse(dmfuse, weights=str(weights)))
    assert first.shape == VISIBLE.shape
    difference = first.astype(int) - VISIBLE  # equal in R, G and B except where it is clipped
    is_unclipped = ((first > 0) & (first < 255)).all(axis=2)
    assert is_unclipped.any()
    assert (np.ptp(difference[is_unclipped], axis=1) == 0).all()


def test_seed_steps_levels_and_precision_change_the_image(weights):
    default = fuse(dmfuse, weights=str(weights))
    for option in ({"seed": 1}, {"steps": (5, 50, 400)}, {"levels": "between"}):
        assert not np.array_equal(default, fuse(dmfuse, weights=str(weights), **option)), option
    bfloat16 = fuse(dmfuse, weights=str(weights), precision="bfloat16")
    assert 0 < np.abs(bfloat16.astype(int) - default).mean() < 3


def test_dependency_hashes_change_with_the_weights(weights):
    before = dmfuse.dependency_hashes(dmfuse.Options(weights=str(weights)))
    weights_file.write_weights(
        weights,
        build_dmfuse(seed=1).state_dict(),
        WeightsMetadata("dmfuse", "fusion", ARCHITECTURE),
    )
    assert dmfuse.dependency_hashes(dmfuse.Options(weights=str(weights))) != before


def test_half_precision_files_are_read_as_float32(tmp_path):
    path = tmp_path / "half.safetensors"
    weights_file.write_weights(
        path,
        build_dmfuse().state_dict(),
        WeightsMetadata("dmfuse", "fusion", ARCHITECTURE),
        half=True,
    )
    tensors, metadata = weights_file.read_weights(path)
    assert metadata.architecture == ARCHITECTURE
    assert {t.dtype for t in tensors.values()} == {torch.float32}


def test_dmnet_fuses_with_its_weights(tmp_path):
    path = tmp_path / "net.safetensors"
    architecture = {"network": NETWORK, "timesteps": 2000}
    torch.manual_seed(0)
    trained = load_network.TrainedDMNet(architecture, load_network.NoiseOptions())
    tensors = trained.network.state_dict()
    weights_file.write_weights(path, tensors, WeightsMetadata("dmnet", "2", architecture))
    first = fuse(dmnet, weights=str(path))
    assert np.array_equal(first, fuse(dmnet, weights=str(path)))
    assert not np.array_equal(first, fuse(dmnet, weights=str(path), seed=1))


@pytest.mark.parametrize("part", ["transformer", "invertible", "attention"])
def test_dmnet_fuses_without_its_diffusion_module(tmp_path, part):
    """Rows of Table V: no noise is sampled and no noise level is used."""
    path = tmp_path / "net.safetensors"
    architecture = {
        "network": {**NETWORK, "diffusion_module": False, f"{part}_block": False},
        "timesteps": 2000,
    }
    trained = load_network.TrainedDMNet(architecture, load_network.NoiseOptions())
    tensors = trained.network.state_dict()
    weights_file.write_weights(path, tensors, WeightsMetadata("dmnet", "2", architecture))
    first = fuse(dmnet, weights=str(path))
    assert np.array_equal(first, fuse(dmnet, weights=str(path), seed=1))


@pytest.mark.parametrize("head", [{"encoder": "cnn"}, {"interaction": "addition"}])
def test_ablations_of_dmfuse_fuse(tmp_path, head):
    path = tmp_path / "ablated.safetensors"
    architecture = {**ARCHITECTURE, "head": {**HEAD, **head}}
    weights_file.write_weights(
        path,
        build_dmfuse(architecture).state_dict(),
        WeightsMetadata("dmfuse", "fusion", architecture),
    )
    assert fuse(dmfuse, weights=str(path)).shape == VISIBLE.shape


@pytest.mark.parametrize(
    "architecture",
    [{}, {"denoising": DENOISING}, {"denoising": {**DENOISING, "inner": 7}, "head": HEAD}],
)
def test_invalid_architecture_is_an_error(tmp_path, architecture):
    path = tmp_path / "odd.safetensors"
    weights_file.write_weights(
        path, build_dmfuse().state_dict(), WeightsMetadata("dmfuse", "fusion", architecture)
    )
    with pytest.raises(UserError, match=r"odd\.safetensors: its architecture"):
        fuse(dmfuse, weights=str(path))


DMNET_ARCHITECTURE = {"network": NETWORK, "timesteps": 2000}


@pytest.mark.parametrize(
    ("method", "architecture", "message"),
    [
        (dmfuse, {"denoising": DENOISING}, "head: Field required"),
        (dmfuse, {**ARCHITECTURE, "denoising": [1]}, r"denoising: .*given: \[1\]"),
        (dmfuse, {**ARCHITECTURE, "denoising": {**DENOISING, "inner": "x"}}, r"denoising\.inner: "),
        (dmfuse, {**ARCHITECTURE, "denoising": {**DENOISING, "timesteps": -5}}, r"timesteps: .*-5"),
        (
            dmfuse,
            {**ARCHITECTURE, "denoising": {**DENOISING, "timesteps": 10**15}},
            r"timesteps: .*less than or equal to 100000",
        ),
        (
            dmfuse,
            {**ARCHITECTURE, "head": {**HEAD, "features_at": [-5, 50, 100]}},
            "features_at.*-5",
        ),
        (dmfuse, {**ARCHITECTURE, "head": {**HEAD, "features_at": [5, 50, 2001]}}, "1 to 2000"),
        (dmfuse, {**ARCHITECTURE, "head": {**HEAD, "depth": 3}}, r"head\.depth: "),
        (dmnet, {"timesteps": 2000}, "network: Field required"),
        (dmnet, {**DMNET_ARCHITECTURE, "network": [1]}, r"network: .*given: \[1\]"),
        (dmnet, {**DMNET_ARCHITECTURE, "network": {**NETWORK, "inner": "x"}}, r"network\.inner: "),
        (dmnet, {**DMNET_ARCHITECTURE, "network": {**NETWORK, "inner": 7}}, "cannot be built"),
        (dmnet, {**DMNET_ARCHITECTURE, "network": {**NETWORK, "heads": 0}}, "8 features, 0 heads"),
        (dmnet, {**DMNET_ARCHITECTURE, "network": {**NETWORK, "depth": 3}}, r"network\.depth: "),
        (
            dmnet,
            {**DMNET_ARCHITECTURE, "network": {**NETWORK, "time_steps": [5, 2001]}},
            "1 to 2000",
        ),
        (dmnet, {**DMNET_ARCHITECTURE, "timesteps": 0}, "timesteps: "),
    ],
)
@pytest.mark.parametrize("options", [{}, {"steps": (5, 50, 100), "width": 1}])
def test_error_names_the_invalid_part_of_an_architecture(
    tmp_path, method, architecture, message, options
):
    name, stage = ("dmfuse", "fusion") if method is dmfuse else ("dmnet", "2")
    path = tmp_path / "odd.safetensors"
    weights_file.write_weights(
        path, {"x": torch.zeros(1)}, WeightsMetadata(name, stage, architecture)
    )
    if message == "cannot be built":
        options = {}  # with a width, the width would be the error
    with pytest.raises(UserError, match=rf"odd\.safetensors: its architecture.*{message}"):
        fuse(method, weights=str(path), **options)


def test_step_beyond_the_schedule_is_an_error(weights):
    with pytest.raises(UserError, match=r"step 5000, but the noise schedule .* has 2000"):
        fuse(dmfuse, weights=str(weights), steps=(5, 50, 5000))


def test_no_flipped_byte_is_read_as_another_network(released_files, tmp_path):
    """One byte is flipped at a time, all over the file: an error, or the same network."""
    head_path, denoising_path, _ = released_files
    original, metadata = dmfuse_release.read_dmfuse_weights(head_path, denoising_path)
    content = head_path.read_bytes()
    error_count = 0
    for index in range(0, len(content), len(content) // 60):
        damaged = bytearray(content)
        damaged[index] ^= 0xFF
        head_path.write_bytes(bytes(damaged))
        try:
            tensors, read_metadata = dmfuse_release.read_dmfuse_weights(head_path, denoising_path)
        except UserError:
            error_count += 1
            continue
        assert read_metadata == metadata
        assert tensors.keys() == original.keys()
        assert all(torch.equal(tensors[name], original[name]) for name in original)
    assert error_count > 30


@pytest.mark.parametrize(
    ("method", "options", "message"),
    [
        (dmnet, {}, "weights of dmfuse, stage fusion; expected dmnet"),
        (dmfuse, {"width": 0.25}, r"weights of width 0\.03125 \(4 channels\).*width 0\.25"),
        (dmfuse, {"steps": (5, 50)}, r"heads\.0\.conv\.weight has shape \(32, 12, 3, 3\)"),
    ],
)
def test_weights_of_another_network_are_an_error(weights, method, options, message):
    with pytest.raises(UserError, match=message):
        fuse(method, weights=str(weights), **options)


def test_weights_of_an_earlier_stage_are_an_error(tmp_path):
    path = tmp_path / "early.safetensors"
    weights_file.write_weights(
        path, build_dmfuse().state_dict(), WeightsMetadata("dmfuse", "diffusion", ARCHITECTURE)
    )
    with pytest.raises(
        UserError, match=r"stage diffusion; expected dmfuse, stage fusion: train them with python"
    ):
        fuse(dmfuse, weights=str(path))


def test_error_names_missing_and_unknown_tensors(tmp_path):
    path = tmp_path / "odd.safetensors"
    tensors = build_dmfuse().state_dict()
    tensors["extra"] = tensors.pop("fusion.decoder.last.bias")
    weights_file.write_weights(path, tensors, WeightsMetadata("dmfuse", "fusion", ARCHITECTURE))
    with pytest.raises(UserError, match=r"decoder\.last\.bias is missing; extra is unknown"):
        fuse(dmfuse, weights=str(path))


def test_truncated_file_is_an_error(weights):
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(UserError, match=r"weights\.safetensors: cannot be read"):
        fuse(dmfuse, weights=str(weights))


def test_error_of_a_missing_file_has_the_command_that_trains_it(tmp_path):
    with pytest.raises(UserError, match=r"fusion\.train"):
        dmfuse.dependency_hashes(dmfuse.Options(weights=str(tmp_path / "dmfuse-fusion")))


class Malicious:
    """Creates a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def test_code_in_a_checkpoint_is_an_error_and_is_not_executed(tmp_path):
    created, path = tmp_path / "executed", tmp_path / "model.model"
    torch.save({"conv_in1.conv2d.weight": Malicious(created)}, path)
    with pytest.raises(UserError, match=r"model\.model: cannot be read"):
        fuse(dmfuse, weights=str(path), denoising=str(path))
    assert not created.exists()


@pytest.fixture
def released_files(tmp_path):
    """Files in the released format, of a narrower network: head, denoising network; the network."""
    architecture = {**ARCHITECTURE, "head": {**HEAD, "affinity": "code", "scaled": True}}
    network = build_dmfuse(architecture)
    denoising = {
        f"denoise_fn.{name}": network.denoising.state_dict()[
            next(iter(dmfuse_release.rename_denoising_tensors({name: None})))
        ]
        for name, _ in load_reference("dmfuse_unet")["params"]
    }
    denoising["betas"] = torch.zeros(2000)
    released_names = {new: old for old, new in dmfuse_release.HEAD_NAMES.items()}
    head = {}
    for name, tensor in network.fusion.state_dict().items():
        stem, _, part = name.rpartition(".")
        head[released_names.get(name) or f"{released_names[stem]}.{part}"] = tensor
    unused = [
        f"{stem}conv2d.{part}"
        for stem in dmfuse_release.UNUSED_PREFIXES
        for part in ("weight", "bias")
    ]
    head |= {name: torch.zeros(3) for name in unused}
    torch.save(denoising, tmp_path / "ddpm_gen.pth")
    torch.save(head, tmp_path / "model.model")
    return tmp_path / "model.model", tmp_path / "ddpm_gen.pth", network


def test_released_files_are_the_same_network(released_files, tmp_path):
    head_path, denoising_path, network = released_files
    assert len(torch.load(head_path, weights_only=True)) == 57
    path = tmp_path / "network.safetensors"
    architecture = {**ARCHITECTURE, "head": {**HEAD, "affinity": "code", "scaled": True}}
    metadata = WeightsMetadata("dmfuse", "fusion", architecture)
    weights_file.write_weights(path, network.state_dict(), metadata)
    expected = fuse(dmfuse, weights=str(path))
    fused = fuse(dmfuse, weights=str(head_path), denoising=str(denoising_path))
    assert np.array_equal(expected, fused)


def test_released_files_may_have_prefixes_and_containers(released_files, tmp_path):
    head_path, denoising_path, _ = released_files
    expected = fuse(dmfuse, weights=str(head_path), denoising=str(denoising_path))
    for path, wrap in (
        (head_path, lambda tensors: {f"module.{name}": t for name, t in tensors.items()}),
        (denoising_path, lambda tensors: {f"netG._orig_mod.{n}": t for n, t in tensors.items()}),
    ):
        tensors = torch.load(path, weights_only=True)
        torch.save({"state_dict": wrap(tensors), "best": np.float64(1)}, path)
    fused = fuse(dmfuse, weights=str(head_path), denoising=str(denoising_path))
    assert np.array_equal(expected, fused)


def test_weights_that_are_not_finite_are_refused_by_name(released_files, tmp_path):
    head_path, denoising_path, _ = released_files
    tensors = torch.load(denoising_path, weights_only=True)
    tensors["denoise_fn.init_conv.weight"][0] = float("nan")
    torch.save(tensors, denoising_path)
    with pytest.raises(UserError, match=r"ddpm_gen\.pth: entry\.weight is not finite"):
        dmfuse.check(dmfuse.Options(weights=str(head_path), denoising=str(denoising_path)))


def test_released_head_needs_the_option_denoising(released_files):
    with pytest.raises(UserError, match=r"fusion head without .* option denoising"):
        fuse(dmfuse, weights=str(released_files[0]))


def test_error_names_a_denoising_network_given_as_weights(released_files):
    with pytest.raises(UserError, match="a denoising network; expected"):
        fuse(dmfuse, weights=str(released_files[1]))


def test_error_of_released_files_that_do_not_fit_has_their_shapes(released_files, tmp_path):
    head_path, denoising_path, _ = released_files
    tensors = torch.load(denoising_path, weights_only=True)
    tensors["denoise_fn.init_conv.weight"] = torch.zeros(8, 1, 3, 3)
    torch.save(tensors, denoising_path)
    with pytest.raises(UserError, match=r"takes 12 channels, .* \(8, 1, 3, 3\) give 24"):
        fuse(dmfuse, weights=str(head_path), denoising=str(denoising_path))
    tensors["denoise_fn.init_conv.weight"] = torch.zeros(4, 3, 3, 3)
    torch.save(tensors, denoising_path)
    with pytest.raises(UserError, match=r"denoising\.leave\.2\.weight has shape \(1, 4, 3, 3\)"):
        fuse(dmfuse, weights=str(head_path), denoising=str(denoising_path))


@pytest.mark.parametrize(
    ("index", "name", "shape"),
    [
        (0, "en0.conv1.conv2d.weight", (32,)),
        (0, "en0.conv1.conv2d.weight", (32, 12, 3)),
        (1, "denoise_fn.init_conv.weight", (4,)),
        (1, "denoise_fn.init_conv.weight", ()),
    ],
)
def test_error_names_a_kernel_without_four_dimensions(released_files, index, name, shape):
    head_path, denoising_path, _ = released_files
    path = released_files[index]
    tensors = torch.load(path, weights_only=True)
    tensors[name] = torch.zeros(shape)
    torch.save(tensors, path)
    message = f"{name.removeprefix('denoise_fn.')} has shape {shape}, expected the four dimensions"
    with pytest.raises(UserError, match=re.escape(f"{path}: {message}")):
        fuse(dmfuse, weights=str(head_path), denoising=str(denoising_path))


def test_released_files_in_float64_are_the_same_network(released_files):
    head_path, denoising_path, _ = released_files
    expected = fuse(dmfuse, weights=str(head_path), denoising=str(denoising_path))
    for path in (head_path, denoising_path):
        tensors = torch.load(path, weights_only=True)
        torch.save({name: tensor.double() for name, tensor in tensors.items()}, path)
    fused = fuse(dmfuse, weights=str(head_path), denoising=str(denoising_path))
    assert np.array_equal(expected, fused)


def test_tile_smaller_than_twice_the_overlap_is_an_error():
    with pytest.raises(ValueError, match="at least twice the overlap"):
        dmfuse.Options(tile=64, overlap=48)
