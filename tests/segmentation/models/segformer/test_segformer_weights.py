"""Initial weights: files of every naming scheme and MiT size, and files that do not fit.

``reference/mit_encoders.json`` holds, for each naming scheme, a hash of all names and shapes of
every size, and features of mit_b0 whose random weights are seeded by each tensor's name; it names
the library they are from. A layer norm's epsilon is 1e-6 there as in NVlabs' program (the library's
is 1e-5).
"""

import hashlib
import json
import re
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from fusebench.errors import UserError
from segmentation.models import segformer
from segmentation.models.segformer import imagenet_weights, mit_weight_names, weights
from segmentation.models.segformer import network as networks
from segmentation.models.segformer.options import Options
from tests.helpers.paths import REFERENCE as REFERENCE_FOLDER

REFERENCE = json.loads((REFERENCE_FOLDER / "mit_encoders.json").read_text())
TINY = Options(backbone="mit_b0", embedding=16, crop=64)
CLASSES = tuple("abcd")
HUGGING_FACE = {
    "norm1": "layer_norm_1",
    "norm2": "layer_norm_2",
    "attn.q": "attention.self.query",
    "attn.k": "attention.self.key",
    "attn.v": "attention.self.value",
    "attn.sr": "attention.self.sr",
    "attn.norm": "attention.self.layer_norm",
    "attn.attn.out_proj": "attention.output.dense",
    "ffn.layers.0": "mlp.dense1",
    "ffn.layers.1": "mlp.dwconv.dwconv",
    "ffn.layers.4": "mlp.dense2",
}
TRANSFORMERS_5 = {
    "norm1": "layernorm_before",
    "norm2": "layernorm_after",
    "attn.q": "attention.q_proj",
    "attn.k": "attention.k_proj",
    "attn.v": "attention.v_proj",
    "attn.sr": "attention.sequence_reduction.sequence_reduction",
    "attn.norm": "attention.sequence_reduction.layer_norm",
    "attn.attn.out_proj": "attention.o_proj",
    "ffn.layers.0": "mlp.fc1",
    "ffn.layers.1": "mlp.dwconv.dwconv",
    "ffn.layers.4": "mlp.fc2",
}
NVLABS = {
    "attn.attn.out_proj": "attn.proj",
    "ffn.layers.0": "mlp.fc1",
    "ffn.layers.1": "mlp.dwconv.dwconv",
    "ffn.layers.4": "mlp.fc2",
}
SCHEMES = {  # prefixes of embedding, block and last norm of a stage; names of a block's parts
    "NVlabs": (("patch_embed{1}.", "block{1}.", "norm{1}."), NVLABS, "norm", ("q", "kv")),
    "Hugging Face": (
        (
            "segformer.encoder.patch_embeddings.{0}.",
            "segformer.encoder.block.{0}.",
            "segformer.encoder.layer_norm.{0}.",
        ),
        HUGGING_FACE,
        "layer_norm",
        ("q", "k", "v"),
    ),
    "transformers 5": (
        (
            "segformer.stages.{0}.patch_embeddings.",
            "segformer.stages.{0}.blocks.",
            "segformer.stages.{0}.layer_norm.",
        ),
        TRANSFORMERS_5,
        "layer_norm",
        ("q", "k", "v"),
    ),
}


def build_quietly(options, tmp_path, outputs=4):
    with networks.redirect_library_output(tmp_path / "log.txt"):
        return networks.build_network(options, outputs)


def build_encoder(backbone, tmp_path):
    return build_quietly(Options(backbone=backbone, embedding=16), tmp_path).backbone


def split_attention(tensors):
    """Yield the tensors with query, key and value separate, and linear layers as matrices."""
    for name, value in tensors.items():
        if "in_proj_" in name:
            before, last = name.split("attn.in_proj_")
            for part, third in zip("qkv", value.chunk(3), strict=True):
                yield f"{before}{part}.{last}", third
        elif re.search(r"ffn\.layers\.[04]\.weight", name):
            yield name, value[..., 0, 0]
        else:
            yield name, value


