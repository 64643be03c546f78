"""The YOLO plug-in without training: options, schedule, data folder, weights, geometry."""

import math

import numpy as np
import pytest
import torch
from detection_toy import examples
from pydantic import ValidationError

from bench.boxes import make
from bench.errors import BenchError
from bench.examples import Examples
from bench.pairs import Pair, Split
from detection.models import yolo
from detection.models._yolo import dataset, inference, library, network, schedule, start
from detection.models._yolo.wording import settings


@pytest.fixture(scope="module", autouse=True)
def ultralytics(tmp_path_factory):
    library.bring_in(tmp_path_factory.mktemp("settings"))


def one_pair(tmp_path, corners, classes, **changes):
    shown = examples(tmp_path / "one", 1)
    (pair,) = shown.split.pairs
    fields = {"boxes": make(corners, classes)} | changes
    pair = Pair(
        pair.key, pair.infrared, pair.visible, fields.get("size", pair.size), fields["boxes"]
    )
    return Examples(shown.images, Split("toy", "train", ("wide", "tall"), (pair,)))


@pytest.mark.parametrize("word", ["auto", "sgd"])
def test_the_optimiser_is_said_outright(word):
    with pytest.raises(ValidationError):
        yolo.Options(optimizer=word)


def test_an_unknown_option_is_refused():
    with pytest.raises(ValidationError, match="lr0"):
        yolo.Options(lr0=0.1)


def test_the_learning_rate_falls_linearly_to_its_final_share():
    options = yolo.Options(epochs=10, warmup_epochs=0, learning_rate=0.5, final_learning_rate=0.2)
    rates = [schedule.rates(options, 7 * epoch, 7).learning_rate for epoch in range(10)]
    assert rates == pytest.approx([0.5 * (1 - 0.8 * epoch / 10) for epoch in range(10)])


def test_the_warm_up_rises_from_nothing_to_the_rate_of_the_epoch():
    options = yolo.Options(epochs=10, warmup_epochs=2, batch=16, nominal_batch=64)
    first, last = schedule.rates(options, 0, 5), schedule.rates(options, 10, 5)
    assert (first.learning_rate, first.bias_learning_rate) == (0.0, 0.1)
    assert (first.momentum, first.accumulate) == (0.8, 1)
    assert last.learning_rate == last.bias_learning_rate == pytest.approx(0.01 * (1 - 0.99 * 0.2))
    assert (last.momentum, last.accumulate) == (0.937, 4)


def test_weight_decay_is_meant_for_the_nominal_batch_and_spares_biases():
    model = network.build("n", ("a",))
    groups = schedule.optimizer(model, yolo.Options(batch=16, nominal_batch=32)).param_groups
    assert [group["weight_decay"] for group in groups] == [0.0005, 0.0, 0.0]
    assert sum(len(group["params"]) for group in groups) == len(list(model.parameters()))
    assert all(p.ndim == 1 for group in groups[1:] for p in group["params"])


def test_every_size_of_yolov5_has_its_published_number_of_parameters():
    # docs.ultralytics.com/models/yolov5, 80 classes, in millions
    for size, millions in (("n", 2.6), ("s", 9.1), ("m", 25.1)):
        count = sum(p.numel() for p in network.build(size, ["c"] * 80).parameters())
        assert count / 1e6 == pytest.approx(millions, abs=0.1)


def test_the_data_folder_holds_every_image_with_its_label_file(tmp_path):
    shown = examples(tmp_path / "images", 5)
    place = dataset.materialise(shown, tmp_path / "dataset")
    assert sorted(p.name for p in place.iterdir()) == [f"00{i}.png" for i in range(5)]
    assert sorted(p.name for p in (tmp_path / "dataset/labels").iterdir()) == [
        f"00{i}.txt" for i in range(5)
    ]
    assert not any(p.is_symlink() for p in place.iterdir())


