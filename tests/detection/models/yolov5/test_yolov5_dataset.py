"""What ultralytics is given to read: every image with its boxes, counted, in a set order."""

import numpy as np
import pytest
import torch
from PIL import Image

from detection.models import yolov5
from detection.models.yolov5 import dataset, inference, ultralytics_import
from detection.models.yolov5.ultralytics_config import build_config
from fusebench.data import images
from fusebench.data.boxes import make_boxes
from fusebench.data.labeled_images import LabeledImages
from fusebench.data.pairs import Pair, Split
from fusebench.errors import UserError
from tests.helpers.tiny_detection_dataset import write_labeled_images


@pytest.fixture(scope="module", autouse=True)
def ultralytics(tmp_path_factory):
    ultralytics_import.import_ultralytics(tmp_path_factory.mktemp("settings"))


def one_pair(tmp_path, corners, classes, **changes):
    shown = write_labeled_images(tmp_path / "one", 1)
    (pair,) = shown.split.pairs
    fields = {"boxes": make_boxes(corners, classes)} | changes
    pair = Pair(
        pair.key, pair.infrared, pair.visible, fields.get("size", pair.size), fields["boxes"]
    )
    return LabeledImages(shown.images, Split("toy", "train", ("wide", "tall"), (pair,)))


def test_the_data_folder_holds_every_image_with_its_label_file(tmp_path):
    shown = write_labeled_images(tmp_path / "images", 5)
    place = dataset.write_yolo_dataset(shown, tmp_path / "dataset")
    assert sorted(p.name for p in place.iterdir()) == [f"00{i}.png" for i in range(5)]
    assert sorted(p.name for p in (tmp_path / "dataset/labels").iterdir()) == [
        f"00{i}.txt" for i in range(5)
    ]
    assert not any(p.is_symlink() for p in place.iterdir())


def test_a_label_line_is_class_center_and_size_as_shares(tmp_path):
    shown = one_pair(tmp_path, [(24, 16, 72, 48)], [1])
    dataset.write_yolo_dataset(shown, tmp_path / "dataset")
    assert (tmp_path / "dataset/labels/000.txt").read_text() == "1 0.5 0.5 0.5 0.5\n"


def test_ultralytics_reads_exactly_the_boxes_that_are_there(tmp_path):
    shown = write_labeled_images(tmp_path / "images", 6)
    words = build_config(yolov5.Options(image_size=96), 0)
    found = dataset.load_yolo_dataset(
        dataset.write_yolo_dataset(shown, tmp_path / "dataset"), shown, words
    )
    for pair, label in zip(shown.split.pairs, found.labels, strict=True):
        width, height = pair.size
        centers, sides = label["bboxes"][:, :2], label["bboxes"][:, 2:]
        corners = np.concatenate([centers - sides / 2, centers + sides / 2], axis=1)
        read = corners * [width, height, width, height]
        np.testing.assert_allclose(read, pair.boxes.corners, atol=1e-4)
        assert label["cls"].ravel().tolist() == pair.boxes.class_ids.tolist()


def test_a_box_given_twice_is_one_box_to_ultralytics_and_to_us(tmp_path):
    shown = one_pair(tmp_path, [(1, 1, 20, 20), (1, 1, 20, 20), (1, 1, 20, 20)], [0, 0, 1])
    words = build_config(yolov5.Options(image_size=96), 0)
    found = dataset.load_yolo_dataset(
        dataset.write_yolo_dataset(shown, tmp_path / "dataset"), shown, words
    )
    assert dataset.count_images_and_boxes(shown) == {"images": 1, "wide": 1, "tall": 1}
    assert len(found.labels[0]["cls"]) == 2


def test_an_image_ultralytics_would_drop_silently_is_a_fault(tmp_path):
    shown = write_labeled_images(tmp_path / "images", 4)
    place = dataset.write_yolo_dataset(shown, tmp_path / "dataset")
    (tmp_path / "dataset/labels/002.txt").write_text("0 7.5 0.5 0.1 0.1\n")
    with pytest.raises(UserError, match=r"ultralytics read .*'images': 3.*expected .*'images': 4"):
        dataset.load_yolo_dataset(place, shown, build_config(yolov5.Options(image_size=96), 0))


