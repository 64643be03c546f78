"""Readers of VOC and YOLO labels: coordinates, class ids, and refusal of invalid files."""

import numpy as np
import pytest

from fusebench.data import box_annotations
from fusebench.errors import UserError
from tests.helpers.dataset_folders import IMAGE_SIZE, write_voc_xml

CLASSES = ("People", "Car")
BOMB = """<?xml version="1.0"?>
<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;">]>
<annotation><object><name>&c;</name></object></annotation>
"""


def test_voc_corners_are_taken_as_written_and_names_become_class_ids(tmp_path):
    write_voc_xml(tmp_path / "a.xml", [("Car", 0, 3, 32, 24), ("People", 1.5, 2, 3, 4)])
    boxes = box_annotations.read_voc_labels(tmp_path / "a.xml", CLASSES, IMAGE_SIZE)
    np.testing.assert_array_equal(boxes.corners, [[0, 3, 32, 24], [1.5, 2, 3, 4]])
    assert list(boxes.class_ids) == [1, 0]
    assert len(boxes.scores) == 0


def test_voc_file_without_objects_has_no_boxes(tmp_path):
    write_voc_xml(tmp_path / "a.xml", [])
    assert len(box_annotations.read_voc_labels(tmp_path / "a.xml", CLASSES, IMAGE_SIZE)) == 0


def test_box_of_a_part_is_ignored(tmp_path):
    (tmp_path / "a.xml").write_text(
        "<annotation><object><name>People</name><bndbox><ymax>9</ymax><xmax>8</xmax><ymin>2</ymin>"
        "<xmin>1</xmin></bndbox><part><name>head</name><bndbox><xmin>3</xmin><ymin>2</ymin>"
        "<xmax>4</xmax><ymax>3</ymax></bndbox></part></object></annotation>"
    )
    boxes = box_annotations.read_voc_labels(tmp_path / "a.xml", CLASSES, IMAGE_SIZE)
    assert boxes.corners.tolist() == [[1, 2, 8, 9]]


@pytest.mark.parametrize(
    ("box", "message"),
    [
        (("Tram", 1, 1, 2, 2), "object 2: class 'Tram' is none of People, Car"),
        (("car", 1, 1, 2, 2), "object 2: class 'car' is none of"),
        (("Car", 5, 1, 5, 2), r"object 2 \(Car\): xmin 5, ymin 1, xmax 5, ymax 2"),
        (("Car", 9, 1, 5, 2), "expected 0 <= xmin < xmax <= 32"),
        (("Car", 1, 1, 33, 2), "xmax 33"),
        (("Car", -1, 1, 3, 2), "xmin -1"),
        (("Car", 1, 1, 3, 25), "ymax <= 24"),
        (("Car", "nan", 1, 3, 5), "xmin nan"),
        (("Car", "", 1, 3, 5), "xmin nan"),
        (("Car", "inf", 1, 3, 5), "xmin inf"),
    ],
)
def test_invalid_voc_object_is_named(tmp_path, box, message):
    write_voc_xml(tmp_path / "a.xml", [("Car", 1, 1, 2, 2), box])
    with pytest.raises(UserError, match=rf"a\.xml: .*{message}"):
        box_annotations.read_voc_labels(tmp_path / "a.xml", CLASSES, IMAGE_SIZE)


def test_voc_file_of_another_image_size_is_refused(tmp_path):
    write_voc_xml(tmp_path / "a.xml", [("Car", 1, 1, 2, 2)], size=(64, 48))
    with pytest.raises(UserError, match="made for an image of 64x48, but the image is 32x24"):
        box_annotations.read_voc_labels(tmp_path / "a.xml", CLASSES, IMAGE_SIZE)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<annotation><object>", "not XML"),
        (b"", "not XML"),
        (BOMB.encode(), "has entity definitions"),
        (BOMB.split("\n", 1)[1].encode(), "has entity definitions"),
        (BOMB.split("\n", 1)[1].encode("utf-16"), "has entity definitions"),
        (b'<?xml version="1.0" encoding="utf-8"?><annotation>\xff\xfe</annotation>', "not XML"),
        (b'<?xml version="1.0" encoding="klingon"?><annotation/>', "not XML"),
        (b"<html><body/></html>", "not a VOC file"),
    ],
)
def test_broken_or_malicious_xml_file_is_refused(tmp_path, content, message):
    (tmp_path / "a.xml").write_bytes(content)
    with pytest.raises(UserError, match=rf"a\.xml: .*{message}"):
        box_annotations.read_voc_labels(tmp_path / "a.xml", CLASSES, IMAGE_SIZE)


def test_missing_xml_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"a\.xml: cannot be read"):
        box_annotations.read_voc_labels(tmp_path / "a.xml", CLASSES, IMAGE_SIZE)


def read_yolo(tmp_path, content, class_order=(0, 1)):
    path = tmp_path / "a.txt"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return box_annotations.read_yolo_labels(path, class_order, (100, 50))


def test_yolo_values_are_scaled_to_pixels_and_ids_are_mapped_by_the_class_order(tmp_path):
    boxes = read_yolo(tmp_path, "0  0.5 0.5 0.2 0.4  \n\n1 0.25 0.5 0.1 0.2", class_order=(1, 0))
    np.testing.assert_allclose(boxes.corners, [[40, 15, 60, 35], [20, 20, 30, 30]])
    assert list(boxes.class_ids) == [1, 0]


@pytest.mark.parametrize("content", ["", "\n", "  \r\n\n"])
def test_empty_yolo_file_has_no_boxes(tmp_path, content):
    assert len(read_yolo(tmp_path, content)) == 0


def test_byte_order_mark_is_skipped(tmp_path):
    assert len(read_yolo(tmp_path, b"\xef\xbb\xbf0 0.5 0.5 0.2 0.4\r\n")) == 1


def test_yolo_edge_slightly_outside_is_clipped_to_the_image(tmp_path):
    boxes = read_yolo(tmp_path, "0 0.1 0.5 0.21 1.02")  # left -0.5 px, top -0.5 px, bottom 50.5 px
    np.testing.assert_allclose(boxes.corners, [[0, 0, 20.5, 50]])


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("0 0.5 0.5 0.2", "expected 'id cx cy width height'"),
        ("0 0.5 0.5 0.2 0.4 0.9", "expected 'id cx cy width height'"),
        ("0 0.5 0.5 0.2 x", "expected 'id cx cy width height'"),
        ("0 0.5 0.5 0.2 nan", "expected 'id cx cy width height'"),
        ("2 0.5 0.5 0.2 0.4", r"class id 2 is not in 0\.\.1"),
        ("-1 0.5 0.5 0.2 0.4", r"class id -1 is not in 0\.\.1"),
        ("0.5 0.5 0.5 0.2 0.4", r"class id 0\.5 is not in"),
        ("0 0.05 0.5 0.2 0.4", r"runs from -5\.0 to 15\.0, outside 0\.\.100 pixels"),
        ("0 50 25 10 10", "outside"),
        ("0 0.5 0.5 0 0.4", "no area"),
        ("0 0.5 0.5 -0.2 0.4", "no area"),
    ],
)
def test_invalid_yolo_line_is_named(tmp_path, row, message):
    with pytest.raises(UserError, match=rf"a\.txt: line 2: .*{message}"):
        read_yolo(tmp_path, f"0 0.5 0.5 0.2 0.4\n{row}\n")


def test_text_file_in_another_encoding_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"a\.txt: not UTF-8 text \(byte 2\)"):
        read_yolo(tmp_path, b"0 \xe9\n")
