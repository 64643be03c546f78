"""Readers of VOC and YOLO labels: coordinates, class ids, and refusal of invalid files."""

import numpy as np
import pytest

from fusebench.data import box_annotations
from fusebench.data.box_labels import label_notes
from fusebench.data.boxes import make_boxes
from fusebench.errors import UserError
from tests.helpers.dataset_folders import IMAGE_SIZE, write_voc_xml

CLASSES = ("People", "Car")
BOMB = """<?xml version="1.0"?>
<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;">]>
<annotation><object><name>&c;</name></object></annotation>
"""


def test_voc_corners_are_taken_as_written_and_names_become_class_ids(tmp_path):
    write_voc_xml(tmp_path / "a.xml", [("Car", 0, 3, 32, 24), ("People", 1.5, 2, 3, 4)])
    boxes = box_annotations.read_voc_labels(tmp_path / "a.xml", CLASSES, IMAGE_SIZE).boxes
    np.testing.assert_array_equal(boxes.corners, [[0, 3, 32, 24], [1.5, 2, 3, 4]])
    assert list(boxes.class_ids) == [1, 0]
    assert len(boxes.scores) == 0


def test_voc_file_without_objects_has_no_boxes(tmp_path):
    write_voc_xml(tmp_path / "a.xml", [])
    labels = box_annotations.read_voc_labels(tmp_path / "a.xml", CLASSES, IMAGE_SIZE)
    assert len(labels.boxes) == 0
    assert labels.counts == {}


def test_box_of_a_part_is_ignored(tmp_path):
    (tmp_path / "a.xml").write_text(
        "<annotation><object><name>People</name><bndbox><ymax>9</ymax><xmax>8</xmax><ymin>2</ymin>"
        "<xmin>1</xmin></bndbox><part><name>head</name><bndbox><xmin>3</xmin><ymin>2</ymin>"
        "<xmax>4</xmax><ymax>3</ymax></bndbox></part></object></annotation>"
    )
    boxes = box_annotations.read_voc_labels(tmp_path / "a.xml", CLASSES, IMAGE_SIZE).boxes
    assert boxes.corners.tolist() == [[1, 2, 8, 9]]


