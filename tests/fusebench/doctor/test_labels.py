"""Box labels, label maps and the known facts of M3FD."""

from dataclasses import replace
from pathlib import Path

import pytest

from fusebench.data.boxes import make_boxes
from fusebench.doctor.checks import box_labels, image_files, known_facts, label_maps
from fusebench.doctor.dataset_files import DatasetFiles, PairFiles
from fusebench.doctor.measurement import ImageFacts, PairFacts

CLASSES = ("People", "Car", "Bus", "Motorcycle", "Lamp", "Truck")
BOX_COUNTS = {
    "People": 11477, "Car": 18296, "Bus": 700, "Motorcycle": 521, "Lamp": 2405, "Truck": 1008,
}  # fmt: skip
ODD_SIZES = {
    (880, 520): 49, (740, 400): 43, (780, 420): 41, (800, 480): 36, (480, 360): 34,
    (440, 320): 32, (400, 280): 23, (440, 280): 16,
}  # fmt: skip


def make_files(boxes, name="toy", **labels):
    """A data set with the given boxes per key: rows of class id and corners."""
    pairs = tuple(
        PairFiles(
            key,
            f"{key}.png",
            f"{key}.png",
            boxes=make_boxes([row[1:] for row in rows], [row[0] for row in rows]),
            **labels,
        )
        for key, rows in boxes.items()
    )
    return DatasetFiles(name, name, Path(name), CLASSES, pairs, has_boxes=True)


def check_boxes(boxes, **labels):
    files = make_files(boxes, **labels)
    section = box_labels.check_box_labels(files, dict.fromkeys(boxes, (100, 100)))
    return [finding for finding in section.findings if "classes have no box" not in finding.title]


def test_tiny_and_huge_boxes_are_reported():
    tiny, huge = check_boxes({"a": [(0, 10, 10, 12, 40)], "b": [(1, 0, 0, 100, 95)]})
    assert (tiny.title, tiny.items[0].name) == ("1 of 2 boxes (50.0 %) have a side below 3 px", "a")
    assert (huge.items[0].name, huge.severity) == ("b", "warning")


def test_nearly_equal_boxes_are_reported_by_whether_their_class_is_the_same():
    rows = [(0, 0, 0, 50, 50), (0, 0, 0, 50, 49), (1, 60, 60, 90, 90), (2, 60, 60, 90, 90)]
    same, other = check_boxes({"a": rows})
    assert "1 pair(s) of boxes of one class" in same.title
    assert same.items[0].detail.endswith("IoU 0.98")
    assert "1 pair(s) of boxes of different classes" in other.title


def test_images_without_boxes_are_a_note_and_an_error_if_all_are():
    (note,) = check_boxes({"a": [(0, 10, 10, 50, 50)], "b": []})
    assert (note.severity, note.items[0].name) == ("note", "b")
    (error,) = check_boxes({"a": [], "b": []})
    assert error.severity == "error"


def test_special_and_unreadable_labels_are_reported():
    boxes = {"a": [(0, 10, 10, 50, 50)]}
    (duplicate,) = check_boxes(boxes, label_counts={"duplicate": 3})
    assert duplicate.title.startswith("3 boxes are given twice")
    (unreadable,) = check_boxes(boxes, label_fault="a.xml: not XML")
    assert (unreadable.severity, unreadable.items[0].detail) == ("error", "a.xml: not XML")


def test_the_table_counts_boxes_and_sizes_as_coco():
    files = make_files({"a": [(0, 0, 0, 31, 31), (0, 0, 0, 33, 33)], "b": [(0, 0, 0, 97, 97)]})
    (table,) = box_labels.check_box_labels(files, {}).tables
    row = dict(zip(table.headers, table.rows[0], strict=True))
    assert (row["boxes"], row["images"], row["median side"]) == ("3", "2", "33")
    assert (row["small"], row["medium"], row["large"]) == ("33 %", "33 %", "33 %")


MAP_CLASSES = ("unlabelled", "road", "car")


def map_facts(pixels, fault="", size=(10, 10), image_size=(10, 10)):
    image = ImageFacts(size=image_size, digest="1")
    return PairFacts(image, image, label_pixels=pixels, label_size=size, label_fault=fault)


def check_maps(facts, classes=MAP_CLASSES):
    return [f.title for f in label_maps.check_label_maps(facts, classes).findings]


def test_ids_without_a_class_and_unreadable_maps_are_errors():
    facts = {"a": map_facts({1: 50, 2: 45, 7: 5}), "b": map_facts(None, "b.png: is a JPEG file")}
    assert check_maps(facts) == [
        "1 of 2 label maps (50.0 %) cannot be read",
        "1 of 1 label maps (100.0 %) have an id without a class",
    ]


@pytest.mark.parametrize(("classes", "share"), [(MAP_CLASSES, 0.7), (("road", "car", "bus"), 0.1)])
def test_unlabeled_pixels_are_255_and_a_class_of_that_name(classes, share):
    assert label_maps.get_unlabeled_share({0: 60, 1: 30, 255: 10}, classes) == share


def test_mostly_unlabeled_maps_unused_classes_and_wrong_sizes_are_reported():
    facts = {"a": map_facts({0: 90, 1: 10}), "b": map_facts({1: 100}, size=(20, 5))}
    assert check_maps(facts) == [
        "1 of 2 label maps (50.0 %) have another size than the images",
        "1 of 2 label maps (50.0 %) are unlabeled in more than half of their pixels (0 completely)",
        "1 classes have no pixel: car",
    ]


