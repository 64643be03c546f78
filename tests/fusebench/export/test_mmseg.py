"""Exports for MMSegmentation, read back by its data set class; and PASCAL VOC's colors."""

import json

import numpy as np
import pytest
from PIL import Image

from fusebench.data.label_images.voc_palette import build_voc_palette
from fusebench.data.pairs import Pair, Split
from fusebench.export import mmseg
from fusebench.export.content import SourceContent, TaskContent
from fusebench.export.label_palette import write_palette_png

VOC_COLORS = {  # of the development kit's list of classes
    0: (0, 0, 0),  # background
    1: (128, 0, 0),  # aeroplane
    2: (0, 128, 0),  # bicycle
    3: (128, 128, 0),  # bird
    4: (0, 0, 128),  # boat
    7: (128, 128, 128),  # car
    8: (64, 0, 0),  # cat
    15: (192, 128, 128),  # person
    20: (0, 64, 128),  # tv/monitor
    255: (224, 224, 192),  # void
}


def read_with_mmseg(folder, part):
    """The data set of one part, built as the README of the export says."""
    from mmengine.registry import init_default_scope
    from mmseg.datasets import BaseSegDataset
    from mmseg.datasets.transforms import LoadAnnotations  # noqa: F401 - registers it

    init_default_scope("mmseg")
    meta = json.loads((folder / "meta.json").read_text())
    return BaseSegDataset(
        data_root=str(folder),
        ignore_index=meta["ignore_index"],
        data_prefix={"img_path": f"img_dir/{part}", "seg_map_path": f"ann_dir/{part}"},
        img_suffix=meta["img_suffix"][part],
        seg_map_suffix=meta["seg_map_suffix"],
        metainfo={"classes": meta["classes"], "palette": meta["palette"]},
        reduce_zero_label=meta["reduce_zero_label"],
        pipeline=[{"type": "LoadImageFromFile"}, {"type": "LoadAnnotations"}],
    )


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("part", "split", "keys"),
    [("train", "train", ["00000", "00001", "00002"]), ("val", "test", ["00003", "00004"])],
)
def test_mmseg_reads_images_and_class_ids(export, finished, part, split, keys):
    folder = export("mmseg", "--task", "masks-trained", "--source", "vis")
    dataset = read_with_mmseg(folder, part)
    assert dataset.metainfo["classes"][:2] == ["unlabelled", "road"]
    assert len(dataset) == len(keys)
    for key, sample in zip(keys, dataset, strict=True):
        original = finished.path / "data/fmb" / split
        pixels = np.asarray(Image.open(original / f"Visible/{key}.png"))
        np.testing.assert_array_equal(sample["img"][..., ::-1], pixels)
        ids = np.asarray(Image.open(original / f"Label/{key}.png"))
        # FMB's class 0 are unlabeled pixels, which MMSegmentation leaves out by the value 255.
        np.testing.assert_array_equal(sample["gt_seg_map"], np.where(ids == 0, 255, ids))


@pytest.mark.filterwarnings("ignore")
def test_images_of_several_formats_get_one_extension(tmp_path):
    """MMSegmentation looks for files with one extension and would skip the others."""
    noise = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    files = {key: tmp_path / f"{key}.{end}" for key, end in (("a", "jpg"), ("b", "png"))}
    label = tmp_path / "label.png"
    Image.fromarray(np.full((6, 8), 2, np.uint8)).save(label)
    for path in files.values():
        Image.fromarray(noise).save(path)
    pairs = tuple(Pair(key, path, path, (8, 6), label_map=label) for key, path in files.items())
    split = Split("toy", "train", ("sky", "road", "car"), pairs)
    source = SourceContent("vis", "visible", {"train": files}, {})
    (tmp_path / "export").mkdir()
    content = TaskContent("toy", "segmentation", {"train": split}, (source,), ())
    mmseg.write(tmp_path / "export", content, "copy")
    dataset = read_with_mmseg(tmp_path / "export", "train")
    assert len(dataset) == 2
    decoded = np.asarray(Image.open(files["a"]))
    np.testing.assert_array_equal(dataset[0]["img"][..., ::-1], decoded)
    assert set(dataset[0]["gt_seg_map"].ravel()) == {2}


def test_the_palette_is_that_of_pascal_voc():
    palette = build_voc_palette()
    assert {i: tuple(palette[i].tolist()) for i in VOC_COLORS} == VOC_COLORS
    assert len({tuple(color) for color in palette.tolist()}) == 256


def test_a_palette_image_holds_ids_and_shows_colors(tmp_path):
    labels = np.array([[0, 1, 15], [20, 255, 7]], np.uint8)
    write_palette_png(tmp_path / "labels.png", labels)
    image = Image.open(tmp_path / "labels.png")
    assert image.mode == "P"
    np.testing.assert_array_equal(np.asarray(image), labels)
    colors = np.asarray(image.convert("RGB"))
    assert [tuple(c) for c in colors.reshape(-1, 3).tolist()] == [
        VOC_COLORS[i] for i in labels.ravel().tolist()
    ]


def test_predicted_label_maps_are_palette_images_of_the_ids(export):
    folder = export("predictions", "--task", "masks")
    assert sorted(path.name for path in (folder / "results/ir").iterdir()) == [
        "00003.png",
        "00004.png",
    ]
    predicted = {
        source: set(np.asarray(Image.open(folder / f"results/{source}/00003.png")).ravel())
        for source in ("ir", "vis")
    }
    assert predicted == {"ir": {7}, "vis": {1}}
    truth = Image.open(folder / "ground_truth/00003.png")
    assert (truth.mode, set(np.asarray(truth).ravel())) == ("P", {0, 1, 7, 9})
