"""YOLOv5 without training: options, schedule, sizes, geometry, protocol."""

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from detection.models import yolov5
from detection.models.yolov5 import inference, network, schedule, ultralytics_import
from detection.models.yolov5.options import choose_precision
from fusebench.errors import UserError
from fusebench.storage import hashing


@pytest.fixture(scope="module", autouse=True)
def ultralytics(tmp_path_factory):
    ultralytics_import.import_ultralytics(tmp_path_factory.mktemp("settings"))


@pytest.mark.parametrize("name", ["auto", "sgd"])
def test_an_unknown_optimizer_is_refused(name):
    with pytest.raises(ValidationError):
        yolov5.Options(optimizer=name)


def test_an_unknown_option_is_refused():
    with pytest.raises(ValidationError, match="lr0"):
        yolov5.Options(lr0=0.1)


def test_the_learning_rate_decays_linearly_to_its_final_fraction():
    options = yolov5.Options(epochs=10, warmup_epochs=0, learning_rate=0.5, final_learning_rate=0.2)
    rates = [schedule.compute_schedule(options, 7 * epoch, 7).learning_rate for epoch in range(10)]
    assert rates == pytest.approx([0.5 * (1 - 0.8 * epoch / 10) for epoch in range(10)])


def test_the_warm_up_rises_from_0_to_the_rate_of_the_epoch():
    options = yolov5.Options(epochs=10, warmup_epochs=2, batch=16, nominal_batch=64)
    first, last = (schedule.compute_schedule(options, batch, 5) for batch in (0, 10))
    assert (first.learning_rate, first.bias_learning_rate) == (0.0, 0.1)
    assert (first.momentum, first.accumulation_steps) == (0.8, 1)
    assert last.learning_rate == last.bias_learning_rate == pytest.approx(0.01 * (1 - 0.99 * 0.2))
    assert (last.momentum, last.accumulation_steps) == (0.937, 4)


def test_weight_decay_is_scaled_to_the_nominal_batch_and_excludes_biases():
    model = network.build_network("n", ("a",))
    options = yolov5.Options(batch=16, nominal_batch=32)
    groups = schedule.build_optimizer(model, options).param_groups
    assert [group["weight_decay"] for group in groups] == [0.0005, 0.0, 0.0]
    assert sum(len(group["params"]) for group in groups) == len(list(model.parameters()))
    assert all(p.ndim == 1 for group in groups[1:] for p in group["params"])


def test_every_size_of_yolov5_has_its_published_number_of_parameters():
    # docs.ultralytics.com/models/yolov5, 80 classes, in millions
    for size, millions in (("n", 2.6), ("s", 9.1), ("m", 25.1)):
        count = sum(p.numel() for p in network.build_network(size, ["c"] * 80).parameters())
        assert count / 1e6 == pytest.approx(millions, abs=0.1)


@pytest.mark.parametrize("size", [(320, 256), (256, 320), (1024, 768), (100, 37), (640, 640)])
def test_boxes_are_converted_back_to_pixels_of_the_original(size):
    width, height = size
    image = np.zeros((height, width, 3), np.uint8)
    left, top, right, bottom = width // 4, height // 4, width // 2, height // 2
    image[top:bottom, left:right] = 255
    resized = inference.resize_and_pad(image, inference.InputShape(320))
    assert max(resized.shape) == 320
    assert resized.shape[0] % 32 == resized.shape[1] % 32 == 0
    bright = np.argwhere(resized.mean(axis=2) > 180)
    rows = np.array([[*bright.min(0)[::-1], *(bright.max(0)[::-1] + 1), 0.9, 0]], np.float64)
    boxes = inference._convert_to_original_pixels(rows, (height, width), inference.InputShape(320))
    tolerance = 1.5 * max(1, max(size) / 320)
    np.testing.assert_allclose(boxes.corners[0], [left, top, right, bottom], atol=tolerance)


