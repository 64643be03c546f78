"""DroneVehicle: hulls of oriented boxes, names of classes, labels of each sensor."""

import pytest

from fusebench.data.split_builder import load_split
from fusebench.datasets import dronevehicle
from fusebench.errors import UserError
from tests.helpers.dataset_folders import IMAGE_SIZE, write_image

DIAMOND = (10, 4, 16, 10, 10, 16, 4, 10)  # hull: 4, 4, 16, 16


def load(root, split="all", /, **options):
    return load_split(dronevehicle.load, root, split, dronevehicle.Options(**options))


def build_polygon(name, points):
    corners = zip(points[::2], points[1::2], strict=True)
    tags = "".join(f"<x{i}>{x}</x{i}><y{i}>{y}</y{i}>" for i, (x, y) in enumerate(corners, 1))
    return f"<object><name>{name}</name><polygon>{tags}</polygon></object>"


def write_xml(path, objects, size=IMAGE_SIZE):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        f"<annotation><size><width>{size[0]}</width><height>{size[1]}</height></size>"
        f"{objects}</annotation>"
    )


def write_release(root, objects=None, visible_objects=""):
    objects = build_polygon("car", DIAMOND) if objects is None else objects
    folder = root / "dronevehicle"
    for part in ("train", "val", "test"):
        write_image(folder / f"{part}/{part}imgr/00001.jpg")
        write_image(folder / f"{part}/{part}img/00001.jpg", mode="RGB")
        write_xml(folder / f"{part}/{part}labelr/00001.xml", objects)
        write_xml(folder / f"{part}/{part}label/00001.xml", visible_objects)
    return folder


def test_oriented_boxes_become_their_upright_hulls_and_the_protocol_says_so(tmp_path):
    write_release(tmp_path)
    split = load(tmp_path, "test")
    assert split.pairs[0].boxes.corners.tolist() == [[4, 4, 16, 16]]
    assert ("oriented boxes", "1 of 1 read as the upright boxes around them") in split.notes


def test_numbers_begin_anew_in_each_folder_and_validation_is_not_used(tmp_path):
    write_release(tmp_path)
    assert load(tmp_path, "train").keys == ("train_00001",)
    assert load(tmp_path, "test").keys == ("test_00001",)
    assert load(tmp_path, "test", test_folder="val").keys == ("val_00001",)
    assert any("val (1 pairs)" in text for _, text in load(tmp_path, "test").notes)


def test_labels_are_those_of_the_infrared_images_unless_the_option_says_otherwise(tmp_path):
    write_release(tmp_path)
    assert load(tmp_path, "test").count_boxes() == [1, 0, 0, 0, 0]
    visible = load(tmp_path, "test", sensor="visible")
    assert visible.count_boxes() == [0, 0, 0, 0, 0]
    assert any(text.startswith("drawn for the visible") for _, text in visible.notes)


@pytest.mark.parametrize("name", ["feright car", "feright_car", "feright", "freight_car"])
def test_all_spellings_are_freight_cars(tmp_path, name):
    write_release(tmp_path, build_polygon(name, DIAMOND))
    assert load(tmp_path, "test").count_boxes() == [0, 0, 0, 0, 1]


def test_misspelled_trucks_are_trucks_and_stars_are_left_out(tmp_path):
    write_release(tmp_path, build_polygon("truvk", DIAMOND) + build_polygon("*", DIAMOND))
    split = load(tmp_path, "test")
    assert split.count_boxes() == [0, 1, 0, 0, 0]
    assert dict(split.notes)["boxes of other classes"].startswith("1 left out")


def test_corners_outside_the_image_are_clipped_and_boxes_without_area_are_left_out(tmp_path):
    width = IMAGE_SIZE[0]
    outside = (width - 4, 2, width + 20, 4, width + 20, 8, width - 4, 6)
    point = (3, 3, 3, 3, 3, 3, 3, 3)
    nothing = "<object><name>car</name><point><x>3</x><y>3</y></point></object>"
    objects = build_polygon("car", outside) + build_polygon("car", point) + nothing
    write_release(tmp_path, objects)
    split = load(tmp_path, "test")
    assert split.pairs[0].boxes.corners.tolist() == [[width - 4, 2, width, 8]]
    assert dict(split.notes)["objects without a usable box"].startswith("2 left out")


def test_upright_boxes_among_the_oriented_ones_are_read(tmp_path):
    box = "<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>9</xmax><ymax>8</ymax></bndbox>"
    write_release(tmp_path, f"<object><name>bus</name>{box}</object>")
    assert load(tmp_path, "test").pairs[0].boxes.corners.tolist() == [[1, 2, 9, 8]]


def test_cropped_images_with_labels_of_the_release_are_refused(tmp_path):
    folder = write_release(tmp_path)
    write_xml(folder / "test/testlabelr/00001.xml", build_polygon("car", DIAMOND), (840, 712))
    with pytest.raises(UserError, match="made for an image of 840x712, but the image is 32x24"):
        load(tmp_path, "test")


def test_labels_of_the_other_sensor_only_are_suggested(tmp_path):
    folder = write_release(tmp_path)
    for part in ("train", "val", "test"):
        (folder / f"{part}/{part}labelr/00001.xml").unlink()
    with pytest.raises(UserError, match=r"no labels of the infrared images.*sensor: visible"):
        load(tmp_path, "test")


def test_labels_without_images_are_not_read(tmp_path):
    folder = write_release(tmp_path)
    write_xml(folder / "test/testlabelr/00002.xml", build_polygon("car", DIAMOND))
    assert load(tmp_path, "test").keys == ("test_00001",)
