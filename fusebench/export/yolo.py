"""Data set of ultralytics: images, label files and ``data.yaml``.

    images/{train,test}/<key>.<ext>    labels/{train,test}/<key>.txt    data.yaml

ultralytics wants a validation split and keeps the weights (``best.pt``) that are best on it. There
is none here: ``val`` names the test images, so that only ``last.pt`` is a fair result on them.
Without ``path``, the folders of ``data.yaml`` are relative to it, so that the export can be moved.
"""

from pathlib import Path

import yaml

from fusebench.data.box_labels import yolo_rows
from fusebench.data.image_files.plain_copies import PlacingMode
from fusebench.export import image_folder, readme
from fusebench.export.content import TaskContent
from fusebench.runtime import atomic_write

TITLE = "Data set in the format of ultralytics (YOLO)"


def write(folder: Path, content: TaskContent, mode: PlacingMode) -> None:
    """Write the images of the source and the boxes.

    Raises:
        UserError: If an image cannot be read, or a box has no area within its image.
    """
    (source,) = content.sources
    for name, files in source.images.items():
        split = content.splits[name]
        image_folder.place_images(files, split, folder / "images" / name, mode)
        labels = folder / "labels" / name
        labels.mkdir(parents=True)
        for pair in split.pairs:
            (labels / f"{pair.key}.txt").write_text(yolo_rows.format_label_file(pair))
    atomic_write.write_text_atomically(
        folder / "data.yaml", format_data_yaml(list(source.images), content.classes)
    )
    usage = (
        "yolo train data=data.yaml model=yolov5nu.yaml     trains",
        "yolo val data=data.yaml model=last.pt split=test  scores the test images",
        "Use last.pt: best.pt is chosen on `val`, which are the test images.",
    )
    atomic_write.write_text_atomically(
        folder / readme.FILE_NAME, readme.format_readme(TITLE, content, usage)
    )


def format_data_yaml(splits: list[str], classes: tuple[str, ...]) -> str:
    """Format ``data.yaml``.

    ``train`` and ``val`` are required keys. Without training images, ``train`` names a folder that
    does not exist, so that nothing is trained on test images by mistake.

    Args:
        splits: Exported splits: ``train``, ``test`` or both.
        classes: Class names in the order of their ids.
    """
    evaluated = "test" if "test" in splits else "train"
    document = {"train": "images/train", "val": f"images/{evaluated}"}
    if "test" in splits:
        document["test"] = "images/test"
    header = f"# val are the {evaluated} images: do not choose weights or settings on them\n"
    names = {"names": dict(enumerate(classes))}
    return header + yaml.safe_dump({**document, **names}, allow_unicode=True, sort_keys=False)