@pytest.mark.parametrize(
    ("box", "message"),
    [
        (("Tram", 1, 1, 2, 2), "object 2: class 'Tram' is none of People, Car"),
        (("car", 1, 1, 2, 2), "object 2: class 'car' is none of People, Car; write 'Car'"),
        (("Cars", 1, 1, 2, 2), "'Cars' is none of People, Car; correct or delete"),
        (("x" * 9999, 1, 1, 2, 2), "'x{1,299}[.]{3}x{1,299}' is none of"),
        (("Car", 5, 1, 5, 2), r"object 2 \(Car\): xmin 5, ymin 1, xmax 5, ymax 2"),
        (("Car", 9, 1, 5, 2), "expected 0 <= xmin < xmax <= 32"),
        (("Car", 1, 1, 33.01, 2), "xmax 33"),
        (("Car", -1.01, 1, 3, 2), "xmin -1"),
        (("Car", 1, 1, 3, 25.5), "ymax <= 24"),
        (("Car", 32, 1, 33, 2), "xmin 32, .* xmax 33"),
        (("Car", "nan", 1, 3, 5), "xmin nan"),
        (("Car", "", 1, 3, 5), "xmin , ymin 1"),
        (("Car", "-inf", 1, 3, 5), "xmin -inf"),
        (("Car", "1", 1, "inf", 5), "xmax inf"),
        (("Car", "1,5", 1, 3, 5), "xmin 1,5, .* with decimal points"),
        (("Car", "1_0", 1, 30, 5), "xmin 1_0"),
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
        (
            b"<annotation><folder>\xba\xec\xcd\xe2</folder></annotation>",
            "not XML .*save it as UTF-8",
        ),
        (b'<?xml version="1.0" encoding="gb2312"?><annotation>\xff</annotation>', "not XML"),
        (b"<annotation><path>R&D</path></annotation>", "not XML .*correct this place"),
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


NAMESPACE = '<annotation xmlns="http://example.org/voc">'
BOX = "<bndbox><xmin>4</xmin><ymin>5</ymin><xmax>20</xmax><ymax>15</ymax></bndbox>"
CAR = f"<object><name>Car</name>{BOX}</object>"


@pytest.mark.parametrize(
    "content",
    [
        f"<annotation>{CAR}</annotation>",
        f"{NAMESPACE}{CAR}</annotation>",
        f"\n<?xml version='1.0'?><annotation>{CAR}</annotation>",
        f'<!DOCTYPE annotation SYSTEM "voc.dtd">\n<annotation>{CAR}</annotation>',
        f"<annotation>{CAR.replace('bndbox', 'BndBox').replace('xmin', 'Xmin')}</annotation>",
        f"<annotation><size><width>32.0</width><height>24.0</height></size>{CAR}</annotation>",
        f"<annotation><size><width>0</width><height>0</height></size>{CAR}</annotation>",
        "<annotation><object><name>Car</name><polygon/>" + BOX + "</object></annotation>",
    ],
)
def test_variants_of_voc_files_are_read_alike(tmp_path, content):
    (tmp_path / "a.xml").write_text(content)
    labels = box_annotations.read_voc_labels(tmp_path / "a.xml", CLASSES, IMAGE_SIZE)
    assert labels.boxes.corners.tolist() == [[4, 5, 20, 15]]
    assert labels.counts == {}


@pytest.mark.parametrize(
    ("declared", "codec"),
    [("gb2312", "gbk"), ("GBK", "gbk"), ("big5", "big5"), ("Shift_JIS", "cp932"), ("utf-16",) * 2],
)
def test_declared_encodings_of_other_languages_are_read(tmp_path, declared, codec):
    folder = "\u65e5\u672c"
    text = f'<?xml version="1.0" encoding="{declared}"?><annotation><folder>{folder}</folder>{CAR}'
    (tmp_path / "a.xml").write_bytes(f"{text}</annotation>".encode(codec))
    labels = box_annotations.read_voc_labels(tmp_path / "a.xml", CLASSES, IMAGE_SIZE)
    assert labels.boxes.corners.tolist() == [[4, 5, 20, 15]]


def test_entities_in_another_encoding_are_refused(tmp_path):
    content = BOMB.replace('version="1.0"', 'version="1.0" encoding="gb2312"')
    (tmp_path / "a.xml").write_bytes(content.encode("gbk"))
    with pytest.raises(UserError, match="has entity definitions"):
        box_annotations.read_voc_labels(tmp_path / "a.xml", CLASSES, IMAGE_SIZE)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (CAR.replace(BOX, BOX * 2), r"object 1 \(Car\): has 2 bndbox"),
        (CAR.replace(BOX, ""), "has 0 bndbox"),
        (CAR.replace(BOX, "<polygon><x1>4</x1></polygon>"), "has a polygon and no bndbox"),
        (CAR.replace(BOX, "<robndbox><cx>12</cx></robndbox>"), "has a robndbox and no bndbox"),
        (CAR.replace("</bndbox>", "<xmin>9</xmin></bndbox>"), "has xmin twice"),
        ("<size><width>24</width><height>32</height></size>", "24x32.*EXIF orientation"),
    ],
)
def test_other_shapes_and_ambiguous_boxes_are_refused(tmp_path, content, message):
    (tmp_path / "a.xml").write_text(f"<annotation>{content}</annotation>")
    with pytest.raises(UserError, match=rf"a\.xml: .*{message}"):
        box_annotations.read_voc_labels(tmp_path / "a.xml", CLASSES, IMAGE_SIZE)


def test_deleted_objects_are_left_out_and_difficult_ones_are_counted(tmp_path):
    flagged = "".join(
        CAR.replace("<bndbox><xmin>4", f"<{flag}>{value}</{flag}><bndbox><xmin>{left}")
        for left, flag, value in (
            (1, "deleted", 1),
            (2, "deleted", 0),
            (3, "difficult", 1),
            (4, "difficult", 0),
        )
    )
    (tmp_path / "a.xml").write_text(f"<annotation>{flagged}</annotation>")
    labels = box_annotations.read_voc_labels(tmp_path / "a.xml", CLASSES, IMAGE_SIZE)
    assert labels.boxes.corners[:, 0].tolist() == [2, 3, 4]
    assert labels.counts == {"deleted": 1, "difficult": 1}


def test_voc_box_up_to_a_pixel_beyond_the_edge_is_clipped_and_counted(tmp_path):
    write_voc_xml(tmp_path / "a.xml", [("Car", -1, 1, 3, 25), ("Car", 4, 5, 32.5, 9)])
    labels = box_annotations.read_voc_labels(tmp_path / "a.xml", CLASSES, IMAGE_SIZE)
    assert labels.boxes.corners.tolist() == [[0, 1, 3, 24], [4, 5, 32, 9]]
    assert labels.counts == {"clipped": 2}


def test_a_box_given_twice_is_one_object(tmp_path):
    objects = [("Car", 1, 1, 9, 9), ("Car", 2, 2, 8, 8), ("People", 1, 1, 9, 9)]
    write_voc_xml(tmp_path / "a.xml", [*objects, objects[0], objects[0]])
    labels = box_annotations.read_voc_labels(tmp_path / "a.xml", CLASSES, IMAGE_SIZE)
    assert labels.boxes.corners.tolist() == [[1, 1, 9, 9], [2, 2, 8, 8], [1, 1, 9, 9]]
    assert labels.boxes.class_ids.tolist() == [1, 1, 0]
    assert labels.counts == {"duplicate": 2}


