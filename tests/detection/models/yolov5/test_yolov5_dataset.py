"""Training data for ultralytics: images and boxes are complete, counted and in a fixed order."""

from dataclasses import replace

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
from fusebench.runtime.loading import training_batches
from tests.helpers.tiny_detection_dataset import write_labeled_images

OPTIONS = yolov5.Options()


@pytest.fixture(scope="module", autouse=True)
def ultralytics(tmp_path_factory):
    ultralytics_import.import_ultralytics(tmp_path_factory.mktemp("settings"))


def write_one_pair(tmp_path, corners, class_ids, size=None):
    examples = write_labeled_images(tmp_path / "one", 1)
    (pair,) = examples.split.pairs
    boxes = make_boxes(corners, class_ids)
    pair = Pair(pair.key, pair.infrared, pair.visible, size or pair.size, boxes)
    return LabeledImages(examples.images, Split("toy", "train", ("wide", "tall"), (pair,)))


def write_and_load(examples, folder, stretched=False, **options):
    """Write the folder for ultralytics and load it."""
    config = build_config(yolov5.Options(**{"image_size": 96} | options), 0)
    image_folder = dataset.write_yolo_dataset(examples, folder)
    return dataset.load_yolo_dataset(image_folder, examples, config, stretched=stretched)


def test_the_folder_has_every_image_and_its_label_file(tmp_path):
    examples = write_labeled_images(tmp_path / "images", 5)
    image_folder = dataset.write_yolo_dataset(examples, tmp_path / "dataset")
    assert sorted(p.name for p in image_folder.iterdir()) == [f"00{i}.png" for i in range(5)]
    assert sorted(p.name for p in (tmp_path / "dataset/labels").iterdir()) == [
        f"00{i}.txt" for i in range(5)
    ]
    assert not any(p.is_symlink() for p in image_folder.iterdir())


def test_a_label_line_is_class_center_and_size_as_fractions(tmp_path):
    examples = write_one_pair(tmp_path, [(24, 16, 72, 48)], [1])
    dataset.write_yolo_dataset(examples, tmp_path / "dataset")
    assert (tmp_path / "dataset/labels/000.txt").read_text() == "1 0.5 0.5 0.5 0.5\n"


def test_ignored_boxes_are_not_trained_on(tmp_path):
    examples = write_one_pair(tmp_path, [(24, 16, 72, 48), (0, 0, 9, 9)], [1, 0])
    (pair,) = examples.split.pairs
    boxes = make_boxes(pair.boxes.corners, pair.boxes.class_ids, ignored=[False, True])
    split = replace(examples.split, pairs=(replace(pair, boxes=boxes),))
    dataset.write_yolo_dataset(LabeledImages(examples.images, split), tmp_path / "dataset")
    assert (tmp_path / "dataset/labels/000.txt").read_text() == "1 0.5 0.5 0.5 0.5\n"


def test_ultralytics_reads_exactly_the_true_boxes(tmp_path):
    examples = write_labeled_images(tmp_path / "images", 6)
    yolo_dataset = write_and_load(examples, tmp_path / "dataset")
    for pair, label in zip(examples.split.pairs, yolo_dataset.labels, strict=True):
        width, height = pair.size
        centers, sizes = label["bboxes"][:, :2], label["bboxes"][:, 2:]
        fractions = np.concatenate([centers - sizes / 2, centers + sizes / 2], axis=1)
        corners = fractions * [width, height, width, height]
        np.testing.assert_allclose(corners, pair.boxes.corners, atol=1e-4)
        assert label["cls"].ravel().tolist() == pair.boxes.class_ids.tolist()


def test_duplicate_boxes_are_counted_once_as_by_ultralytics(tmp_path):
    examples = write_one_pair(tmp_path, [(1, 1, 20, 20), (1, 1, 20, 20), (1, 1, 20, 20)], [0, 0, 1])
    yolo_dataset = write_and_load(examples, tmp_path / "dataset")
    assert dataset.count_images_and_boxes(examples) == {"images": 1, "wide": 1, "tall": 1}
    assert len(yolo_dataset.labels[0]["cls"]) == 2


def test_an_image_that_ultralytics_drops_is_an_error(tmp_path):
    examples = write_labeled_images(tmp_path / "images", 4)
    image_folder = dataset.write_yolo_dataset(examples, tmp_path / "dataset")
    (tmp_path / "dataset/labels/002.txt").write_text("0 7.5 0.5 0.1 0.1\n")
    with pytest.raises(UserError, match=r"ultralytics read .*'images': 3.*expected .*'images': 4"):
        dataset.load_yolo_dataset(
            image_folder, examples, build_config(yolov5.Options(image_size=96), 0)
        )


def test_a_missing_label_file_is_an_error(tmp_path):
    examples = write_labeled_images(tmp_path / "images", 4)
    image_folder = dataset.write_yolo_dataset(examples, tmp_path / "dataset")
    (tmp_path / "dataset/labels/002.txt").unlink()
    with pytest.raises(UserError, match="ultralytics read"):
        dataset.load_yolo_dataset(
            image_folder, examples, build_config(yolov5.Options(image_size=96), 0)
        )