def rename(tensors, scheme):
    """Return an encoder's tensors with the names and shapes of a scheme, without a head."""
    prefixes, parts, norm, attention = SCHEMES[scheme]
    renamed = {}
    for name, value in split_attention(tensors):
        stage, kind, rest = re.fullmatch(r"layers\.(\d)\.(\d)\.(.+)", name).groups()
        number, part, last = re.fullmatch(r"(\d+\.)?(?:(.+)\.)?(\w+)", rest).groups()
        if kind == "0":
            part = {"projection": "proj", "norm": norm}[part]
        elif kind == "1":
            part = parts.get(part, part)
        part = f"{part}." if part else ""
        prefix = prefixes[int(kind)].format(int(stage), int(stage) + 1)
        renamed[f"{prefix}{number or ''}{part}{last}"] = value
    if "kv" not in attention:
        return renamed
    separate = {name for name in renamed if ".attn.k." in name or ".attn.v." in name}
    joined = {
        name.replace(".attn.k.", ".attn.kv."): torch.cat(
            [renamed[name], renamed[name.replace(".attn.k.", ".attn.v.")]]
        )
        for name in separate
        if ".attn.k." in name
    }
    return {name: v for name, v in renamed.items() if name not in separate} | joined


def add_head(tensors, scheme, width):
    """Add the head of an ImageNet classifier."""
    name = {"NVlabs": "head"}.get(scheme, "classifier")
    head = {f"{name}.weight": torch.zeros(1000, width), f"{name}.bias": torch.zeros(1000)}
    return tensors | head


@pytest.mark.parametrize("backbone", networks.BLOCKS_PER_STAGE)
def test_every_size_is_read_completely_from_the_names_and_shapes_of_every_library(
    backbone, tmp_path
):
    net = build_quietly(Options(backbone=backbone, embedding=16), tmp_path)
    expected = net.backbone.state_dict()
    for scheme in SCHEMES:
        tensors = rename(expected, scheme)
        if scheme != "NVlabs":  # that library has the encoder alone
            width = 8 * networks.FIRST_STAGE_CHANNELS.get(backbone, 64)
            tensors = add_head(tensors, scheme, width)
        lines = sorted(f"{name} {tuple(value.shape)}" for name, value in tensors.items())
        sha256 = hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]
        assert [len(lines), sha256] == REFERENCE[scheme]["names"][backbone]
        ((found_scheme, prefix),) = mit_weight_names.find_encoders(tensors)
        assert found_scheme == scheme
        encoder = mit_weight_names.read_encoder(tensors, scheme, prefix)
        assert encoder.tensors.keys() == expected.keys()
        assert all(torch.equal(encoder.tensors[name], value) for name, value in expected.items())


def randomize(tensors):
    """Yield weights that depend on nothing but the tensors' names and shapes."""
    for name, value in tensors.items():
        noise = np.random.RandomState(zlib.crc32(name.encode())).standard_normal(value.shape)
        mean = name.endswith("weight") and value.ndim == 1  # 1 for the scale of a norm
        yield name, torch.from_numpy(0.05 * noise.astype(np.float32) + mean).float()


@pytest.mark.parametrize("scheme", SCHEMES)
def test_features_are_those_of_the_library_of_the_naming_scheme(scheme, tmp_path):
    net = build_quietly(TINY, tmp_path).eval()
    tensors = dict(randomize(rename(net.backbone.state_dict(), scheme)))
    save_file(tensors, tmp_path / "mit.safetensors")
    weights.load_initial_weights(net, tmp_path / "mit.safetensors", CLASSES)
    y, x = np.mgrid[:64, :96]
    image = np.stack([np.sin(x / 5) * np.cos(y / 7), np.sin((x + 2 * y) / 11), np.cos(x * y / 97)])
    with torch.inference_mode():
        features = net.backbone(torch.from_numpy(image.astype(np.float32))[None])
    for values, expected in zip(features, REFERENCE[scheme]["features"], strict=True):
        np.testing.assert_allclose(values.flatten()[::23].numpy(), expected, atol=2e-5)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("extension", ["pth", "safetensors"])
