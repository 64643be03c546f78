"""Start weights: files with everybody's names for the six MiT sizes, and files that do not fit.

``reference/mit_encoders.json`` holds, for each naming, a digest of all names and shapes of every
size, and features of mit_b0 whose weights are drawn from each tensor's name; it says which library
they are from. A layer norm's epsilon is 1e-6 there as in NVlabs' program (the library's is 1e-5).
"""

import hashlib
import json
import re
import zlib

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from fusebench.errors import UserError
from fusebench.runtime import library_log
from segmentation.models import segformer
from segmentation.models.segformer import Options, imagenet_weights, mit_weight_names, weights
from segmentation.models.segformer import network as networks
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
FORMS = {  # names of an embedding, a block and a stage's last norm; the parts of a block
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


def built(options, tmp_path, outputs=4):
    with library_log.redirect_library_output(tmp_path / "log.txt"):
        return networks.build_network(options, outputs)


def encoder(backbone, tmp_path):
    return built(Options(backbone=backbone, embedding=16), tmp_path).backbone


def split_attention(state):
    """The state with query, key and value apart, and linear layers that are linear."""
    for name, value in state.items():
        if "in_proj_" in name:
            before, last = name.split("attn.in_proj_")
            for part, third in zip("qkv", value.chunk(3), strict=True):
                yield f"{before}{part}.{last}", third
        elif re.search(r"ffn\.layers\.[04]\.weight", name):
            yield name, value[..., 0, 0]
        else:
            yield name, value


def spelt(state, form):
    """An encoder's state with the names and shapes of a form, without a head."""
    places, parts, norm, joined = FORMS[form]
    found = {}
    for name, value in split_attention(state):
        stage, place, rest = re.fullmatch(r"layers\.(\d)\.(\d)\.(.+)", name).groups()
        number, part, last = re.fullmatch(r"(\d+\.)?(?:(.+)\.)?(\w+)", rest).groups()
        if place == "0":
            part = {"projection": "proj", "norm": norm}[part]
        elif place == "1":
            part = parts.get(part, part)
        part = f"{part}." if part else ""
        found[
            f"{places[int(place)].format(int(stage), int(stage) + 1)}{number or ''}{part}{last}"
        ] = value
    if "kv" not in joined:
        return found
    apart = {name for name in found if ".attn.k." in name or ".attn.v." in name}
    pairs = {
        name.replace(".attn.k.", ".attn.kv."): torch.cat(
            [found[name], found[name.replace(".attn.k.", ".attn.v.")]]
        )
        for name in apart
        if ".attn.k." in name
    }
    return {name: v for name, v in found.items() if name not in apart} | pairs


def with_head(state, form, width):
    """As the file of a classifier of ImageNet has it."""
    name = {"NVlabs": "head"}.get(form, "classifier")
    return state | {f"{name}.weight": torch.zeros(1000, width), f"{name}.bias": torch.zeros(1000)}


@pytest.mark.parametrize("backbone", networks.BLOCKS_PER_STAGE)
def test_every_size_is_taken_whole_from_names_and_shapes_of_the_libraries(backbone, tmp_path):
    net = built(Options(backbone=backbone, embedding=16), tmp_path)
    ours = net.backbone.state_dict()
    for form in FORMS:
        theirs = spelt(ours, form)
        if form != "NVlabs":  # that library has the encoder alone
            theirs = with_head(theirs, form, 8 * networks.FIRST_STAGE_CHANNELS.get(backbone, 64))
        lines = sorted(f"{name} {tuple(value.shape)}" for name, value in theirs.items())
        digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]
        assert [len(lines), digest] == REFERENCE[form]["names"][backbone]
        assert [found for found, _ in mit_weight_names.find_encoders(theirs)] == [form]
        read = mit_weight_names.read_encoder(theirs, *mit_weight_names.find_encoders(theirs)[0])
        assert read.tensors.keys() == ours.keys()
        assert all(torch.equal(read.tensors[name], value) for name, value in ours.items())


def drawn(state):
    """Weights that depend on nothing but the tensors' names."""
    for name, value in state.items():
        noise = np.random.RandomState(zlib.crc32(name.encode())).standard_normal(value.shape)
        scale = name.endswith("weight") and value.ndim == 1
        yield name, torch.from_numpy(0.05 * noise.astype(np.float32) + scale).float()


@pytest.mark.parametrize("form", FORMS)
def test_features_are_those_of_the_library_that_the_names_are_from(form, tmp_path):
    net = built(TINY, tmp_path).eval()
    state = dict(drawn(spelt(net.backbone.state_dict(), form)))
    save_file(state, tmp_path / "mit.safetensors")
    weights.load_initial_weights(net, tmp_path / "mit.safetensors", CLASSES)
    y, x = np.mgrid[:64, :96]
    image = np.stack([np.sin(x / 5) * np.cos(y / 7), np.sin((x + 2 * y) / 11), np.cos(x * y / 97)])
    with torch.inference_mode():
        found = net.backbone(torch.from_numpy(image.astype(np.float32))[None])
    for ours, theirs in zip(found, REFERENCE[form]["features"], strict=True):
        np.testing.assert_allclose(ours.flatten()[::23].numpy(), theirs, atol=2e-5)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("ending", ["pth", "safetensors"])
