"""Pretrained segmenters: class maps, weights and classes left out, also from the command line."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from fusebench.data.images import read_color
from fusebench.datasets.fmb import CLASSES as FMB
from fusebench.errors import UserError
from segmentation import run as segmentation
from segmentation.models import pretrained
from segmentation.models.segformer import cityscapes_classes, pretrained_network
from segmentation.models.segformer import network as networks
from segmentation.models.segformer.options import Options
from tests.helpers.damage import forget_checks
from tests.helpers.tiny_segmentation_dataset import load_labeled_images, write_fmb_folder

CITYSCAPES = cityscapes_classes.CLASSES
TO_FMB = {
    **{
        name: name
        for name in FMB
        if name in ("road", "sidewalk", "building", "vegetation", "sky", "person", "car")
    },
    **{name: name for name in ("truck", "bus", "motorcycle", "bicycle", "pole")},
    "traffic light": "lamp",
    "traffic sign": "sign",
    "rider": "person",
}


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """Return mmseg's SegFormer with 19 outputs and random weights and batch statistics."""
    torch.manual_seed(0)
    log = tmp_path_factory.mktemp("log") / "log.txt"
    with networks.redirect_library_output(log):
        network = networks.build_network(Options(backbone="mit_b0", embedding=16), 19)
    for name, values in network.state_dict().items():
        if name.endswith(("running_mean", "conv_seg.bias")):
            values.normal_()
        elif name.endswith(("running_var", "conv_seg.weight")):
            values.uniform_(0.5, 2)
    return network.eval()


@pytest.fixture(scope="module")
def checkpoint(network, tmp_path_factory):
    """Write a checkpoint as mmseg's runner does, with an auxiliary head and the classes."""
    path = tmp_path_factory.mktemp("weights") / "cityscapes.pth"
    state = network.state_dict() | {"auxiliary_head.conv_seg.weight": torch.zeros(19, 8, 1, 1)}
    meta = {"cfg": "model = 1", "dataset_meta": {"classes": CITYSCAPES, "palette": [[0, 0, 0]]}}
    torch.save({"meta": meta, "state_dict": state, "message_hub": {}}, path)
    return path


def make_options(weights, **changes):
    return pretrained.Options(**{"weights": str(weights), "class_map": TO_FMB} | changes)


def predict(options, folder, examples):
    folder.mkdir()
    pretrained.download(options, folder=folder)
    arguments = folder, examples, options, pretrained.Predict()
    labels = dict(pretrained.predict(*arguments, device="cpu"))
    return labels, dict(pretrained.predict_probabilities(*arguments, device="cpu"))


def predict_with_mmseg(network, images):
    """Predict as `mmseg.apis.inference_model`: BGR images, normalization and test step of mmseg."""
    from mmengine.config import Config
    from mmseg.apis import inference_model

    transforms = ("LoadImageFromFile", "PackSegInputs")
    pipeline = [{"type": name, "_scope_": "mmseg"} for name in transforms]
    network.cfg = Config({"test_pipeline": pipeline})
    network.test_cfg = Config({"mode": "whole"})
    network.data_preprocessor._channel_conversion = True
    try:
        samples = [inference_model(network, image[..., ::-1].copy()) for image in images]
    finally:
        network.data_preprocessor._channel_conversion = False
    return [sample.pred_sem_seg.data[0].numpy() for sample in samples]


def test_the_classes_are_those_of_mmsegs_data_set_in_order():
    from mmseg.datasets import CityscapesDataset

    assert CityscapesDataset.METAINFO["classes"] == CITYSCAPES


def test_with_every_class_the_labels_are_those_of_mmsegs_inference(network, checkpoint, tmp_path):
    examples = load_labeled_images(write_fmb_folder(tmp_path / "data"), "test")
    targets = FMB * 2  # two classes of the segmenter for some classes of the data set
    class_map = dict(zip(CITYSCAPES, targets, strict=False))
    labels, _ = predict(make_options(checkpoint, class_map=class_map), tmp_path / "model", examples)
    images = [read_color(pair.visible) for pair in examples.split.pairs]
    expected = predict_with_mmseg(network, images)
    assert len(np.unique(expected)) > 3
    for pair, outputs in zip(examples.split.pairs, expected, strict=True):
        np.testing.assert_array_equal(labels[pair.key], outputs % len(FMB))


