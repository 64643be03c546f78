"""One dataset folder per source for ultralytics: every image with its label file beside it.

    dataset/images/<key>.<ext>     hard links (copies where the file system has none)
    dataset/labels/<key>.txt       class, center, width and height as shares of the image

ultralytics looks for labels beside the images, caches what it found there, and trains on whatever
it can read. So the folder holds nothing but this source's images, and what was read is counted.
"""

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from detection.models.yolov5 import ultralytics_import
from fusebench.data import images
from fusebench.data.boxes import Boxes
from fusebench.data.images import IMAGE_EXTENSIONS
from fusebench.data.labeled_images import LabeledImages
from fusebench.data.pairs import Pair
from fusebench.errors import UserError

IMAGE_CACHE_BYTES = 2 << 30  # bytes of decoded images to keep; more are read from disk every time


def write_yolo_dataset(examples: LabeledImages, folder: Path) -> Path:
    """Make the folder afresh; return where its images are.

    Raises:
        UserError: If an image is missing, unreadable or of another size than its pair, or a
            box has no area within it.
    """
    shutil.rmtree(folder, ignore_errors=True)
    places = folder / "images", folder / "labels"
    for place in places:
        place.mkdir(parents=True)
    for pair in examples.split.pairs:
        image = examples.images[pair.key]
        _check_image(image, pair)
        _link_or_copy(image, places[0] / f"{pair.key}{image.suffix.lower()}")
        (places[1] / f"{pair.key}.txt").write_text("".join(_format_label_lines(pair)))
    return places[0]


def remove_yolo_dataset(folder: Path) -> None:
    """Take the folder away again; the images stay where they were."""
    shutil.rmtree(folder, ignore_errors=True)


def count_images_and_boxes(examples: LabeledImages) -> dict[str, int]:
    """How many images, and distinct boxes of each class, there are to be found."""
    rows = [_build_label_rows(pair) for pair in examples.split.pairs]
    ids = [index for some in rows for index, *_ in some]
    classes = examples.split.classes
    return {"images": len(rows)} | {c: ids.count(i) for i, c in enumerate(classes)}


def load_yolo_dataset(
    place: Path, examples: LabeledImages, settings: Any, *, stretched: bool = False
) -> Any:
    """The folder as ultralytics reads it, augmenting as ``settings`` say.

    Args:
        place: Where the images are.
        examples: What is to be found there.
        settings: See `wording.settings`.
        stretched: Resize images to a square; otherwise they keep their proportions.

    Raises:
        UserError: If ultralytics found other images or boxes than there are.
    """
    import cv2
    from ultralytics.data.dataset import YOLODataset

    classes = examples.split.classes
    found = YOLODataset(
        img_path=str(place),
        data={"names": dict(enumerate(classes)), "channels": 3},
        task="detect",
        imgsz=settings.imgsz,
        batch_size=settings.batch,
        augment=True,
        hyp=settings,
        cache=False,
    )
    ids = [int(index) for label in found.labels for index in label["cls"].ravel()]
    counted = {"images": len(found)} | {c: ids.count(i) for i, c in enumerate(classes)}
    if counted != count_images_and_boxes(examples):
        raise UserError(
            f"{place}: ultralytics read {counted}, expected {count_images_and_boxes(examples)}; "
            f"log.txt beside it names the files it dropped"
        )
    ultralytics_import.log_line(f"read {counted}")
    found.cv2_flag |= (
        cv2.IMREAD_IGNORE_ORIENTATION
    )  # as stored, like the boxes and fusebench.data.images
    if stretched:
        found.load_image = partial(found.load_image, rect_mode=False)
    found.cache = "ram"  # its mosaics then choose from all images, not from those seen lately
    found.transforms = found.build_transforms(settings)
    _cache_images(found)
    return found


class TrainingSamples:
    """A map-style dataset of (epoch, index): each sample is a function of seed, epoch and index."""

    def __init__(self, read: Any, seed: int) -> None:
        self.yolo_dataset = read
        self.seed = seed

    def __len__(self) -> int:
        return len(self.yolo_dataset)

    def __getitem__(self, which: tuple[int, int]) -> Mapping[str, Any]:
        epoch, index = which
        ultralytics_import.seed_everything(self.seed, epoch, index, 1)
        sample: Mapping[str, Any] = self.yolo_dataset[index]
        return sample


def iterate_batches(
    samples: TrainingSamples, size: int, epoch: int, workers: int
) -> Iterator[dict[str, Any]]:
    """The batches of one epoch, in an order that depends on seed and epoch alone."""
    from torch.utils.data import DataLoader

    order = np.random.default_rng([samples.seed, epoch]).permutation(len(samples))
    groups = [order[i : i + size] for i in range(0, len(order), size)]
    loader: Any = DataLoader(
        samples,  # type: ignore[arg-type] # map-style by its two methods
        batch_sampler=[[(epoch, int(i)) for i in group] for group in groups],
        collate_fn=samples.yolo_dataset.collate_fn,
        num_workers=workers,
    )
    yield from loader


def _cache_images(found: Any) -> None:
    """Decode the images once, if they fit."""
    first = found.load_image(0)[0]
    if first.nbytes * len(found) > IMAGE_CACHE_BYTES:
        return
    for i in range(len(found)):
        found.ims[i], found.im_hw0[i], found.im_hw[i] = found.load_image(i)


def _check_image(image: Path, pair: Pair) -> None:
    if image.suffix.lower() not in IMAGE_EXTENSIONS:
        raise UserError(f"{image}: not an image type that is known: {', '.join(IMAGE_EXTENSIONS)}")
    size = images.read_image_size(image)
    if size != pair.size:
        raise UserError(
            f"{image}: is {size[0]}x{size[1]}, but pair {pair.key} is "
            f"{pair.size[0]}x{pair.size[1]}, and its boxes with it; resize the image"
        )


def _link_or_copy(image: Path, place: Path) -> None:
    try:
        os.link(image.resolve(), place)
    except OSError:  # another file system, or one without hard links
        shutil.copyfile(image, place)


def _build_label_rows(pair: Pair) -> list[tuple[int, float, float, float, float]]:
    """Distinct (class, center x, center y, width, height), as shares of the image, within it."""
    width, height = pair.size
    boxes: Boxes | None = pair.boxes
    if boxes is None:
        raise UserError(f"{pair.key}: has no boxes; this data set cannot train a detector")
    corners = np.clip(boxes.corners, 0, [width, height, width, height])
    if (corners[:, 2:] <= corners[:, :2]).any():
        raise UserError(f"{pair.key}: a box has no area within the {width}x{height} image")
    shares = corners / [width, height, width, height]
    centers, sides = (shares[:, :2] + shares[:, 2:]) / 2, shares[:, 2:] - shares[:, :2]
    # float32, as ultralytics reads them: boxes that it takes for one are one here too
    numbers = np.concatenate([centers, sides], axis=1).astype(np.float32)
    rows = zip(boxes.class_ids.tolist(), *numbers.T.tolist(), strict=True)
    return list(dict.fromkeys(rows))


def _format_label_lines(pair: Pair) -> Sequence[str]:
    return [f"{i} {x:.9g} {y:.9g} {w:.9g} {h:.9g}\n" for i, x, y, w, h in _build_label_rows(pair)]
