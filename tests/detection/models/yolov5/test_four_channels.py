"""YOLOv5 on images of four channels: what the network gets, its first weights, resuming."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from detection.models import yolov5
from detection.models.yolov5 import dataset, network, training, ultralytics_import
from detection.models.yolov5.ultralytics_config import build_config
from fusebench.data import images
from fusebench.errors import UserError
from tests.helpers.tiny_detection_dataset import write_labeled_images

OPTIONS = yolov5.Options(
    image_size=64, epochs=2, batch=4, nominal_batch=4, warmup_epochs=0.5, learning_rate=0.02
)
STILL = {"mosaic": 0, "flip": 0, "scale": 0, "translate": 0, "hue": 0, "saturation": 0}


def stack(folder, count):
    """Labeled images of four channels; infrared is the inverted red channel."""
    labeled = write_labeled_images(folder / "visible", count)
    infrared = {}
    (folder / "infrared").mkdir()
    for key, path in labeled.images.items():
        infrared[key] = folder / "infrared" / f"{key}.png"
        images.write_png(infrared[key], 255 - images.read_color(path)[..., 0])
    return replace(labeled, infrared=infrared)


@pytest.fixture(scope="module")
def examples(tmp_path_factory):
    return stack(tmp_path_factory.mktemp("data"), 6)


def load_samples(examples, folder, options):
    ultralytics_import.import_ultralytics(folder)
    image_folder = dataset.write_yolo_dataset(examples, folder / "dataset")
    config = build_config(options, 0)
    return dataset.TrainingSamples(
        dataset.load_yolo_dataset(image_folder, examples, config), options, seed=0
    )


def test_a_sample_is_red_green_blue_infrared(examples, tmp_path):
    options = OPTIONS.model_copy(update=STILL | {"brightness": 0})
    samples = load_samples(examples, tmp_path, options)
    sample = samples[0, 0]["img"].numpy()
    image = examples.read(examples.split.keys[0])
    assert sample.shape == (4, 64, 64)
    part = sample[:, 16:40, 8:40].reshape(4, -1).mean(axis=1)
    assert abs(part[0] + part[3] - 255) < 1.5  # infrared is 255 - red, also after resizing
    expected = image.reshape(-1, 4).mean(axis=0)
    inner = sample[:, 11:53].reshape(4, -1).mean(axis=1)  # without the gray border
    np.testing.assert_allclose(inner, expected, atol=6)


def test_the_border_is_the_same_gray_in_all_channels(examples, tmp_path):
    options = OPTIONS.model_copy(update=STILL | {"brightness": 0})
    sample = load_samples(examples, tmp_path, options)[0, 0]["img"].numpy()
    assert set(sample[:, :8].ravel().tolist()) == {114}


def test_color_changes_and_infrared_does_not(examples, tmp_path):
    still = OPTIONS.model_copy(update=STILL | {"brightness": 0})
    bright = OPTIONS.model_copy(update=STILL | {"brightness": 0.9, "hue": 0.5})
    before = load_samples(examples, tmp_path / "still", still)[0, 0]["img"].numpy()
    after = load_samples(examples, tmp_path / "bright", bright)[0, 0]["img"].numpy()
    np.testing.assert_array_equal(after[3], before[3])
    assert np.abs(after[:3].astype(int) - before[:3]).mean() > 5


def test_channels_move_together(examples, tmp_path):
    moved = {"hue": 0, "saturation": 0, "brightness": 0, "mosaic": 1.0}
    samples = load_samples(examples, tmp_path, OPTIONS.model_copy(update=moved))
    for index in range(3):
        image = samples[0, index]["img"].numpy().astype(int)
        inverted = np.abs(image[0] + image[3] - 255) <= 2
        border = (image[0] == 114) & (image[3] == 114)
        assert (inverted | border).mean() > 0.97  # the rest is interpolated with the border


def test_the_color_is_changed_after_mosaics_end_too(examples, tmp_path):
    samples = load_samples(examples, tmp_path, OPTIONS)
    samples.yolo_dataset.close_mosaic(build_config(OPTIONS, 0))
    assert samples[0, 0]["img"].shape == (4, 64, 64)


def test_the_first_layer_grows_from_the_initial_weights(tmp_path):
    ultralytics_import.import_ultralytics(tmp_path)
    three, four = (network.build_network("n", ("a",), channels) for channels in (3, 4))
    tensors = dict(three.state_dict())
    assert network.load_matching_weights(four, tensors, "test") == len(tensors)
    old, new = (net.state_dict()[network.FIRST_LAYER_WEIGHT] for net in (three, four))
    torch.testing.assert_close(new[:, :3], 0.75 * old)
    torch.testing.assert_close(new[:, 3], 0.75 * old.mean(dim=1))


def test_weights_for_four_channels_are_refused_for_three(tmp_path):
    ultralytics_import.import_ultralytics(tmp_path)
    three, four = (network.build_network("n", ("a",), channels) for channels in (3, 4))
    with pytest.raises(UserError, match="images of 4 channels, and the images have 3"):
        network.load_matching_weights(three, four.state_dict(), "x.safetensors")
    network.write_weights(tmp_path / "four.safetensors", four, half=False)
    options = OPTIONS.model_copy(update={"start_weights": str(tmp_path / "four.safetensors")})
    yolov5.check(options, tmp_path)  # they fit a source of kind channels


class KilledError(BaseException):
    """Simulates a kill: nothing catches it, nothing is cleaned up."""


@pytest.mark.slow
def test_training_resumes_bit_for_bit_and_predicts(examples, tmp_path, monkeypatch):
    def train(folder):
        folder.mkdir(exist_ok=True)
        yolov5.train(examples, OPTIONS, seed=0, device="cpu", folder=folder)
        return load_file(folder / network.WEIGHTS_FILE)

    expected = train(tmp_path / "whole")
    assert expected[network.FIRST_LAYER_WEIGHT].shape[1] == 4
    finished, original = [], training._train_batch

    def train_or_kill(*args):
        if len(finished) == 3:  # in the second epoch
            raise KilledError
        finished.append(1)
        return original(*args)

    with monkeypatch.context() as patch:
        patch.setattr(training, "_train_batch", train_or_kill)
        with pytest.raises(KilledError):
            train(tmp_path / "killed")
    resumed = train(tmp_path / "killed")
    assert all(torch.equal(resumed[name], expected[name]) for name in expected)
    boxes = yolov5.predict(
        tmp_path / "killed", examples, OPTIONS, yolov5.Predict(confidence=0.001), device="cpu"
    )
    assert set(boxes) == set(examples.split.keys)
    assert sum(map(len, boxes.values()))
