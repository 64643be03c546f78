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
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from detection.models.yolov5 import ultralytics_import
from detection.models.yolov5.transforms import four_channels
from fusebench.data import images
from fusebench.data.box_labels import yolo_rows
from fusebench.data.image_files import plain_copies
from fusebench.data.labeled_images import LabeledImages
from fusebench.errors import UserError

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