def test_outputs_of_no_class_have_no_influence(network, checkpoint, tmp_path):
    examples = load_labeled_images(write_fmb_folder(tmp_path / "data"), "test")
    class_map = {"wall": "building", "rider": "person", "person": "person", "train": None}
    options = make_options(checkpoint, class_map=class_map)
    labels, probabilities = predict(options, tmp_path / "model", examples)
    for pair in examples.split.pairs:
        pixels = torch.from_numpy(read_color(pair.visible).transpose(2, 0, 1).copy())[None]
        with torch.no_grad():
            inputs = network.data_preprocessor({"inputs": list(pixels)}, False)["inputs"]
            logits = network.encode_decode(inputs, [{"img_shape": pixels.shape[2:]}])[0].numpy()
        wall, person, rider = logits[3], logits[11], logits[12]
        is_person = np.maximum(person, rider) > wall
        expected = np.where(is_person, FMB.index("person"), FMB.index("building"))
        np.testing.assert_array_equal(labels[pair.key], expected)
        share = 1 / (1 + np.exp(wall - np.maximum(person, rider)))
        of_image = probabilities[pair.key]
        np.testing.assert_allclose(of_image[FMB.index("person")], share, atol=1e-5)
        np.testing.assert_allclose(of_image[FMB.index("building")], 1 - share, atol=1e-5)
        assert np.count_nonzero(of_image.any(axis=(1, 2))) == 2


@pytest.mark.parametrize("backbone", ["mit_b0", "mit_b1", "mit_b2"])
@pytest.mark.parametrize("head", ["mmseg", "linear"])
def test_the_sizes_follow_from_the_tensors(tmp_path, backbone, head):
    architecture = Options(backbone=backbone, embedding=24, head=head)
    with networks.redirect_library_output(tmp_path / "log.txt"):
        state = networks.build_network(architecture, 2).state_dict()
    save_file(
        {name: tensor for name, tensor in state.items() if "num_batches_tracked" not in name},
        tmp_path / "model.safetensors",
    )
    loaded, read = pretrained_network.load_network(tmp_path / "model.safetensors", ("a", "b"))
    assert (read.backbone, read.embedding, read.head) == (backbone, 24, head)
    for name, tensor in loaded.state_dict().items():
        assert torch.equal(tensor, state[name])


def assert_refused(path, classes, message):
    with pytest.raises(UserError, match=message):
        pretrained_network.load_network(path, classes)


def test_files_that_are_not_the_segmenter_are_refused(network, checkpoint, tmp_path):
    assert_refused(checkpoint, CITYSCAPES[1:], "has 19 classes, but options.classes has 18")
    assert_refused(checkpoint, CITYSCAPES[::-1], "class 0 is 'road', but 'bicycle' in options")
    path = tmp_path / "old.pth"
    state = dict(network.state_dict())
    torch.save({"meta": {"CLASSES": CITYSCAPES[::-1]}, "state_dict": state}, path)  # of mmseg 0
    assert_refused(path, CITYSCAPES, "class 0 is 'bicycle', but 'road' in options")
    for name, tensor, message in (
        ("decode_head.conv_seg.weight", None, "not the head of mmseg's SegFormer"),
        ("decode_head.convs.3.bn.bias", None, r"convs\.3\.bn\.bias is none, expected \(16,\)"),
        ("decode_head.more.weight", torch.zeros(2), r"more\.weight is \(2,\), expected none"),
        ("backbone.layers.0.0.projection.weight", torch.zeros(32, 4, 7, 7), r"\(32, 4, 7, 7\)"),
        ("decode_head.convs.0.bn.weight", torch.full((16,), torch.nan), "is not finite"),
    ):
        changed = state | {name: tensor}
        changed = {key: value for key, value in changed.items() if value is not None}
        torch.save(changed, path)
        assert_refused(path, CITYSCAPES, message)
    torch.save({"state_dict": state, "hook": print}, path)
    assert_refused(path, CITYSCAPES, "print")
    torch.save(network.decode_head.state_dict(), path)
    assert_refused(path, CITYSCAPES, "no MiT encoder")
    path.write_text("no weights")
    assert_refused(path, CITYSCAPES, "cannot be read as weights")