def test_a_label_line_is_class_centre_and_size_as_shares(tmp_path):
    shown = one_pair(tmp_path, [(24, 16, 72, 48)], [1])
    dataset.materialise(shown, tmp_path / "dataset")
    assert (tmp_path / "dataset/labels/000.txt").read_text() == "1 0.5 0.5 0.5 0.5\n"


def test_ultralytics_reads_exactly_the_boxes_that_are_there(tmp_path):
    shown = examples(tmp_path / "images", 6)
    words = settings(yolo.Options(image_size=96), 0)
    found = dataset.read(dataset.materialise(shown, tmp_path / "dataset"), shown, words)
    for pair, label in zip(shown.split.pairs, found.labels, strict=True):
        width, height = pair.size
        centres, sides = label["bboxes"][:, :2], label["bboxes"][:, 2:]
        corners = np.concatenate([centres - sides / 2, centres + sides / 2], axis=1)
        read = corners * [width, height, width, height]
        np.testing.assert_allclose(read, pair.boxes.corners, atol=1e-4)
        assert label["cls"].ravel().tolist() == pair.boxes.classes.tolist()


def test_a_box_given_twice_is_one_box_to_ultralytics_and_to_us(tmp_path):
    shown = one_pair(tmp_path, [(1, 1, 20, 20), (1, 1, 20, 20), (1, 1, 20, 20)], [0, 0, 1])
    words = settings(yolo.Options(image_size=96), 0)
    found = dataset.read(dataset.materialise(shown, tmp_path / "dataset"), shown, words)
    assert dataset.expected(shown) == {"images": 1, "wide": 1, "tall": 1}
    assert len(found.labels[0]["cls"]) == 2


def test_an_image_ultralytics_would_drop_silently_is_a_fault(tmp_path):
    shown = examples(tmp_path / "images", 4)
    place = dataset.materialise(shown, tmp_path / "dataset")
    (tmp_path / "dataset/labels/002.txt").write_text("0 7.5 0.5 0.1 0.1\n")
    with pytest.raises(BenchError, match=r"ultralytics read .*'images': 3.*expected .*'images': 4"):
        dataset.read(place, shown, settings(yolo.Options(image_size=96), 0))


def test_a_missing_label_file_is_a_fault(tmp_path):
    shown = examples(tmp_path / "images", 4)
    place = dataset.materialise(shown, tmp_path / "dataset")
    (tmp_path / "dataset/labels/002.txt").unlink()
    with pytest.raises(BenchError, match="ultralytics read"):
        dataset.read(place, shown, settings(yolo.Options(image_size=96), 0))


def test_an_image_of_another_size_than_its_pair_is_a_fault(tmp_path):
    shown = one_pair(tmp_path, [(1, 1, 20, 20)], [0], size=(50, 50))
    with pytest.raises(BenchError, match="is 96x64, but pair 000 is 50x50"):
        dataset.materialise(shown, tmp_path / "dataset")


def test_a_box_outside_its_image_is_a_fault(tmp_path):
    shown = one_pair(tmp_path, [(100, 1, 120, 20)], [0])
    with pytest.raises(BenchError, match="no area within the 96x64 image"):
        dataset.materialise(shown, tmp_path / "dataset")


def test_pairs_without_boxes_cannot_train_a_detector(tmp_path):
    shown = one_pair(tmp_path, [], [])
    unlabelled = Pair("000", shown.images["000"], shown.images["000"], (96, 64))
    none = Examples(shown.images, Split("toy", "train", ("wide",), (unlabelled,)))
    with pytest.raises(BenchError, match="000: has no boxes"):
        dataset.materialise(none, tmp_path / "dataset")