def test_a_missing_label_file_is_a_fault(tmp_path):
    shown = write_labeled_images(tmp_path / "images", 4)
    place = dataset.write_yolo_dataset(shown, tmp_path / "dataset")
    (tmp_path / "dataset/labels/002.txt").unlink()
    with pytest.raises(UserError, match="ultralytics read"):
        dataset.load_yolo_dataset(place, shown, build_config(yolov5.Options(image_size=96), 0))


def test_an_image_of_another_size_than_its_pair_is_a_fault(tmp_path):
    shown = one_pair(tmp_path, [(1, 1, 20, 20)], [0], size=(50, 50))
    with pytest.raises(UserError, match="is 96x64, but pair 000 is 50x50"):
        dataset.write_yolo_dataset(shown, tmp_path / "dataset")


def test_a_box_outside_its_image_is_a_fault(tmp_path):
    shown = one_pair(tmp_path, [(100, 1, 120, 20)], [0])
    with pytest.raises(UserError, match="no area within the 96x64 image"):
        dataset.write_yolo_dataset(shown, tmp_path / "dataset")


def test_pairs_without_boxes_cannot_train_a_detector(tmp_path):
    shown = one_pair(tmp_path, [], [])
    unlabeled = Pair("000", shown.images["000"], shown.images["000"], (96, 64))
    none = LabeledImages(shown.images, Split("toy", "train", ("wide",), (unlabeled,)))
    with pytest.raises(UserError, match="000: has no boxes"):
        dataset.write_yolo_dataset(none, tmp_path / "dataset")


def test_a_sample_depends_on_seed_epoch_and_index_alone(tmp_path):
    shown = write_labeled_images(tmp_path / "images", 6)
    words = build_config(yolov5.Options(image_size=96), 0)
    found = dataset.load_yolo_dataset(
        dataset.write_yolo_dataset(shown, tmp_path / "dataset"), shown, words
    )
    samples = dataset.TrainingSamples(found, 3)
    first = samples[(2, 4)]["img"]
    for other in [(0, 1), (2, 4), (5, 5)]:
        samples[other]
    assert torch.equal(samples[(2, 4)]["img"], first)
    assert not torch.equal(samples[(3, 4)]["img"], first)
    assert not torch.equal(dataset.TrainingSamples(found, 4)[(2, 4)]["img"], first)


def _fitted(file, side, stretched=False):
    return inference.resize_and_pad(images.read_color(file), inference.InputShape(side, stretched))


PLAIN = {"mosaic": 0, "flip": 0, "hue": 0, "saturation": 0, "brightness": 0}


@pytest.mark.parametrize("form", ["color.png", "color.jpg", "gray.png", "gray.jpeg"])
def test_what_is_trained_on_is_what_is_predicted_on(tmp_path, form):
    """Same size, colors and channel order, RGB first, as Pillow reads the file."""
    kind, extension = form.split(".")
    draw = np.random.default_rng(0).integers(0, 256, (4, 6, 3), dtype=np.uint8)
    image = Image.fromarray(draw).resize((96, 96)).convert("L" if kind == "gray" else "RGB")
    file = tmp_path / f"k.{extension}"
    image.save(file)
    pair = Pair("k", file, file, (96, 96), boxes=make_boxes([[8, 8, 40, 40]], [0]))
    shown = LabeledImages({"k": file}, Split("toy", "train", ("wide",), (pair,)))
    words = build_config(yolov5.Options(image_size=96, scale=0, translate=0, **PLAIN), 0)
    found = dataset.load_yolo_dataset(
        dataset.write_yolo_dataset(shown, tmp_path / "dataset"), shown, words
    )
    trained = dataset.TrainingSamples(found, 0)[(0, 0)]["img"].numpy().transpose(1, 2, 0)
    expected = np.asarray(Image.open(file).convert("RGB"))
    np.testing.assert_array_equal(trained, expected)
    np.testing.assert_array_equal(_fitted(file, 96), expected)