def test_the_encoder_of_a_classifier_is_loaded_from_both_file_formats(scheme, extension, tmp_path):
    net, other = build_quietly(TINY, tmp_path), build_quietly(TINY, tmp_path)
    tensors = add_head(rename(net.backbone.state_dict(), scheme), scheme, 256)
    path = tmp_path / f"mit.{extension}"
    if extension == "safetensors":
        save_file({n: v.contiguous().clone() for n, v in tensors.items()}, path)
    else:
        torch.save({"state_dict": tensors}, path)
    weights.load_initial_weights(other, path, CLASSES)
    for name, value in net.backbone.state_dict().items():
        assert torch.equal(value, other.backbone.state_dict()[name]), name


def test_the_encoder_of_a_larger_model_is_found_by_its_names(tmp_path):
    """As in SegMiF's checkpoints."""
    net, other = build_quietly(TINY, tmp_path), build_quietly(TINY, tmp_path)
    encoder = rename(net.backbone.state_dict(), "NVlabs")
    tensors = {f"denoise_net.encoder.{name}": value for name, value in encoder.items()}
    tensors["denoise_net.decoder.linear_c4.proj.weight"] = torch.zeros(16, 256)
    torch.save(tensors, tmp_path / "segmif.pth")
    weights.load_initial_weights(other, tmp_path / "segmif.pth", CLASSES)
    for name, value in net.backbone.state_dict().items():
        assert torch.equal(value, other.backbone.state_dict()[name]), name


def assert_refused(tensors, tmp_path, message, options=TINY):
    torch.save(tensors, tmp_path / "wrong.pth")
    net = build_quietly(options, tmp_path)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    with pytest.raises(UserError, match=message):
        weights.load_initial_weights(net, tmp_path / "wrong.pth", CLASSES)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


@pytest.mark.parametrize("scheme", ["Hugging Face", "mmseg"])
def test_a_file_of_another_size_is_refused_with_its_size(scheme, tmp_path):
    state = build_encoder("mit_b2", tmp_path).state_dict()
    tensors = state if scheme == "mmseg" else rename(state, scheme)
    message = (
        "mit_b2, but the options ask for mit_b3; set backbone: mit_b2, or name a file of mit_b3"
    )
    assert_refused(tensors, tmp_path, message, Options(backbone="mit_b3", embedding=16))


def test_sizes_with_equally_many_blocks_are_distinguished_by_their_width(tmp_path):
    state = rename(build_encoder("mit_b0", tmp_path).state_dict(), "Hugging Face")
    assert_refused(state, tmp_path, "mit_b0, but the .* ask for mit_b1", Options(backbone="mit_b1"))


def test_an_unpublished_size_is_described_by_blocks_and_width(tmp_path):
    state = rename(build_encoder("mit_b0", tmp_path).state_dict(), "NVlabs")
    state = {n: v for n, v in state.items() if not n.startswith("block2.1.")}
    assert_refused(state, tmp_path, "an encoder of 2-1-2-2 blocks, 32 channels wide, but")


@pytest.mark.parametrize("scheme", SCHEMES)
def test_an_encoder_with_a_missing_or_unknown_tensor_is_refused(scheme, tmp_path):
    state = rename(build_encoder("mit_b0", tmp_path).state_dict(), scheme)
    bias = next(
        name for name in state if name.endswith(("attn.kv.bias", "key.bias", "k_proj.bias"))
    )
    assert_refused({n: v for n, v in state.items() if n != bias}, tmp_path, "in_proj_bias")
    last = max(state)
    assert_refused(
        {n: v for n, v in state.items() if n != last}, tmp_path, "1 tensors .* are missing"
    )
    unknown = {f"{bias.removesuffix('bias')}gamma": torch.zeros(1)}
    assert_refused(state | unknown, tmp_path, r"1 tensors .* are unknown \(first.*gamma")


def test_a_tensor_of_another_shape_is_refused_by_name(tmp_path):
    state = rename(build_encoder("mit_b0", tmp_path).state_dict(), "NVlabs")
    assert_refused(
        state | {"norm4.bias": torch.zeros(3)}, tmp_path, r"layers\.3\.2\.bias is \(3,\)"
    )