def test_an_image_of_another_size_than_its_pair_is_an_error(tmp_path):
    examples = write_one_pair(tmp_path, [(1, 1, 20, 20)], [0], size=(50, 50))
    with pytest.raises(UserError, match="is 96x64, but pair 000 and its labels are for 50x50"):
        dataset.write_yolo_dataset(examples, tmp_path / "dataset")


def test_a_box_outside_its_image_is_an_error(tmp_path):
    examples = write_one_pair(tmp_path, [(100, 1, 120, 20)], [0])
    with pytest.raises(UserError, match="no area within the 96x64 image"):
        dataset.write_yolo_dataset(examples, tmp_path / "dataset")


def test_pairs_without_boxes_cannot_train_a_detector(tmp_path):
    examples = write_one_pair(tmp_path, [], [])
    unlabeled = Pair("000", examples.images["000"], examples.images["000"], (96, 64))
    without_boxes = LabeledImages(examples.images, Split("toy", "train", ("wide",), (unlabeled,)))
    with pytest.raises(UserError, match="000: has no boxes"):
        dataset.write_yolo_dataset(without_boxes, tmp_path / "dataset")


def test_a_sample_depends_on_seed_epoch_and_index_alone(tmp_path):
    examples = write_labeled_images(tmp_path / "images", 6)
    yolo_dataset = write_and_load(examples, tmp_path / "dataset")
    samples = dataset.TrainingSamples(yolo_dataset, OPTIONS, 3)
    first = samples[(2, 4)]["img"]
    for other in [(0, 1), (2, 4), (5, 5)]:
        samples[other]
    assert torch.equal(samples[(2, 4)]["img"], first)
    assert not torch.equal(samples[(3, 4)]["img"], first)
    assert not torch.equal(dataset.TrainingSamples(yolo_dataset, OPTIONS, 4)[(2, 4)]["img"], first)


def resize(file, side, stretched=False):
    return inference.resize_and_pad(images.read_color(file), inference.InputShape(side, stretched))


NO_AUGMENTATION = dict.fromkeys(
    ("mosaic", "flip", "hue", "saturation", "brightness", "scale", "translate"), 0
)


@pytest.mark.parametrize("file_type", ["color.png", "color.jpg", "gray.png", "gray.jpeg"])
def test_training_and_prediction_use_the_same_pixels(tmp_path, file_type):
    """Same size, colors and channel order, RGB first, as Pillow reads the file."""
    mode, extension = file_type.split(".")
    noise = np.random.default_rng(0).integers(0, 256, (4, 6, 3), dtype=np.uint8)
    image = Image.fromarray(noise).resize((96, 96)).convert("L" if mode == "gray" else "RGB")
    file = tmp_path / f"k.{extension}"
    image.save(file)
    pair = Pair("k", file, file, (96, 96), boxes=make_boxes([[8, 8, 40, 40]], [0]))
    examples = LabeledImages({"k": file}, Split("toy", "train", ("wide",), (pair,)))
    yolo_dataset = write_and_load(examples, tmp_path / "dataset", **NO_AUGMENTATION)
    training_pixels = (
        dataset.TrainingSamples(yolo_dataset, OPTIONS, 0)[(0, 0)]["img"].numpy().transpose(1, 2, 0)
    )
    expected = np.asarray(Image.open(file).convert("RGB"))
    np.testing.assert_array_equal(training_pixels, expected)
    np.testing.assert_array_equal(resize(file, 96), expected)


def test_stretched_images_fill_the_square_in_training_as_in_prediction(tmp_path):
    # The box is 24 of 96 wide and 32 of 64 high: 32 and 64 of 128 x 128 after stretching.
    examples = write_one_pair(tmp_path, [(12, 16, 36, 48)], [0])
    options = NO_AUGMENTATION | {"image_size": 128}
    yolo_dataset = write_and_load(examples, tmp_path / "dataset", stretched=True, **options)
    sample = dataset.TrainingSamples(yolo_dataset, OPTIONS, 0)[(0, 0)]
    expected = np.asarray(resize(examples.images["000"], 128, stretched=True))
    np.testing.assert_array_equal(sample["img"].numpy().transpose(1, 2, 0), expected)
    corners = sample["bboxes"].numpy()[0] * 128  # center, width, height
    np.testing.assert_allclose(corners, [32, 64, 32, 64], atol=0.01)


def test_mosaics_are_composed_of_stretched_images_too(tmp_path):
    examples = write_labeled_images(tmp_path / "images", 4)
    options = {"image_size": 128, "mosaic": 1}
    yolo_dataset = write_and_load(examples, tmp_path / "dataset", stretched=True, **options)
    assert {yolo_dataset.load_image(i)[0].shape for i in range(4)} == {(128, 128, 3)}
    assert dataset.TrainingSamples(yolo_dataset, OPTIONS, 0)[(0, 0)]["img"].shape == (3, 128, 128)


def write_rotated(image, path):
    """Store an image upside down, with the EXIF orientation that turns it back."""
    exif = Image.Exif()
    exif[0x0112] = 3
    image.transpose(Image.Transpose.ROTATE_180).save(path, exif=exif.tobytes(), quality=95)


