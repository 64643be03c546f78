"""Training data of one source in ultralytics' folder layout.

    dataset/images/<key>.<ext>     hard links (copies where the file system has none), or PNGs
    dataset/labels/<key>.txt       class, center, width and height as fractions of the image

ultralytics looks for labels beside the images, caches them, and silently skips files that it cannot
read. So the folder holds only the images of one source, and the images and boxes read are counted.

ultralytics reads rotated, deep and multi-page images in its own way, and rewrites a JPEG with bytes
after its end. Only files that it reads exactly like `fusebench.data.images` are linked; of any
other file, the folder gets a PNG of the pixels that the test reads too.
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
from fusebench.data.box_labels.relative_boxes import to_relative_rows
from fusebench.data.boxes import Boxes, make_boxes
from fusebench.data.image_files.reader import read_header
from fusebench.data.labeled_images import LabeledImages
from fusebench.data.pairs import Pair
from fusebench.errors import UserError

PLAIN_EXTENSIONS = {"PNG": (".png",), "JPEG": (".jpg", ".jpeg")}
JPEG_END = b"\xff\xd9"
IMAGE_CACHE_BYTES = 2 << 30  # larger data sets are not cached but read from disk every time


def write_yolo_dataset(examples: LabeledImages, folder: Path) -> Path:
    """Write the folder anew.

    Args:
        examples: Images and true boxes.
        folder: Where to write; what it holds is deleted.

    Returns:
        The folder of the images.

    Raises:
        UserError: If an image is missing, unreadable or of another size than its pair, or a
            box has no area within it.
    """
    shutil.rmtree(folder, ignore_errors=True)
    image_folder, label_folder = folder / "images", folder / "labels"
    for path in (image_folder, label_folder):
        path.mkdir(parents=True)
    for pair in examples.split.pairs:
        image = examples.images[pair.key]
        _check_image(image, pair)
        if _is_read_alike(image):
            _link_or_copy(image, image_folder / f"{pair.key}{image.suffix.lower()}")
        else:
            images.write_png(image_folder / f"{pair.key}.png", images.read_color(image))
        (label_folder / f"{pair.key}.txt").write_text("".join(_format_label_lines(pair)))
    return image_folder


def remove_yolo_dataset(folder: Path) -> None:
    """Delete the folder; the original images are not affected."""
    shutil.rmtree(folder, ignore_errors=True)


def count_images_and_boxes(examples: LabeledImages) -> dict[str, int]:
    """Return the number of images, and of distinct boxes per class name."""
    rows_by_image = [_build_label_rows(pair) for pair in examples.split.pairs]
    ids = [class_id for rows in rows_by_image for class_id, *_ in rows]
    classes = examples.split.classes
    return {"images": len(rows_by_image)} | {c: ids.count(i) for i, c in enumerate(classes)}


def load_yolo_dataset(
    image_folder: Path, examples: LabeledImages, config: Any, *, stretched: bool = False
) -> Any:
    """Load the folder as ultralytics' dataset, with augmentation.

    Args:
        image_folder: See `write_yolo_dataset`.
        examples: The images and boxes that it must contain.
        config: See `ultralytics_config.build_config`.
        stretched: Resize images to a square; otherwise they keep their aspect ratio.

    Returns:
        A ``YOLODataset``.

    Raises:
        UserError: If ultralytics reads other images or boxes than ``examples`` has.
    """
    from ultralytics.data.dataset import YOLODataset

    classes = examples.split.classes
    dataset = YOLODataset(
        img_path=str(image_folder),
        data={"names": dict(enumerate(classes)), "channels": 3},
        task="detect",
        imgsz=config.imgsz,
        batch_size=config.batch,
        augment=True,
        hyp=config,
        cache=False,
    )
    ids = [int(class_id) for label in dataset.labels for class_id in label["cls"].ravel()]
    counts = {"images": len(dataset)} | {c: ids.count(i) for i, c in enumerate(classes)}
    if counts != count_images_and_boxes(examples):
        raise UserError(
            f"{image_folder}: ultralytics read {counts}, expected "
            f"{count_images_and_boxes(examples)}; log.txt beside it names the files it dropped"
        )
    ultralytics_import.log_line(f"read {counts}")
    if stretched:
        dataset.load_image = partial(dataset.load_image, rect_mode=False)
    dataset.cache = "ram"  # mosaics then choose from all images, not from the last ones loaded
    dataset.transforms = dataset.build_transforms(config)
    _cache_images(dataset)
    return dataset


class TrainingSamples:
    """Map-style dataset of (epoch, index): a sample depends on seed, epoch and index alone."""

    def __init__(self, yolo_dataset: Any, seed: int) -> None:
        self.yolo_dataset = yolo_dataset
        self.seed = seed

    def __len__(self) -> int:
        return len(self.yolo_dataset)

    def __getitem__(self, epoch_and_index: tuple[int, int]) -> Mapping[str, Any]:
        epoch, index = epoch_and_index
        ultralytics_import.seed_everything(self.seed, epoch, index, 1)
        sample: Mapping[str, Any] = self.yolo_dataset[index]
        return sample


def iterate_batches(
    samples: TrainingSamples, batch_size: int, epoch: int, workers: int
) -> Iterator[dict[str, Any]]:
    """Yield the batches of one epoch, in an order that depends on seed and epoch alone."""
    from torch.utils.data import DataLoader

    order = np.random.default_rng([samples.seed, epoch]).permutation(len(samples))
    batches = [order[i : i + batch_size] for i in range(0, len(order), batch_size)]
    loader: Any = DataLoader(
        samples,  # type: ignore[arg-type] # map-style by its two methods
        batch_sampler=[[(epoch, int(i)) for i in batch] for batch in batches],
        collate_fn=samples.yolo_dataset.collate_fn,
        num_workers=workers,
    )
    yield from loader


def _cache_images(dataset: Any) -> None:
    """Decode all images once if they fit into the cache."""
    first = dataset.load_image(0)[0]
    if first.nbytes * len(dataset) > IMAGE_CACHE_BYTES:
        return
    for i in range(len(dataset)):
        dataset.ims[i], dataset.im_hw0[i], dataset.im_hw[i] = dataset.load_image(i)


def _check_image(image: Path, pair: Pair) -> None:
    size = images.read_image_size(image)
    if size != pair.size:
        raise UserError(
            f"{image}: is {size[0]}x{size[1]}, but pair {pair.key} and its boxes are for "
            f"{pair.size[0]}x{pair.size[1]}; resize the image"
        )


def _is_read_alike(path: Path) -> bool:
    """Return whether ultralytics reads the same pixels as `fusebench.data.images`.

    True for PNG and JPEG with 8 bits per channel, gray or RGB, that are stored upright and have
    the extension of their format; a JPEG must end with its end marker, because ultralytics
    rewrites it otherwise.
    """
    header = read_header(path)
    is_plain = header.mode in ("L", "RGB") and header.bits == 8 and header.orientation <= 1
    if not is_plain or path.suffix.lower() not in PLAIN_EXTENSIONS.get(header.format, ()):
        return False
    with path.open("rb") as file:
        file.seek(-len(JPEG_END), os.SEEK_END)
        return header.format != "JPEG" or file.read() == JPEG_END


def _link_or_copy(image: Path, target: Path) -> None:
    try:
        os.link(image.resolve(), target)
    except OSError:  # another file system, or one without hard links
        shutil.copyfile(image, target)


def _build_label_rows(pair: Pair) -> list[tuple[int, float, float, float, float]]:
    """Return distinct (class, center x, center y, width, height), as fractions of the image.

    Ignored boxes are left out, because ultralytics has no such boxes.
    """
    width, height = pair.size
    boxes: Boxes | None = pair.boxes
    if boxes is None:
        raise UserError(f"{pair.key}: has no boxes; this data set cannot train a detector")
    boxes = boxes.drop_ignored()
    corners = np.clip(boxes.corners, 0, [width, height, width, height])
    if (corners[:, 2:] <= corners[:, :2]).any():
        raise UserError(f"{pair.key}: a box has no area within the {width}x{height} image")
    rows = to_relative_rows(make_boxes(corners, boxes.class_ids), pair.size)
    return list(dict.fromkeys((int(class_id), *edges) for class_id, *edges in rows.tolist()))


def _format_label_lines(pair: Pair) -> Sequence[str]:
    return [f"{i} {x:.9g} {y:.9g} {w:.9g} {h:.9g}\n" for i, x, y, w, h in _build_label_rows(pair)]