def test_an_encoder_of_segmentation_models_pytorch_is_loaded(tmp_path):
    encoder = build_encoder("mit_b0", tmp_path)
    state = {f"encoder.{n}": v for n, v in rename(encoder.state_dict(), "NVlabs").items()}
    heads = ("decoder.fuse_stage.0.weight", "segmentation_head.0.weight")
    lightning = {f"model.{n}": v for n, v in (state | dict.fromkeys(heads, torch.ones(2))).items()}
    torch.save({"state_dict": lightning, "epoch": 1}, tmp_path / "last.ckpt")
    net = build_quietly(TINY, tmp_path)
    weights.load_initial_weights(net, tmp_path / "last.ckpt", CLASSES)
    loaded = net.backbone.state_dict()
    assert all(torch.equal(loaded[name], value) for name, value in encoder.state_dict().items())


def test_weights_that_are_not_finite_are_refused(tmp_path):
    state = rename(build_encoder("mit_b0", tmp_path).state_dict(), "NVlabs")
    broken = state | {"norm4.bias": torch.full_like(state["norm4.bias"], float("nan"))}
    assert_refused(broken, tmp_path, r"backbone\.layers\.3\.2\.bias is not finite")


def test_tensors_beside_the_encoder_must_be_of_a_head(tmp_path):
    state = rename(build_encoder("mit_b0", tmp_path).state_dict(), "NVlabs")
    assert_refused(
        state | {"fusion.conv.weight": torch.zeros(3)}, tmp_path, "of no head .*fusion.conv"
    )


def test_a_file_with_two_encoders_or_none_is_refused(tmp_path):
    state = rename(build_encoder("mit_b0", tmp_path).state_dict(), "NVlabs")
    two_encoders = {
        f"{part}.{name}": value for part in ("rgb", "ir") for name, value in state.items()
    }
    assert_refused(two_encoders, tmp_path, "2 MiT encoders")
    assert_refused(
        {"conv.weight": torch.zeros(3)}, tmp_path, r"no MiT encoder \(no layers\.0\.0\.proj"
    )
    assert_refused({"model": [1, 2]}, tmp_path, "expected tensors by name, found none")


def test_a_complete_model_with_another_head_size_is_refused(tmp_path):
    wide_head = build_quietly(Options(backbone="mit_b0", embedding=32), tmp_path).state_dict()
    assert_refused(wide_head, tmp_path, "change backbone or embedding")


def test_an_encoder_file_with_mmsegs_names_is_loaded_completely(tmp_path):
    net, other = build_quietly(TINY, tmp_path), build_quietly(TINY, tmp_path)
    torch.save({"state_dict": net.backbone.state_dict()}, tmp_path / "mit.pth")
    weights.load_initial_weights(other, tmp_path / "mit.pth", CLASSES)
    for name, value in net.backbone.state_dict().items():
        assert torch.equal(value, other.backbone.state_dict()[name])


def test_the_last_layer_is_loaded_only_for_the_same_classes(tmp_path):
    net = build_quietly(TINY, tmp_path)
    path = tmp_path / "complete.safetensors"
    save_file(net.state_dict(), path, metadata={"classes": "a,b,c,d"})
    same, other = build_quietly(TINY, tmp_path), build_quietly(TINY, tmp_path)
    weights.load_initial_weights(same, path, CLASSES)
    weights.load_initial_weights(other, path, ("a", "b", "c", "e"))
    last, second_last = "decode_head.conv_seg.weight", "decode_head.fusion_conv.conv.weight"
    assert torch.equal(same.state_dict()[last], net.state_dict()[last])
    assert not torch.equal(other.state_dict()[last], net.state_dict()[last])
    assert torch.equal(other.state_dict()[second_last], net.state_dict()[second_last])