def test_the_protocol_names_what_is_mapped_and_left_out(checkpoint):
    protocol = pretrained.protocol(make_options(checkpoint), pretrained.Predict())
    assert protocol["model"] == "SegFormer (mmseg) pretrained on Cityscapes' 19 classes"
    assert "road to road" in protocol["class map"]
    assert "rider to person; 4 other classes left out" in protocol["class map"]


TASKS = """
sources: {ir: {kind: infrared}, vis: {kind: visible}}
tasks:
  toy:
    kind: segmentation
    dataset: fmb
    sources: [ir, vis]
    model: pretrained
    options: %s
"""


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_fmb_folder(tmp_path / "data")
    return tmp_path


def run_fusebench(root, weights, class_map=TO_FMB, *overrides):
    forget_checks()
    options = {"weights": str(weights), "class_map": class_map}
    (root / "tasks.yaml").write_text(TASKS % json.dumps(options))
    flags = [flag for override in overrides for flag in ("--set", override)]
    return segmentation.main(["--device", "cpu", *flags])


def test_a_pretrained_segmenter_is_tested_without_training(root, checkpoint):
    assert run_fusebench(root, checkpoint) == 0
    files = sorted((root / "runs/segmentation").glob("*/record.json"))
    first, second = (json.loads(file.read_text()) for file in files)
    assert [record["seed"] for record in (first, second)] == [None, None]
    protocol = first["protocol"]
    assert protocol["protocol"] == "zero-shot"
    assert protocol["model"].startswith("SegFormer mit_b0, head 16 (mmseg) pretrained on City")
    assert protocol["weights"].startswith("cityscapes.pth (sha256 ")
    assert len(list((root / "runs/trained").iterdir())) == 1
    assert run_fusebench(root, checkpoint, TO_FMB | {"terrain": "vegetation"}) == 0
    assert len(list((root / "runs/predicted").iterdir())) == 4  # another map predicts anew
    assert len(list((root / "runs/trained").iterdir())) == 1


@pytest.mark.parametrize(
    ("class_map", "overrides", "message"),
    [
        ({"raod": "road"}, [], "'raod' is none of the segmenter's 19 classes; did you mean 'road'"),
        ({"road": "Road"}, [], "class_map.road: 'Road' is none of unlabelled, road"),
        ({"pole": None}, [], "maps nothing to pole, so its IoU would be 0"),
        ({}, ["tasks.toy.train_on=vis"], "train_on: vis, but nothing is trained by model pretr"),
        ({}, ["tasks.toy.options.weights=none.pth"], "none.pth: no such file"),
        ({}, ["tasks.toy.options.weights=packaged"], "has 15 classes, but options.classes has 19"),
        ({}, ["tasks.toy.options.classes=[road, sky]"], "is none of the segmenter's 2 classes"),
    ],
)
def test_a_wrong_task_is_an_error_before_anything_runs(
    root, checkpoint, capsys, class_map, overrides, message
):
    assert run_fusebench(root, checkpoint, TO_FMB | class_map, *overrides) == 2
    errors = capsys.readouterr().err
    assert message in errors
    assert "Traceback" not in errors
    assert not (root / "runs/predicted").exists()


def test_a_map_of_no_class_is_an_error(checkpoint):
    options = make_options(checkpoint, class_map={"road": None})
    (error,) = pretrained.config_errors(options, FMB, "here")
    assert "maps every class to null" in error