def test_a_file_of_a_classifier_is_taken_in_both_formats(form, ending, tmp_path):
    net, other = built(TINY, tmp_path), built(TINY, tmp_path)
    theirs = with_head(spelt(net.backbone.state_dict(), form), form, 256)
    path = tmp_path / f"mit.{ending}"
    save_file(
        {n: v.contiguous().clone() for n, v in theirs.items()}, path
    ) if ending == "safetensors" else torch.save({"state_dict": theirs}, path)
    weights.load_initial_weights(other, path, CLASSES)
    for name, value in net.backbone.state_dict().items():
        assert torch.equal(value, other.backbone.state_dict()[name]), name


def test_an_encoder_within_a_larger_model_is_found_by_its_names(tmp_path):
    """As in SegMiF's checkpoints."""
    net, other = built(TINY, tmp_path), built(TINY, tmp_path)
    theirs = spelt(net.backbone.state_dict(), "NVlabs")
    theirs = {f"denoise_net.encoder.{name}": value for name, value in theirs.items()}
    theirs["denoise_net.decoder.linear_c4.proj.weight"] = torch.zeros(16, 256)
    torch.save(theirs, tmp_path / "segmif.pth")
    weights.load_initial_weights(other, tmp_path / "segmif.pth", CLASSES)
    for name, value in net.backbone.state_dict().items():
        assert torch.equal(value, other.backbone.state_dict()[name]), name


def refused(state, tmp_path, said, options=TINY):
    torch.save(state, tmp_path / "wrong.pth")
    net = built(options, tmp_path)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    with pytest.raises(UserError, match=said):
        weights.load_initial_weights(net, tmp_path / "wrong.pth", CLASSES)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


@pytest.mark.parametrize("form", ["Hugging Face", "mmseg"])
def test_a_file_of_another_size_is_named_as_what_it_is(form, tmp_path):
    state = encoder("mit_b2", tmp_path).state_dict()
    said = "mit_b2, but the options ask for mit_b3; set backbone: mit_b2, or name a file of mit_b3"
    wrong = state if form == "mmseg" else spelt(state, form)
    refused(wrong, tmp_path, said, Options(backbone="mit_b3", embedding=16))


def test_sizes_with_as_many_blocks_are_told_apart_by_their_width(tmp_path):
    state = spelt(encoder("mit_b0", tmp_path).state_dict(), "Hugging Face")
    refused(state, tmp_path, "mit_b0, but the .* ask for mit_b1", Options(backbone="mit_b1"))


def test_a_size_that_nobody_published_is_said_in_words(tmp_path):
    state = spelt(encoder("mit_b0", tmp_path).state_dict(), "NVlabs")
    state = {n: v for n, v in state.items() if not n.startswith("block2.1.")}
    refused(state, tmp_path, "an encoder of 2-1-2-2 blocks, 32 channels wide, but")


@pytest.mark.parametrize("form", FORMS)
def test_an_encoder_that_lacks_a_tensor_or_has_one_too_many_is_refused(form, tmp_path):
    state = spelt(encoder("mit_b0", tmp_path).state_dict(), form)
    bias = next(
        name for name in state if name.endswith(("attn.kv.bias", "key.bias", "k_proj.bias"))
    )
    refused({n: v for n, v in state.items() if n != bias}, tmp_path, "in_proj_bias")
    last = max(state)
    refused({n: v for n, v in state.items() if n != last}, tmp_path, "1 tensors .* are lacking")
    more = {f"{bias.removesuffix('bias')}gamma": torch.zeros(1)}
    refused(state | more, tmp_path, r"1 tensors .* have no place in it \(first.*gamma")


def test_a_tensor_of_another_shape_is_named(tmp_path):
    state = spelt(encoder("mit_b0", tmp_path).state_dict(), "NVlabs")
    refused(state | {"norm4.bias": torch.zeros(3)}, tmp_path, r"layers\.3\.2\.bias is \(3,\)")


def test_tensors_beside_the_encoder_must_be_of_a_head(tmp_path):
    state = spelt(encoder("mit_b0", tmp_path).state_dict(), "NVlabs")
    refused(state | {"fusion.conv.weight": torch.zeros(3)}, tmp_path, "of no head .*fusion.conv")


def test_a_file_with_two_encoders_or_none_is_refused(tmp_path):
    state = spelt(encoder("mit_b0", tmp_path).state_dict(), "NVlabs")
    both = {f"{part}.{name}": value for part in ("rgb", "ir") for name, value in state.items()}
    refused(both, tmp_path, "2 MiT encoders")
    refused({"conv.weight": torch.zeros(3)}, tmp_path, r"no MiT encoder \(no layers\.0\.0\.proj")
    refused({"model": [1, 2]}, tmp_path, "no MiT encoder")


