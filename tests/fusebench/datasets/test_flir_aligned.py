"""FLIR-aligned: lists of the release, class names, day and night files."""

import json

import pytest

from fusebench.data.split_builder import load_split
from fusebench.datasets import flir_aligned
from fusebench.errors import UserError
from tests.helpers.dataset_folders import IMAGE_SIZE, write_image, write_voc_xml

NAMES = ("FLIR_00002", "FLIR_08864")


def load(root, split="all", /, **options):
    return load_split(flir_aligned.load, root, split, flir_aligned.Options(**options))


def write_release(root, objects=(("bicycle", 2, 3, 12, 13), ("dog", 1, 1, 5, 5))):
    folder = root / "flir_aligned"
    for name in NAMES:
        write_image(folder / f"JPEGImages/{name}_PreviewData.jpeg")
        write_image(folder / f"JPEGImages/{name}_RGB.jpg", mode="RGB")
        write_voc_xml(folder / f"Annotations/{name}_PreviewData.xml", objects)
    (folder / "align_train.txt").write_text("FLIR_00002_PreviewData\n")
    (folder / "align_validation.txt").write_text("FLIR_08864_PreviewData\n")
    return folder


def build_coco(name):
    size = {"width": IMAGE_SIZE[0], "height": IMAGE_SIZE[1]}
    image_id = f"{name}_PreviewData"
    return {
        "images": [{"id": image_id, "file_name": f"{image_id}.jpg", **size}],
        "categories": [{"id": i, "name": n} for i, n in enumerate(("person", "bike", "car"), 1)],
        "annotations": [
            {"id": 1, "image_id": image_id, "category_id": 2, "bbox": [-1, 3, 10, 10]},
            {"id": 2, "image_id": image_id, "category_id": 3, "bbox": [4, 4, 6, 6]},
        ],
    }


def write_scene_files(root):
    folder = root / "flir_aligned"
    (folder / "meta/thermal").mkdir(parents=True)
    for name, part, condition in zip(NAMES, ("train", "test"), ("day", "night"), strict=True):
        write_image(folder / f"images_thermal_{part}/data/{name}_PreviewData.jpg")
        write_image(folder / f"images_rgb_{part}/data/{name}_RGB.jpg", mode="RGB")
        for file in (f"flir_{part}", f"{condition}_flir_{part}"):
            (folder / f"meta/thermal/{file}.json").write_text(json.dumps(build_coco(name)))


def test_the_lists_of_the_release_name_infrared_images(tmp_path):
    write_release(tmp_path)
    assert load(tmp_path, "train").keys == ("FLIR_00002",)
    test = load(tmp_path, "test")
    assert test.keys == ("FLIR_08864",)
    assert test.rule_description == "official: align_train.txt / align_validation.txt"


def test_rows_of_the_lists_may_be_paths_of_either_image(tmp_path):
    folder = write_release(tmp_path)
    (folder / "align_train.txt").write_text("JPEGImages/FLIR_00002_RGB.jpg\n")
    (folder / "align_validation.txt").write_text("JPEGImages\\FLIR_08864_PreviewData.jpeg\r\n")
    assert [load(tmp_path, part).keys for part in ("train", "test")] == [
        ("FLIR_00002",),
        ("FLIR_08864",),
    ]


def test_dogs_are_left_out_and_the_protocol_says_so(tmp_path):
    write_release(tmp_path)
    split = load(tmp_path, "test")
    assert split.count_boxes() == [0, 1, 0]
    assert dict(split.notes)["boxes of other classes"].startswith("1 left out")
    assert "drawn for the infrared images" in dict(split.notes).values()


def test_bikes_of_the_json_files_are_bicycles(tmp_path):
    write_scene_files(tmp_path)
    split = load(tmp_path)
    assert split.classes == ("person", "bicycle", "car")
    assert split.count_boxes() == [0, 2, 2]


def test_edges_that_begin_one_pixel_before_the_image_are_clipped(tmp_path):
    write_scene_files(tmp_path)
    pair = load(tmp_path).pairs[0]
    assert pair.boxes.corners[0].tolist() == [0, 3, 9, 13]


def test_day_and_night_files_give_the_conditions(tmp_path):
    write_scene_files(tmp_path)
    assert [(p.key, p.condition) for p in load(tmp_path).pairs] == [
        ("FLIR_00002", "day"),
        ("FLIR_08864", "night"),
    ]
    assert load(tmp_path, "test").keys == ("FLIR_08864",)


def test_the_release_without_its_lists_has_no_official_split(tmp_path):
    folder = write_release(tmp_path)
    (folder / "align_train.txt").unlink()
    with pytest.raises(
        UserError, match=r"no official split here: .*nor align_train\.txt and align_v"
    ):
        load(tmp_path, "test")


def test_a_listed_image_that_is_missing_is_refused(tmp_path):
    folder = write_release(tmp_path)
    (folder / "align_validation.txt").write_text("FLIR_08864_PreviewData\nFLIR_08865_PreviewData\n")
    with pytest.raises(UserError, match=r"1 key.*listed for test are not in .*FLIR_08865"):
        load(tmp_path, "test")


def test_an_unknown_class_is_refused(tmp_path):
    write_release(tmp_path, [("tram", 1, 1, 9, 9)])
    with pytest.raises(UserError, match="'tram' is none of person, bicycle, car"):
        load(tmp_path)


def test_the_folder_that_the_archive_makes_is_suggested(tmp_path):
    write_release(tmp_path)
    (tmp_path / "flir_aligned").rename(tmp_path / "align")
    (tmp_path / "flir_aligned").mkdir()
    (tmp_path / "align").rename(tmp_path / "flir_aligned/align")
    with pytest.raises(UserError, match=r"flir_aligned/align has one: name it with data\.folder"):
        load(tmp_path)
    assert len(load(tmp_path, folder="flir_aligned/align").pairs) == 2
