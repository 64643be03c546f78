"""Training data of one source in ultralytics' folder layout.

    dataset/images/<key>.<ext>     hard links (copies where the file system has none), or PNGs;
                                   PNGs of four channels where infrared is the fourth
    dataset/labels/<key>.txt       class, center, width and height as fractions of the image

ultralytics looks for labels beside the images, caches them, and silently skips files that it cannot
read. So the folder holds only the images of one source, and the images and boxes read are counted.

Only files that ultralytics reads exactly like `fusebench.data.images` are linked; of any other
file, the folder gets a PNG of the pixels that the test reads too (`plain_copies`).
"""

import shutil
from collections.abc import Generator, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from detection.models.yolov5 import ultralytics_import
from detection.models.yolov5.options import Options
from detection.models.yolov5.transforms import four_channels
from detection.models.yolov5.ultralytics_config import build_config
from fusebench.data import images
from fusebench.data.box_labels import yolo_rows
from fusebench.data.image_files import plain_copies
from fusebench.data.labeled_images import LabeledImages
from fusebench.errors import UserError
from fusebench.runtime.loading import image_cache, training_batches


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
        plain_copies.check_image_size(image, pair)
        if examples.channels == 3:
            plain_copies.place_image(image, image_folder, pair.key, "hardlink")
        else:
            images.write_png(image_folder / f"{pair.key}.png", examples.read(pair.key))
        (label_folder / f"{pair.key}.txt").write_text(yolo_rows.format_label_file(pair))
    return image_folder


def remove_yolo_dataset(folder: Path) -> None:
    """Delete the folder; the original images are not affected."""
    shutil.rmtree(folder, ignore_errors=True)


def count_images_and_boxes(examples: LabeledImages) -> dict[str, int]:
    """Return the number of images, and of distinct boxes per class name."""
    rows_by_image = [yolo_rows.build_rows(pair) for pair in examples.split.pairs]
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
        data={"names": dict(enumerate(classes)), "channels": examples.channels},
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
    if examples.channels != 3:
        four_channels.treat_color_apart(dataset)
    dataset.cache = "ram"  # mosaics then choose from all images, not from the last ones loaded
    dataset.transforms = dataset.build_transforms(config)
    _cache_images(dataset)
    return dataset


class TrainingSamples:
    """Map-style dataset of (epoch, index): a sample depends on seed, epoch and index alone."""

    def __init__(self, yolo_dataset: Any, options: Options, seed: int) -> None:
        self.yolo_dataset = yolo_dataset
        self.options = options
        self.seed = seed
        self._has_mosaics = True

    def __len__(self) -> int:
        return len(self.yolo_dataset)

    def __getitem__(self, epoch_and_index: tuple[int, int]) -> Mapping[str, Any]:
        epoch, index = epoch_and_index
        if self._has_mosaics and self.options.ends_mosaics(epoch):  # in every loader process
            self.yolo_dataset.close_mosaic(build_config(self.options, self.seed))
            self._has_mosaics = False
        ultralytics_import.seed_everything(self.seed, epoch, index, 1)
        sample: Mapping[str, Any] = self.yolo_dataset[index]
        return sample


def iterate_batches(
    samples: TrainingSamples, epochs: range, device: str
) -> Generator[dict[str, Any], None, None]:
    """Yield the batches of some epochs; their order depends on seed and epoch alone."""
    return training_batches.iterate_batches(
        samples, _iterate_indices(samples, epochs), samples.yolo_dataset.collate_fn, device
    )


def _iterate_indices(samples: TrainingSamples, epochs: range) -> Iterator[list[tuple[int, int]]]:
    """Yield epoch and index of the samples of every batch."""
    size = samples.options.batch
    for epoch in epochs:
        order = np.random.default_rng([samples.seed, epoch]).permutation(len(samples))
        for start in range(0, len(order), size):
            yield [(epoch, int(index)) for index in order[start : start + size]]


def _cache_images(dataset: Any) -> None:
    """Decode and resize the images once, up to the limit; others are read at every use."""
    remaining = image_cache.get_cache_limit()
    for i in range(len(dataset)):
        image, original_size, size = dataset.load_image(i)
        remaining -= image.nbytes
        if remaining < 0:
            return
        dataset.ims[i], dataset.im_hw0[i], dataset.im_hw[i] = image, original_size, size
