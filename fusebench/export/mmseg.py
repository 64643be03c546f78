"""Data set for MMSegmentation: ``img_dir/{train,val}``, ``ann_dir/{train,val}`` and ``meta.json``.

The test split is called ``val``, as in its configurations. Label maps are gray PNG files of class
ids; 255 marks unlabeled pixels, which is the ignore index that MMSegmentation uses by default. A
class 0 of unlabeled pixels (FMB's) becomes 255 too; the ids of the other classes stay.
"""

import json
from pathlib import Path

import numpy as np

from fusebench.data import images, label_maps
from fusebench.data.image_files.plain_copies import PlacingMode
from fusebench.data.label_images.voc_palette import build_voc_palette
from fusebench.data.pairs import Split
from fusebench.errors import UserError
from fusebench.export import image_folder, readme
from fusebench.export.content import TaskContent
from fusebench.runtime import atomic_write, progress

TITLE = "Data set for MMSegmentation"
FOLDERS = {"train": "train", "test": "val"}


def write(folder: Path, content: TaskContent, mode: PlacingMode) -> None:
    """Write the images of the source and the label maps.

    Raises:
        UserError: If an image or a label map cannot be read.
    """
    (source,) = content.sources
    suffixes = {}
    for name, files in source.images.items():
        split = content.splits[name]
        placed = image_folder.place_images(
            files, split, folder / "img_dir" / FOLDERS[name], mode, has_one_extension=True
        )
        suffixes[FOLDERS[name]] = next(iter(placed.values())).suffix
        _write_label_maps(folder / "ann_dir" / FOLDERS[name], split)
    meta = {
        "classes": list(content.classes),
        "palette": build_voc_palette()[: len(content.classes)].tolist(),
        "ignore_index": label_maps.IGNORE_INDEX,
        "reduce_zero_label": False,
        "img_suffix": suffixes,
        "seg_map_suffix": ".png",
    }
    atomic_write.write_text_atomically(folder / "meta.json", json.dumps(meta, indent=2))
    usage = (
        "meta = json.load(open('meta.json'))",
        "BaseSegDataset(data_root='.', ignore_index=meta['ignore_index'],",
        "    data_prefix=dict(img_path='img_dir/train', seg_map_path='ann_dir/train'),",
        "    img_suffix=meta['img_suffix']['train'], seg_map_suffix=meta['seg_map_suffix'],",
        "    metainfo=dict(classes=meta['classes'], palette=meta['palette']),",
        "    reduce_zero_label=meta['reduce_zero_label'])",
        "Pixels of value 255 are unlabeled.",
    )
    atomic_write.write_text_atomically(
        folder / readme.FILE_NAME, readme.format_readme(TITLE, content, usage)
    )


def _write_label_maps(folder: Path, split: Split) -> None:
    folder.mkdir(parents=True)
    for pair in progress.track_progress(split.pairs, f"export labels {folder.name}"):
        assert pair.label_map is not None
        labels = label_maps.read_label_map(pair.label_map, split.classes)
        if labels.shape[::-1] != pair.size:
            raise UserError(
                f"{pair.label_map}: is {labels.shape[1]}x{labels.shape[0]}, but pair "
                f"{pair.key} has {pair.size[0]}x{pair.size[1]} pixels"
            )
        unlabeled = label_maps.find_unlabeled(labels, split.classes)
        ids = np.where(unlabeled, label_maps.IGNORE_INDEX, labels).astype(np.uint8)
        images.write_png(folder / f"{pair.key}.png", ids)