def make_m3fd(order=CLASSES):
    """M3FD's numbers of boxes and sizes; sides in the order of the typical sizes."""
    sides = {"People": 30, "Car": 60, "Bus": 120, "Motorcycle": 40, "Lamp": 20, "Truck": 110}
    rows = [
        (order.index(name), 0, 0, sides[name], sides[name])
        for name, count in BOX_COUNTS.items()
        for _ in range(count)
    ]
    boxes = {f"{i:05d}": rows[i::4200] for i in range(4200)}
    sizes = [size for size, count in ODD_SIZES.items() for _ in range(count)]
    sizes += [(1024, 768)] * (4200 - len(sizes))
    return make_files(boxes, "m3fd"), dict(zip(boxes, sizes, strict=True))


def test_the_numbers_of_the_release_of_m3fd_give_no_finding():
    files, sizes = make_m3fd()
    section = known_facts.check_known_facts(files, sizes, 58)
    assert section.findings == ()
    rows = {row[0]: row[1:] for row in section.tables[0].rows}
    assert rows["boxes"] == ("34,407", "34,407")
    assert rows["images of 1024 x 768"] == ("3,926", "3,926")


def test_a_wrong_class_order_of_m3fd_is_recognized_by_counts_and_by_sizes():
    files, sizes = make_m3fd(("People", "Car", "Bus", "Lamp", "Motorcycle", "Truck"))
    counts, areas = known_facts.check_known_facts(files, sizes, 58).findings
    assert "class order" in counts.advice
    assert [item.name for item in counts.items] == ["boxes of Motorcycle", "boxes of Lamp"]
    assert areas.title == "Boxes of Lamp are larger than those of Motorcycle"


def test_a_lost_box_and_a_resized_image_of_m3fd_are_reported():
    files, sizes = make_m3fd()
    sizes["04199"] = (640, 480)
    emptied = replace(files.pairs[7], boxes=make_boxes([], []))
    files = replace(files, pairs=(*files.pairs[:7], emptied, *files.pairs[8:]))
    (finding,) = known_facts.check_known_facts(files, sizes, 58).findings
    assert {"boxes", "images of 1024 x 768", "images of other sizes"} <= {
        item.name for item in finding.items
    }


def test_a_part_of_m3fd_is_not_compared_and_of_other_data_sets_nothing_is_known():
    files = make_files({"a": []}, "m3fd")
    (finding,) = known_facts.check_known_facts(files, {}, 0).findings
    assert finding.severity == "note"
    assert known_facts.check_known_facts(make_files({"a": []}), {}, 0) is None


def image(**changes):
    values = {"format": "PNG", "mode": "L", "bits": 8, "size": (64, 48), "digest": "1"}
    return ImageFacts(**{**values, **changes})


def check_files(*pairs, scales_infrared=False):
    facts = {chr(97 + i): PairFacts(*pair) for i, pair in enumerate(pairs)}
    section = image_files.check_image_files(facts, scales_infrared=scales_infrared)
    return [(finding.severity, finding.title.partition(") ")[2]) for finding in section.findings]


GOOD = (image(), image(mode="RGB", color=30.0, digest="2"))


def test_usual_pairs_give_no_finding():
    assert check_files(GOOD, GOOD) == []


@pytest.mark.parametrize(
    ("infrared", "visible", "finding"),
    [
        ({"fault": "a.png: empty", "digest": ""}, {}, ("error", "cannot be read")),
        ({"size": (64, 40)}, {}, ("error", "have images of different size")),
        ({"color": 90.0}, {}, ("warning", "are in color")),
        ({}, {"color": 0.0}, ("warning", "have no color")),
        ({"digest": "2"}, {}, ("error", "have the same image in both sensors")),
        (
            {},
            {"orientation": 6},
            ("warning", "have an image that its EXIF orientation turns or mirrors"),
        ),
    ],
)
def test_unusual_pairs_are_reported(infrared, visible, finding):
    visible = {"mode": "RGB", "color": 30.0, "digest": "2", **visible}
    assert check_files(GOOD, (image(**infrared), image(**visible))) == [finding]


def test_infrared_images_of_16_bits_are_an_error_unless_the_task_scales_all_of_them():
    deep = (image(bits=16, mode="I;16"), GOOD[1])
    text = "have more than 8 bits: {} of 16 bits"
    assert check_files(GOOD, deep, scales_infrared=True) == [("error", text.format(1))]
    assert check_files(deep, deep) == [("error", text.format(2))]
    assert check_files(deep, deep, scales_infrared=True) == [("note", text.format(2))]


def test_several_sizes_are_a_note():
    other = (image(size=(32, 24)), image(size=(32, 24), mode="RGB", color=30.0, digest="2"))
    facts = {"a": PairFacts(*GOOD), "b": PairFacts(*GOOD), "c": PairFacts(*other)}
    (finding,) = image_files.check_image_files(facts, scales_infrared=False).findings
    assert finding.title == "2 image sizes; the most frequent is 64 x 48 (2 of 3 pairs)"
    assert [item.name for item in finding.items] == ["c"]