def test_stretched_images_fill_the_square_in_training_as_in_prediction(tmp_path):
    # The box is 24 of 96 wide and 32 of 64 high: 32 and 64 of 128 x 128 after stretching.
    shown = one_pair(tmp_path, [(12, 16, 36, 48)], [0])
    words = build_config(yolov5.Options(image_size=128, scale=0, translate=0, **PLAIN), 0)
    place = dataset.write_yolo_dataset(shown, tmp_path / "dataset")
    found = dataset.load_yolo_dataset(place, shown, words, stretched=True)
    sample = dataset.TrainingSamples(found, 0)[(0, 0)]
    expected = np.asarray(_fitted(shown.images["000"], 128, stretched=True))
    np.testing.assert_array_equal(sample["img"].numpy().transpose(1, 2, 0), expected)
    corners = sample["bboxes"].numpy()[0] * 128  # center, width, height
    np.testing.assert_allclose(corners, [32, 64, 32, 64], atol=0.01)


def test_mosaics_are_made_of_stretched_images_too(tmp_path):
    shown = write_labeled_images(tmp_path / "images", 4)
    words = build_config(yolov5.Options(image_size=128, mosaic=1), 0)
    place = dataset.write_yolo_dataset(shown, tmp_path / "dataset")
    found = dataset.load_yolo_dataset(place, shown, words, stretched=True)
    assert {found.load_image(i)[0].shape for i in range(4)} == {(128, 128, 3)}
    assert dataset.TrainingSamples(found, 0)[(0, 0)]["img"].shape == (3, 128, 128)


def test_a_note_in_a_photo_that_it_be_turned_is_ignored_in_training_as_everywhere(tmp_path):
    """Boxes are in the pixels as they are stored; OpenCV would turn the image and not the boxes."""
    shown = one_pair(tmp_path, [(8, 8, 40, 40)], [0])
    file = tmp_path / "turned.jpg"
    stored = Image.open(shown.images["000"])
    note = Image.Exif()
    note[0x0112] = 3  # upside down
    stored.save(file, exif=note)
    words = build_config(yolov5.Options(image_size=96, scale=0, translate=0, **PLAIN), 0)
    turned = LabeledImages({"000": file}, shown.split)
    found = dataset.load_yolo_dataset(
        dataset.write_yolo_dataset(turned, tmp_path / "dataset"), turned, words
    )
    expected = np.asarray(Image.open(file))[..., ::-1]
    np.testing.assert_array_equal(found.load_image(0)[0], expected)


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # Python 3.12 about threads
def test_how_many_workers_load_the_images_changes_nothing(tmp_path):
    shown = write_labeled_images(tmp_path / "images", 5)
    words = build_config(yolov5.Options(image_size=96), 0)
    found = dataset.load_yolo_dataset(
        dataset.write_yolo_dataset(shown, tmp_path / "dataset"), shown, words
    )
    alone, helped = (
        [
            batch["img"]
            for batch in dataset.iterate_batches(dataset.TrainingSamples(found, 0), 2, 1, workers)
        ]
        for workers in (0, 2)
    )
    assert all(torch.equal(a, b) for a, b in zip(alone, helped, strict=True))


def test_every_epoch_shows_every_image_once_in_another_order(tmp_path):
    shown = write_labeled_images(tmp_path / "images", 7)
    words = build_config(yolov5.Options(image_size=96), 0)
    found = dataset.load_yolo_dataset(
        dataset.write_yolo_dataset(shown, tmp_path / "dataset"), shown, words
    )
    orders = [
        [
            file
            for b in dataset.iterate_batches(dataset.TrainingSamples(found, 0), 3, e, 0)
            for file in b["im_file"]
        ]
        for e in (0, 1)
    ]
    assert sorted(orders[0]) == sorted(orders[1]) == found.im_files
    assert orders[0] != orders[1]