def test_boxes_of_a_stretched_image_are_scaled_by_both_factors():
    # 640 x 320 resized to 320 x 320: x by 2, y by 1
    shape = inference.InputShape(320, is_stretched=True)
    rows = np.array([[10, 20, 30, 40, 0.9, 0]], np.float64)
    boxes = inference._convert_to_original_pixels(rows, (320, 640), shape)
    assert boxes.corners.tolist() == [[20, 20, 60, 40]]
    assert inference.resize_and_pad(np.zeros((320, 640, 3), np.uint8), shape).shape == (320, 320, 3)


def test_an_option_added_later_is_in_the_spec_only_if_not_the_default():
    assert "fit" not in yolov5.Options().model_dump(mode="json")
    assert yolov5.Options(fit="stretch").model_dump(mode="json")["fit"] == "stretch"
    assert yolov5.protocol(yolov5.Options(), yolov5.Predict())["image size"] == "640"
    stretched = yolov5.Options(image_size=320, fit="stretch")
    assert yolov5.protocol(stretched, yolov5.Predict())["image size"] == "320x320, stretched"


def test_the_precision_of_the_recipe_depends_on_the_device_and_the_spec_does_not():
    recipe = yolov5.Options()
    assert [choose_precision(recipe, d) for d in ("cpu", "cuda:0")] == ["float32", "float16"]
    always = yolov5.Options(mixed_precision=True)
    assert [choose_precision(always, d) for d in ("cpu", "cuda")] == ["bfloat16", "float16"]
    never = yolov5.Options(mixed_precision=False)
    assert [choose_precision(never, d) for d in ("cpu", "cuda:1")] == ["float32", "float32"]


def test_specs_of_the_time_before_automatic_precision_keep_their_hash():
    values = [
        yolov5.Options(**options).model_dump(mode="json")["mixed_precision"]
        for options in ({}, {"mixed_precision": True}, {"mixed_precision": False})
    ]
    assert values == [False, True, "never"]
    # computed with the release before the options mixed_precision: auto and compile
    assert hashing.content_hash(yolov5.Options().model_dump(mode="json")) == "988fac0fac28"
    assert yolov5.Options(compile=True).model_dump(mode="json")["compile"] is True


def test_a_compiled_training_says_so_in_its_protocol():
    assert "compiled" not in yolov5.protocol(yolov5.Options(), yolov5.Predict())
    assert yolov5.protocol(yolov5.Options(compile=True), yolov5.Predict())["compiled"] is True


def test_a_users_file_of_initial_weights_is_checked_before_the_run(tmp_path):
    network.write_weights(tmp_path / "s.safetensors", network.build_network("s", ["a"]), half=True)
    options = yolov5.Options(size="n", start_weights=str(tmp_path / "s.safetensors"))
    with pytest.raises(UserError, match="tensors fit this network"):
        yolov5.check(options, tmp_path)
    yolov5.check(options.model_copy(update={"size": "s"}), tmp_path)
    for weights in ("scratch", "packaged", "yolov5n.pt"):
        yolov5.check(yolov5.Options(start_weights=weights), tmp_path)


def test_boxes_across_the_edge_are_clipped_and_those_outside_dropped():
    rows = np.array([[-9, -9, 500, 500, 0.9, 1], [400, 10, 420, 20, 0.8, 0]], np.float64)
    boxes = inference._convert_to_original_pixels(rows, (256, 320), inference.InputShape(320))
    assert boxes.corners.tolist() == [[0, 0, 320, 256]]
    assert boxes.class_ids.tolist() == [1]


def test_the_protocol_names_model_weights_and_epochs():
    facts = yolov5.protocol(yolov5.Options(size="s", epochs=7), yolov5.Predict())
    assert facts["model"] == ("YOLOv5su (anchor-free, not v6.0 with anchors; ultralytics 8.4.190)")
    assert facts["start weights"] == "scratch"
    assert facts["epochs"] == 7
    assert "last epoch" in facts["weights used"]


def test_importing_ultralytics_does_not_patch_torch_or_pillow():
    from PIL import Image

    assert torch.save.__module__ == "torch.serialization"
    assert Image.open.__module__ == "PIL.Image"