def test_duplicates_are_those_that_ultralytics_drops(tmp_path):
    rng = np.random.default_rng(3)
    rows = rng.uniform(0.3, 0.4, (40, 4))
    rows[20:] = rows[:20] + rng.choice([0, 1e-9, 3e-8, 1e-6], (20, 1))
    text = "".join("1 " + " ".join(f"{value:.12f}" for value in row) + "\n" for row in rows)
    # The rule of ultralytics.data.utils.verify_image_label.
    expected = len(np.unique(np.array([t.split() for t in text.splitlines()], np.float32), axis=0))
    assert 20 < expected < 40
    assert len(read_yolo(tmp_path, text)) == expected


def test_boxes_of_equal_left_edges_are_duplicates_only_if_all_edges_are_equal(tmp_path):
    rows = ["0 .5 .5 .2 .2", "0 .5 .5 .2 .4", "0 .5 .6 .2 .2", "1 .5 .5 .2 .2", "0 .6 .5 .4 .2"]
    assert len(read_yolo(tmp_path, "\n".join(rows))) == 5
    assert len(read_yolo(tmp_path, "\n".join([*rows, "0 .50 .50 .20 .20"]))) == 5


def read_yolo(tmp_path, content, class_order=(0, 1)):
    path = tmp_path / "a.txt"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return box_annotations.read_yolo_labels(path, class_order, (100, 50)).boxes


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


@pytest.mark.parametrize(("row", "counts"), [("0 0.1 0.5 0.21 1", 1), ("0 0.1 0.5 0.2000002 1", 0)])
def test_clipped_yolo_boxes_are_counted_unless_it_is_rounding(tmp_path, row, counts):
    (tmp_path / "a.txt").write_text(row)
    labels = box_annotations.read_yolo_labels(tmp_path / "a.txt", (0,), (100, 50))
    assert labels.counts.get("clipped", 0) == counts


def test_tolerance_beyond_the_edge_is_a_hundredth_of_large_images(tmp_path):
    (tmp_path / "a.txt").write_text("0 0.95 0.5 0.119 0.5")  # 1.0095 of the width
    labels = box_annotations.read_yolo_labels(tmp_path / "a.txt", (0,), (1000, 50))
    np.testing.assert_allclose(labels.boxes.corners, [[890.5, 12.5, 1000, 37.5]])
    (tmp_path / "a.txt").write_text("0 0.95 0.5 0.121 0.5")
    with pytest.raises(UserError, match="outside"):
        box_annotations.read_yolo_labels(tmp_path / "a.txt", (0,), (1000, 50))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("0 0.5 0.5 0.2", "expected 'id cx cy width height'"),
        ("0 0.5 0.5 0.2 0.4 0.9", "expected 'id cx cy width height'.*delete the sixth number"),
        ("0 .1 .1 .3 .1 .3 .4", "expected 'id cx cy width height'.*convert a polygon"),
        ("0,0.5,0.5,0.2,0.4", "expected 'id cx cy width height'.*separate the numbers by spaces"),
        ("Car 0.5 0.5 0.2 0.4", "every value must be a number, the first the id of a class"),
        ("# people", "every value must be a number"),
        ("\0\0", "every value must be a number"),
        ("0 \uff10.5 0.5 0.2 0.4", "every value must be a number"),
        ("0 0.5 0.5 0.2 0.4_0", "every value must be a number"),
        ("0 0.5 0.5 0.2 1e999", "every value must be a number"),
        ("0 0.5 0.5 0.2 " + "9" * 5000, "outside|every value"),
        ("0 0.5 0.5 0.2 x", "expected 'id cx cy width height'"),
        ("0 0.5 0.5 0.2 nan", "expected 'id cx cy width height'"),
        ("2 0.5 0.5 0.2 0.4", r"class id 2 is not in 0\.\.1"),
        ("-1 0.5 0.5 0.2 0.4", r"class id -1 is not in 0\.\.1"),
        ("0.5 0.5 0.5 0.2 0.4", r"class id 0\.5 is not in"),
        ("0 0.05 0.5 0.2 0.4", r"from \(-5\.0, 15\.0\) to \(15\.0, 35\.0\), outside 0\.\.100"),
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


def test_an_ignored_box_and_one_that_counts_are_not_duplicates():
    corners = [[1, 1, 9, 9]] * 4
    boxes = make_boxes(corners, [0, 0, 0, 0], ignored=[True, False, True, False])
    labels = label_notes.build_labels(boxes, (10, 10))
    assert labels.boxes.ignored.tolist() == [True, False]
    assert labels.counts == {"duplicate": 2}
