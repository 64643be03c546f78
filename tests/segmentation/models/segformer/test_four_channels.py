"""SegFormer on images of four channels, and its class probabilities."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest
import torch

from fusebench.storage.weights import checkpoint_times
from segmentation.models import segformer
from segmentation.models.segformer import augmentation, network, training, weights
from segmentation.models.segformer.options import Options
from tests.helpers import tiny_segmentation_dataset

TINY = Options(
    backbone="mit_b0", embedding=16, iterations=4, schedule=None, warm_up=2, crop=64, rescale=(1, 1)
)


@pytest.fixture
def examples(tmp_path):
    root = tiny_segmentation_dataset.write_fmb_folder(tmp_path / "data", train=3, test=1)
    labeled = tiny_segmentation_dataset.load_labeled_images(root)
    infrared = {pair.key: pair.infrared for pair in labeled.split.pairs}
    return replace(labeled, infrared=infrared)


def train(examples, folder, options=TINY):
    folder.mkdir(exist_ok=True)
    segformer.train(examples, options, seed=3, device="cpu", folder=folder)
    return folder


@pytest.mark.parametrize("padding", ["corner", "anywhere"])
def test_channels_move_together(padding):
    rng = np.random.default_rng(1)
    image = rng.integers(0, 256, (40, 50, 4), dtype=np.uint8)
    image[..., 3] = image[..., 1]  # infrared equals green
    labels = np.zeros((40, 50), np.uint8)
    still = TINY.model_copy(update={"distortion": False, "padding": padding, "flip": 1.0})
    moved = augmentation.augment_image(image, labels, still, 5)["img"]
    color = moved[..., :3]
    without = augmentation.augment_image(image[..., :3], labels, still, 5)["img"]
    np.testing.assert_array_equal(color, without)
    inside = moved[..., 3] == moved[..., 1]
    assert inside.sum() >= 40 * 50


def test_infrared_is_not_distorted():
    image = np.random.default_rng(1).integers(0, 256, (40, 50, 4), dtype=np.uint8)
    labels = np.zeros((40, 50), np.uint8)
    still, distorted = (
        augmentation.augment_image(image, labels, TINY.model_copy(update={"distortion": value}), 5)[
            "img"
        ]
        for value in (False, True)
    )
    np.testing.assert_array_equal(distorted[..., 3], still[..., 3])
    assert (distorted[..., :3] != still[..., :3]).any()


def test_a_pixel_of_the_mean_color_is_zero_in_the_network(tmp_path):
    with network.redirect_library_output(tmp_path / "log.txt"):
        net = network.build_network(TINY, 3, channels=4)
    red, green, blue = network.IMAGENET_MEAN
    pixels = torch.tensor([red, green, blue, (red + green + blue) / 3]).reshape(4, 1, 1)
    inputs = net.data_preprocessor({"inputs": [pixels]}, False)["inputs"]
    torch.testing.assert_close(inputs, torch.zeros(1, 4, 1, 1), atol=1e-5, rtol=0)


def test_the_first_layer_grows_from_the_packaged_weights(tmp_path):
    options = Options(backbone="mit_b0", embedding=128, start_weights="packaged", schedule=None)
    path = segformer.find_weights_file(options)
    with network.redirect_library_output(tmp_path / "log.txt"):
        three, four = (network.build_network(options, 3, channels) for channels in (3, 4))
        for net in (three, four):
            weights.load_initial_weights(net, path, ())
    old, new = (net.state_dict()[network.FIRST_LAYER_WEIGHT] for net in (three, four))
    torch.testing.assert_close(new[:, :3], 0.75 * old)
    torch.testing.assert_close(new[:, 3], 0.75 * old.mean(dim=1))


@pytest.mark.slow
def test_training_resumes_bit_for_bit_and_probabilities_agree_with_labels(
    examples, tmp_path, monkeypatch
):
    def hash_weights(folder):
        return hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()

    options = TINY.model_copy(update={"ignore_unlabeled": True})
    whole = train(examples, tmp_path / "whole", options)
    monkeypatch.setattr(checkpoint_times, "MIN_SECONDS", 0.0)
    monkeypatch.setattr(checkpoint_times, "WRITE_FACTOR", 0.0)
    record_loss = training._record_loss

    def record_or_kill(state, loss, options):
        if state.finished_steps == 2:
            raise KeyboardInterrupt
        record_loss(state, loss, options)

    monkeypatch.setattr(training, "_record_loss", record_or_kill)
    with pytest.raises(KeyboardInterrupt):
        train(examples, tmp_path / "killed", options)
    monkeypatch.setattr(training, "_record_loss", record_loss)
    resumed = train(examples, tmp_path / "killed", options)
    assert hash_weights(resumed) == hash_weights(whole)

    arguments = resumed, examples, options, segformer.Predict()
    labels = dict(segformer.predict(*arguments, device="cpu"))
    for key, probabilities in segformer.predict_probabilities(*arguments, device="cpu"):
        assert probabilities.dtype == np.float32
        assert probabilities.shape[0] == len(examples.split.classes)
        np.testing.assert_allclose(probabilities.sum(axis=0), 1, atol=1e-5)
        assert not probabilities[0].any()  # class 0 is not trained
        np.testing.assert_array_equal(probabilities.argmax(axis=0), labels[key])