def test_a_sample_depends_on_seed_epoch_and_index_alone(tmp_path):
    shown = examples(tmp_path / "images", 6)
    words = settings(yolo.Options(image_size=96), 0)
    found = dataset.read(dataset.materialise(shown, tmp_path / "dataset"), shown, words)
    samples = dataset.Samples(found, 3)
    first = samples[(2, 4)]["img"]
    for other in [(0, 1), (2, 4), (5, 5)]:
        samples[other]
    assert torch.equal(samples[(2, 4)]["img"], first)
    assert not torch.equal(samples[(3, 4)]["img"], first)
    assert not torch.equal(dataset.Samples(found, 4)[(2, 4)]["img"], first)


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # Python 3.12 about threads
def test_how_many_workers_load_the_images_changes_nothing(tmp_path):
    shown = examples(tmp_path / "images", 5)
    words = settings(yolo.Options(image_size=96), 0)
    found = dataset.read(dataset.materialise(shown, tmp_path / "dataset"), shown, words)
    alone, helped = (
        [batch["img"] for batch in dataset.batches(dataset.Samples(found, 0), 2, 1, workers)]
        for workers in (0, 2)
    )
    assert all(torch.equal(a, b) for a, b in zip(alone, helped, strict=True))


def test_every_epoch_shows_every_image_once_in_another_order(tmp_path):
    shown = examples(tmp_path / "images", 7)
    words = settings(yolo.Options(image_size=96), 0)
    found = dataset.read(dataset.materialise(shown, tmp_path / "dataset"), shown, words)
    orders = [
        [file for b in dataset.batches(dataset.Samples(found, 0), 3, e, 0) for file in b["im_file"]]
        for e in (0, 1)
    ]
    assert sorted(orders[0]) == sorted(orders[1]) == found.im_files
    assert orders[0] != orders[1]


def test_weights_come_back_as_they_were_saved(tmp_path):
    model = network.build("n", ("a", "b"))
    network.save(tmp_path, model, {"size": "n", "classes": ["a", "b"]})
    back = network.load(tmp_path).state_dict()
    assert all(torch.equal(back[name], value) for name, value in model.state_dict().items())


def test_start_weights_of_other_classes_fill_all_but_the_last_layers(tmp_path):
    old, new = network.build("n", ["x"] * 4), network.build("n", ("a", "b"))
    fitted = network.start_from(new, old.state_dict(), "old")
    assert fitted == len(new.state_dict()) - 6  # weight and bias of three class outputs
    assert torch.equal(
        new.state_dict()["model.0.conv.weight"], old.state_dict()["model.0.conv.weight"]
    )


def test_start_weights_of_another_size_are_refused():
    with pytest.raises(BenchError, match=r"small\.pt: only \d+ of 427 tensors fit"):
        network.start_from(
            network.build("n", ("a",)), network.build("s", ("a",)).state_dict(), "small.pt"
        )


def test_broken_start_weights_are_refused():
    tensors = network.build("n", ("a",)).state_dict()
    tensors["model.0.conv.weight"][0] = math.nan
    with pytest.raises(BenchError, match=r"model\.0\.conv\.weight is not finite"):
        network.start_from(network.build("n", ("a",)), tensors, "broken")


def test_an_ultralytics_checkpoint_is_read(tmp_path):
    model = network.build("n", ["x"] * 3)
    model.args = settings(yolo.Options(), 0)
    content = {"epoch": -1, "model": model.half(), "ema": None, "train_args": {"imgsz": 640}}
    content["train_metrics"] = {"fitness": np.float64(0.5)}
    torch.save(content, tmp_path / "their.pt")
    tensors = start.tensors(str(tmp_path / "their.pt"), "n", tmp_path)
    assert len(tensors) == len(model.state_dict())
    assert torch.equal(
        tensors["model.0.conv.weight"], model.float().state_dict()["model.0.conv.weight"]
    )


class Harm:
    """What a file must not be able to bring along."""

    def __reduce__(self):
        return (open, ("harm.txt", "w"))


def test_a_checkpoint_with_code_in_it_is_refused_and_not_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"model": Harm()}, tmp_path / "evil.pt")
    with pytest.raises(BenchError, match=r"evil\.pt: cannot be read safely"):
        start.checkpoint(tmp_path / "evil.pt")
    assert not (tmp_path / "harm.txt").exists()