def write_with_trailer(image, path):
    image.save(path, quality=95)
    path.write_bytes(path.read_bytes() + b"\0\0end of a phone's JPEG")


def write_rotated_with_trailer(image, path):
    write_rotated(image, path)
    path.write_bytes(path.read_bytes() + b"\0\0end of a phone's JPEG")


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("rotated.jpg", write_rotated),
        ("rotated.png", write_rotated),
        ("trailer.jpg", write_with_trailer),
        ("both.jpg", write_rotated_with_trailer),
        ("gray.png", lambda image, path: image.convert("L").save(path)),
        ("palette.png", lambda image, path: image.quantize(16).save(path)),
        ("transparent.png", lambda image, path: image.convert("RGBA").save(path)),
        ("cmyk.jpg", lambda image, path: image.convert("CMYK").save(path, quality=95)),
        ("lossy.webp", lambda image, path: image.save(path)),
        ("plain.jpg", lambda image, path: image.save(path, quality=95)),
        ("plain.bmp", lambda image, path: image.save(path)),
        (
            "turned.tif",
            lambda image, path: image.transpose(Image.Transpose.ROTATE_180).save(
                path, tiffinfo={0x0112: 3}
            ),
        ),
        ("png.jpg", lambda image, path: image.save(path, format="PNG")),
    ],
)
def test_training_reads_the_pixels_of_the_test_and_no_file_is_rewritten(tmp_path, name, write):
    examples = write_one_pair(tmp_path, [(8, 8, 40, 40)], [0])
    file = tmp_path / name
    upright = Image.open(examples.images["000"])
    write(upright, file)
    content = file.read_bytes()
    renamed = LabeledImages({"000": file}, examples.split)
    yolo_dataset = write_and_load(renamed, tmp_path / "dataset", **NO_AUGMENTATION)
    pixels = yolo_dataset.load_image(0)[0][..., ::-1]
    np.testing.assert_array_equal(pixels, images.read_color(file))
    if "gray" not in name:
        assert np.abs(pixels.astype(int) - np.asarray(upright)).mean() < 30  # upside down: 46
    assert file.read_bytes() == content
    assert "restored" not in "".join(p.read_text() for p in tmp_path.rglob("log.txt"))


def load_samples(tmp_path, count, **options):
    """Return images on the disk as training samples."""
    examples = write_labeled_images(tmp_path / "images", count)
    yolo_dataset = write_and_load(examples, tmp_path / "dataset", **options)
    return dataset.TrainingSamples(yolo_dataset, yolov5.Options(image_size=96, **options), 0)


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # Python 3.12 about threads
def test_the_number_of_worker_processes_does_not_change_the_batches(tmp_path, monkeypatch):
    pixels = []
    for workers in (0, 2):
        samples = load_samples(tmp_path, 5, batch=2, epochs=3, close_mosaic=1)
        monkeypatch.setattr(training_batches, "count_workers", lambda _, count=workers: count)
        pixels.append([batch["img"] for batch in dataset.iterate_batches(samples, range(3), "cpu")])
    assert len(pixels[0]) == 3 * 3
    assert all(torch.equal(a, b) for a, b in zip(*pixels, strict=True))


def test_the_last_epochs_have_no_mosaics(tmp_path):
    without = load_samples(tmp_path, 4, mosaic=0)
    samples = load_samples(tmp_path, 4, epochs=4, close_mosaic=2)
    assert not torch.equal(samples[(1, 0)]["img"], without[(1, 0)]["img"])
    for epoch in (2, 3):
        assert torch.equal(samples[(epoch, 0)]["img"], without[(epoch, 0)]["img"])
    resumed = load_samples(tmp_path, 4, epochs=4, close_mosaic=2)
    assert torch.equal(resumed[(3, 0)]["img"], without[(3, 0)]["img"])


def test_images_beyond_the_cache_are_read_again_and_change_no_batch(tmp_path, monkeypatch):
    examples = write_labeled_images(tmp_path / "images", 4)
    batches = []
    for limit, cached in ((10**9, 4), (2 * 96 * 64 * 3, 2), (0, 0)):
        monkeypatch.setattr(dataset.image_cache, "get_cache_limit", lambda limit=limit: limit)
        yolo_dataset = write_and_load(examples, tmp_path / "dataset")
        assert sum(image is not None for image in yolo_dataset.ims) == cached
        samples = dataset.TrainingSamples(yolo_dataset, yolov5.Options(batch=4), 0)
        batches += [b["img"] for b in dataset.iterate_batches(samples, range(1), "cpu")]
    assert torch.equal(batches[0], batches[1])
    assert torch.equal(batches[0], batches[2])


def test_every_epoch_has_every_image_once_in_another_order(tmp_path):
    samples = load_samples(tmp_path, 7, batch=3)
    orders = [
        [
            file
            for b in dataset.iterate_batches(samples, range(e, e + 1), "cpu")
            for file in b["im_file"]
        ]
        for e in (0, 1)
    ]
    assert sorted(orders[0]) == sorted(orders[1]) == samples.yolo_dataset.im_files
    assert orders[0] != orders[1]