# Text, an empty stack, a truncated number, a truncated character.
@pytest.mark.parametrize("content", [b"text", b"0", b"J1", b"X\x01\x00\x00\x00\xe0"])
def test_a_damaged_file_is_one_error(tmp_path, content):
    (tmp_path / "torn.pth").write_bytes(content)
    with pytest.raises(UserError, match=r"torn\.pth: cannot be read as weights \([A-Za-z]*[Ee]r"):
        weights.load_initial_weights(build_quietly(TINY, tmp_path), tmp_path / "torn.pth", CLASSES)


class CustomObject:
    """An object that unpickling would construct."""


@pytest.mark.parametrize("name", ["junk.pth", "junk.safetensors"])
def test_a_file_that_is_no_weights_file_is_refused(name, tmp_path):
    (tmp_path / name).write_bytes(b"half a file")
    with pytest.raises(UserError, match=rf"{name}: cannot be read as weights"):
        weights.load_initial_weights(build_quietly(TINY, tmp_path), tmp_path / name, CLASSES)


def test_a_file_with_objects_is_not_unpickled(tmp_path):
    torch.save({"state_dict": {}, "meta": CustomObject()}, tmp_path / "objects.pth")
    with pytest.raises(UserError, match=r"an object of .*CustomObject.*torch\.save\(network\."):
        weights.load_initial_weights(
            build_quietly(TINY, tmp_path), tmp_path / "objects.pth", CLASSES
        )


def test_a_missing_file_of_initial_weights_is_an_error_before_training():
    with pytest.raises(UserError, match=r"no file nowhere\.pth"):
        segformer.dependency_hashes(Options(start_weights="nowhere.pth"))


def test_packaged_weights_are_refused_for_another_architecture_before_training():
    packaged = {"backbone": "mit_b0", "embedding": 128}
    for changes in (
        {**packaged, "backbone": "mit_b1"},
        {"backbone": "mit_b0"},
        {**packaged, "head": "linear"},
    ):
        with pytest.raises(UserError, match="are mit_b0 with embedding 128 and head mmseg, but"):
            segformer.dependency_hashes(Options(start_weights="packaged", **changes))


def test_imagenet_weights_are_downloaded_once_and_in_the_spec_by_hash(tmp_path, monkeypatch):
    downloads = []

    def download(url, target, hash_prefix, progress):
        downloads.append((url.rsplit("/", 1)[1], hash_prefix))
        Path(target).write_bytes(b"published")

    monkeypatch.setattr(torch.hub, "download_url_to_file", download)
    sha256 = hashlib.sha256(b"published").hexdigest()
    monkeypatch.setitem(imagenet_weights.HASH_PREFIXES, "mit_b3", sha256[:8])
    for _ in range(2):
        path = imagenet_weights.download_weights("mit_b3", tmp_path / "downloads")
    assert downloads == [(f"mit_b3_20220624-{sha256[:8]}.pth", sha256[:8])]
    path.write_bytes(b"punished!")
    with pytest.raises(UserError, match=r"\.pth: damaged: its SHA-256 starts with"):
        imagenet_weights.download_weights("mit_b3", tmp_path / "downloads")
    monkeypatch.undo()
    assert imagenet_weights.build_file_name("mit_b3") == "mit_b3_20220624-13b1141c.pth"
    assert segformer.dependency_hashes(Options(start_weights="imagenet")) == {
        "start_weights": "13b1141c"
    }


def test_a_failed_download_names_the_file_and_the_way_out(tmp_path, monkeypatch):
    def fail(*_, **__):
        raise OSError("no route to host")

    monkeypatch.setattr(torch.hub, "download_url_to_file", fail)
    with pytest.raises(UserError, match=r"mit_b0_.*no route to host.*set start_weights to its"):
        imagenet_weights.download_weights("mit_b0", tmp_path)


def test_file_names_of_imagenet_weights_are_those_in_mmsegs_configurations():
    from importlib.metadata import files

    text = "".join(
        file.read_text()
        for file in files("onedl-mmsegmentation") or []
        if file.suffix == ".py" and "configs/segformer" in file.as_posix()
    )
    for backbone in networks.BLOCKS_PER_STAGE:
        assert imagenet_weights.build_file_name(backbone) in text