def test_a_file_that_is_no_checkpoint_is_refused(tmp_path):
    (tmp_path / "text.pt").write_text("no weights")
    torch.save({"model": {"a": torch.zeros(1)}}, tmp_path / "dict.pt")
    (tmp_path / "text.safetensors").write_text("no weights")
    for name in ("text.pt", "dict.pt", "text.safetensors"):
        with pytest.raises(BenchError, match=name):
            start.tensors(str(tmp_path / name), "n", tmp_path)


def test_start_weights_are_checked_when_planning(tmp_path):
    for weights, size, message in (
        (str(tmp_path / "none.safetensors"), "n", "no such file"),
        ("packaged", "x", "exist for size n"),
        ("yolov5s.pt", "n", "is size s, but size is n"),
        ("resnet50", "n", "no such file"),
    ):
        with pytest.raises(BenchError, match=message):
            yolo.pins(yolo.Options(start_weights=weights, size=size))
    assert yolo.pins(yolo.Options(start_weights="yolov5su.pt", size="s")) == {"start_weights": None}
    assert yolo.pins(yolo.Options()) == {"start_weights": None}


def test_weights_asked_for_by_name_are_downloaded_once(tmp_path, monkeypatch):
    asked = []

    def download(file):
        asked.append(file)
        model = network.build("n", ["x"])
        torch.save({"model": model}, file)

    monkeypatch.setattr("ultralytics.utils.downloads.attempt_download_asset", download)
    for _ in range(2):
        tensors = start.tensors("yolov5n.pt", "n", tmp_path / "downloads")
        assert len(tensors) == 427
    assert len(asked) == 1
    assert [path.name for path in tmp_path.rglob("*.pt")] == ["yolov5nu.pt"]


def test_a_download_that_fails_says_what_to_do(tmp_path, monkeypatch):
    def no_network(file):
        raise ConnectionError("no network")

    monkeypatch.setattr("ultralytics.utils.downloads.attempt_download_asset", no_network)
    with pytest.raises(BenchError, match=r"yolov5nu\.pt could not be downloaded \(no network\)"):
        start.tensors("yolov5n.pt", "n", tmp_path)


@pytest.mark.parametrize("size", [(320, 256), (256, 320), (1024, 768), (100, 37), (640, 640)])
def test_boxes_come_back_to_where_they_were_in_the_original(size):
    width, height = size
    image = np.zeros((height, width, 3), np.uint8)
    left, top, right, bottom = width // 4, height // 4, width // 2, height // 2
    image[top:bottom, left:right] = 255
    shown = inference.fitted(image, 320)
    assert max(shown.shape) == 320
    assert shown.shape[0] % 32 == shown.shape[1] % 32 == 0
    bright = np.argwhere(shown.mean(axis=2) > 180)
    rows = np.array([[*bright.min(0)[::-1], *(bright.max(0)[::-1] + 1), 0.9, 0]], np.float64)
    found = inference._in_pixels(rows, (height, width), 320)
    slack = 1.5 * max(1, max(size) / 320)
    np.testing.assert_allclose(found.corners[0], [left, top, right, bottom], atol=slack)


def test_boxes_reaching_over_the_edge_are_clipped_and_lost_ones_dropped():
    rows = np.array([[-9, -9, 500, 500, 0.9, 1], [400, 10, 420, 20, 0.8, 0]], np.float64)
    found = inference._in_pixels(rows, (256, 320), 320)
    assert found.corners.tolist() == [[0, 0, 320, 256]]
    assert found.classes.tolist() == [1]


def test_the_protocol_says_what_a_reader_must_know():
    facts = yolo.protocol(yolo.Options(size="s", epochs=7), yolo.Predict())
    assert facts["model"] == "YOLOv5s (anchor-free, ultralytics 8.4.190)"
    assert facts["start weights"] == "scratch"
    assert facts["epochs"] == 7
    assert "last epoch" in facts["weights used"]


def test_bringing_ultralytics_in_leaves_the_process_as_it_was():
    from PIL import Image

    assert torch.save.__module__ == "torch.serialization"
    assert Image.open.__module__ == "PIL.Image"