def test_a_whole_model_of_another_head_size_is_refused(tmp_path):
    wide = built(Options(backbone="mit_b0", embedding=32), tmp_path).state_dict()
    refused(wide, tmp_path, "change backbone or embedding")


def test_an_encoder_file_with_mmsegs_names_is_taken_whole(tmp_path):
    net, other = built(TINY, tmp_path), built(TINY, tmp_path)
    torch.save({"state_dict": net.backbone.state_dict()}, tmp_path / "mit.pth")
    weights.load_initial_weights(other, tmp_path / "mit.pth", CLASSES)
    for name, value in net.backbone.state_dict().items():
        assert torch.equal(value, other.backbone.state_dict()[name])


def test_the_last_layer_is_taken_only_for_the_same_classes(tmp_path):
    net = built(TINY, tmp_path)
    path = tmp_path / "whole.safetensors"
    save_file(net.state_dict(), path, metadata={"classes": "a,b,c,d"})
    same, other = built(TINY, tmp_path), built(TINY, tmp_path)
    weights.load_initial_weights(same, path, CLASSES)
    weights.load_initial_weights(other, path, ("a", "b", "c", "e"))
    last, before = "decode_head.conv_seg.weight", "decode_head.fusion_conv.conv.weight"
    assert torch.equal(same.state_dict()[last], net.state_dict()[last])
    assert not torch.equal(other.state_dict()[last], net.state_dict()[last])
    assert torch.equal(other.state_dict()[before], net.state_dict()[before])


# A text, nothing, a stack that is empty, a number cut short, half a letter.
@pytest.mark.parametrize("content", [b"text", b"", b"0", b"J1", b"X\x01\x00\x00\x00\xe0"])
def test_a_damaged_file_is_refused_in_one_sentence(tmp_path, content):
    (tmp_path / "torn.pth").write_bytes(content)
    with pytest.raises(UserError, match=r"torn\.pth: cannot be read as weights \([A-Za-z]*[Ee]r"):
        weights.load_initial_weights(built(TINY, tmp_path), tmp_path / "torn.pth", CLASSES)


class Spy:
    """An object that a pickle would build."""


@pytest.mark.parametrize("name", ["junk.pth", "junk.safetensors"])
def test_a_file_that_is_no_weights_at_all_is_refused(name, tmp_path):
    (tmp_path / name).write_bytes(b"half a file")
    with pytest.raises(UserError, match=rf"{name}: cannot be read as weights"):
        weights.load_initial_weights(built(TINY, tmp_path), tmp_path / name, CLASSES)


def test_a_file_that_holds_objects_is_not_unpickled(tmp_path):
    torch.save({"state_dict": {}, "meta": Spy()}, tmp_path / "objects.pth")
    with pytest.raises(UserError, match="nothing but tensors"):
        weights.load_initial_weights(built(TINY, tmp_path), tmp_path / "objects.pth", CLASSES)


def test_missing_start_weights_are_named_before_training():
    with pytest.raises(UserError, match=r"no file nowhere\.pth"):
        segformer.dependency_hashes(Options(start_weights="nowhere.pth"))


def test_packaged_weights_are_refused_for_another_size_before_training():
    small = {"backbone": "mit_b0", "embedding": 128}
    for wrong in (
        {**small, "backbone": "mit_b1"},
        {"backbone": "mit_b0"},
        {**small, "head": "linear"},
    ):
        with pytest.raises(UserError, match="are mit_b0 with embedding 128 and head mmseg, but"):
            segformer.dependency_hashes(Options(start_weights="packaged", **wrong))


def test_imagenet_weights_are_fetched_once_and_pinned_before(tmp_path, monkeypatch):
    asked = []

    def fetch(url, to, hash_prefix, progress):
        asked.append((url.rsplit("/", 1)[1], hash_prefix))
        (tmp_path / "there" / url.rsplit("/", 1)[1]).touch()

    monkeypatch.setattr(torch.hub, "download_url_to_file", fetch)
    for _ in range(2):
        path = imagenet_weights.download_weights("mit_b3", tmp_path / "there")
    assert path.is_file()
    assert asked == [("mit_b3_20220624-13b1141c.pth", "13b1141c")]
    assert segformer.dependency_hashes(Options(start_weights="imagenet")) == {
        "start_weights": "13b1141c"
    }


def test_weights_that_cannot_be_downloaded_are_named(tmp_path, monkeypatch):
    def fail(*_, **__):
        raise OSError("no route to host")

    monkeypatch.setattr(torch.hub, "download_url_to_file", fail)
    with pytest.raises(UserError, match=r"mit_b0_.*no route to host.*set start_weights to its"):
        imagenet_weights.download_weights("mit_b0", tmp_path)


def test_names_of_published_weights_are_those_in_mmsegs_own_configurations():
    from importlib.metadata import files

    text = "".join(
        file.read_text()
        for file in files("onedl-mmsegmentation") or []
        if file.suffix == ".py" and "configs/segformer" in file.as_posix()
    )
    for backbone in networks.BLOCKS_PER_STAGE:
        assert segformer.build_imagenet_file_name(backbone) in text
