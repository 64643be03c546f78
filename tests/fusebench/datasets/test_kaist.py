"""KAIST: the reasonable subset, versions of the labels, lists, day and night."""

import pytest

from fusebench.data.split_builder import DatasetReadings, build_split, load_split
from fusebench.datasets import kaist
from fusebench.errors import UserError
from tests.helpers.dataset_folders import write_image

SIZE = (640, 512)
HEADER = "% bbGt version=3\n"
FRAMES = ("set00/V000/I00001", "set03/V001/I00003", "set06/V000/I00019", "set11/V001/I00039")


def load(root, split="all", /, **options):
    return load_split(kaist.load, root, split, kaist.Options(**options))


def make_key(frame):
    return frame.replace("/", "_")


def write_frames(root, frames=FRAMES):
    for frame in frames:
        video, name = frame.rsplit("/", 1)
        write_image(root / f"kaist/images/{video}/lwir/{name}.jpg", SIZE)
        write_image(root / f"kaist/images/{video}/visible/{name}.jpg", SIZE, mode="RGB")


def write_labels(folder, rows, frames=FRAMES, *, flat=False):
    for frame in frames:
        path = folder / f"{make_key(frame) if flat else frame}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(HEADER + rows)


def build_row(name="person", x=100, y=100, width=30, height=60, occlusion=0, ignore=0):
    return f"{name} {x} {y} {width} {height} {occlusion} 0 0 0 0 {ignore} 0\n"


def write_release(root, rows):
    write_frames(root)
    write_labels(root / "kaist/annotations", rows)


def get_ignored(root, split="test", **options):
    return load(root, split, **options).pairs[0].boxes.ignored.tolist()


def test_widths_and_heights_follow_the_corner(tmp_path):
    write_release(tmp_path, build_row(x=427, y=243, width=27, height=66))
    assert load(tmp_path, "test").pairs[0].boxes.corners.tolist() == [[427, 243, 454, 309]]


@pytest.mark.parametrize(
    ("row", "is_ignored"),
    [
        (build_row(height=55), False),
        (build_row(height=54), True),
        (build_row(occlusion=1), False),
        (build_row(occlusion=2), True),
        (build_row(x=5), False),
        (build_row(x=4), True),
        (build_row(x=610, width=26), True),
        (build_row(y=448, height=60), True),
        (build_row(ignore=1), True),
        (build_row("people"), True),
        (build_row("person?"), True),
        (build_row("cyclist"), True),
    ],
)
def test_the_reasonable_subset_counts_in_the_test_sets(tmp_path, row, is_ignored):
    write_release(tmp_path, row)
    assert get_ignored(tmp_path) == [is_ignored]


def test_every_person_of_the_training_sets_counts(tmp_path):
    write_release(tmp_path, build_row(height=20, occlusion=2) + build_row("people"))
    assert get_ignored(tmp_path, "train") == [False, True]
    assert "set00 to set05: all" in dict(load(tmp_path, "train").notes)["persons that count"]


def test_the_whole_test_set_has_persons_of_20_pixels(tmp_path):
    write_release(tmp_path, build_row(height=20, occlusion=2) + build_row(height=19, x=300))
    assert get_ignored(tmp_path, subset="all") == [False, True]


def test_sets_are_day_or_night_and_videos_are_sequences(tmp_path):
    write_release(tmp_path, "")
    assert [(p.condition, p.sequence) for p in load(tmp_path).pairs] == [
        ("day", "set00_V000"),
        ("night", "set03_V001"),
        ("day", "set06_V000"),
        ("night", "set11_V001"),
    ]


def test_without_lists_every_second_frame_trains_and_every_20th_is_tested(tmp_path):
    frames = [f"set00/V000/I{i:05d}" for i in range(4)]
    frames += [f"set06/V000/I{i:05d}" for i in (18, 19, 20, 39)]
    write_frames(tmp_path, frames)
    write_labels(tmp_path / "kaist/annotations", "", frames)
    assert load(tmp_path, "train").keys == ("set00_V000_I00001", "set00_V000_I00003")
    test = load(tmp_path, "test")
    assert test.keys == ("set06_V000_I00019", "set06_V000_I00039")
    assert "every 20 frames of the test sets" in test.rule_description


def test_lists_are_read_and_frames_without_labels_are_counted(tmp_path):
    write_release(tmp_path, "")
    lists = tmp_path / "kaist/imageSets"
    lists.mkdir()
    (lists / "train-all-02.txt").write_text("set00/V000/I00001\nset00/V000/I00009\n")
    (lists / "test-all-20.txt").write_text("set11/V001/I00039\n")
    assert load(tmp_path, "train").keys == ("set00_V000_I00001",)
    test = load(tmp_path, "test")
    assert test.keys == ("set11_V001_I00039",)
    assert test.rule_description == "official: train-all-02.txt / test-all-20.txt"
    assert dict(test.notes)["frames left out of train"] == "1 of 2 in train-all-02.txt"
    (lists / "test-all-20.txt").write_text("set11\n")
    with pytest.raises(UserError, match=r"test-all-20\.txt: line 1: 'set11': expected set"):
        load(tmp_path, "test")


def test_sanitized_and_improved_labels_are_used_for_the_sets_they_are_for(tmp_path):
    write_frames(tmp_path)
    nested = tmp_path / "kaist/sanitized_annotations/sanitized_annotations"
    write_labels(nested, build_row(), FRAMES[:1], flat=True)
    write_labels(tmp_path / "kaist/annotations_KAIST_test_set", "", FRAMES[2:], flat=True)
    train, test = load(tmp_path, "train"), load(tmp_path, "test")
    assert train.keys == ("set00_V000_I00001",)  # the other frame has no sanitized labels
    assert (train.count_boxes(), test.count_boxes()) == ([1], [0])
    notes = dict(test.notes)
    assert notes["labels of the train sets"].startswith("1 of 2 pairs, from sanitized_annotations/")
    assert notes["labels of the test sets"] == "2 of 2 pairs, from annotations_KAIST_test_set"


def test_two_versions_of_the_test_labels_need_a_choice(tmp_path):
    write_release(tmp_path, build_row())
    write_labels(tmp_path / "kaist/improved", "", FRAMES[2:], flat=True)
    with pytest.raises(UserError, match=r"annotations, improved; .*test_labels: annotations"):
        load(tmp_path, "test")
    assert load(tmp_path, "test", test_labels="improved").count_boxes() == [0]
    with pytest.raises(UserError, match=r"test_labels: other: no labels .*annotations, improved"):
        load(tmp_path, "test", test_labels="other")


def test_labels_of_each_sensor_are_chosen_by_the_option(tmp_path):
    write_frames(tmp_path)
    for frame in FRAMES:
        video, name = frame.rsplit("/", 1)
        for sensor, rows in (("lwir", build_row()), ("visible", "")):
            folder = tmp_path / f"kaist/annotations_paired/{video}/{sensor}"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{name}.txt").write_text(HEADER + rows)
    infrared, visible = load(tmp_path, "test"), load(tmp_path, "test", sensor="visible")
    assert (infrared.count_boxes(), visible.count_boxes()) == ([2], [0])
    assert "drawn for the visible images" in dict(visible.notes)["labels of the test sets"]


def test_two_tasks_read_the_labels_of_their_sensors_from_one_folder(tmp_path):
    write_frames(tmp_path)
    for ending, x in (("lwir", 100), ("visible", 200)):
        labels = [f"{frame}_{ending}" for frame in FRAMES]
        write_labels(tmp_path / "kaist/annotations", build_row(x=x), labels)
    readings = DatasetReadings()
    lefts = []
    for sensor in ("infrared", "visible"):
        index = kaist.load(tmp_path, kaist.Options(sensor=sensor))
        split = build_split(index, "test", tmp_path, readings)
        lefts.append(split.pairs[0].boxes.corners[0, 0])
    assert lefts == [100, 200]


@pytest.mark.parametrize(
    "box",
    [
        "<x>100</x><y>90</y><w>30</w><h>60</h>",
        "<xmin>100</xmin><ymin>90</ymin><xmax>130</xmax><ymax>150</ymax>",
    ],
)
def test_xml_boxes_have_corners_or_widths(tmp_path, box):
    write_frames(tmp_path)
    for frame in FRAMES:
        path = tmp_path / f"kaist/annotations-xml-15/{frame}.xml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            f"<annotation><object><name>person</name><bndbox>{box}</bndbox>"
            "<occlusion>2</occlusion></object></annotation>"
        )
    boxes = load(tmp_path, "test").pairs[0].boxes
    assert boxes.corners.tolist() == [[100, 90, 130, 150]]
    assert boxes.ignored.tolist() == [True]


def test_flat_images_are_found_by_their_names(tmp_path):
    for frame in FRAMES:
        write_image(tmp_path / f"kaist/all/{make_key(frame)}_lwir.png", SIZE)
        write_image(tmp_path / f"kaist/all/{make_key(frame)}_visible.png", SIZE, mode="RGB")
    assert load(tmp_path).keys == tuple(map(make_key, FRAMES))
    assert load(tmp_path).pairs[0].boxes is None


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("person 1 2 3\n", "line 2: expected 'name x y width"),
        ("person 1 2 x 9 0 0 0 0 0 0 0\n", "line 2: expected 'name x y width"),
        ("horse 1 2 30 60 0 0 0 0 0 0 0\n", "'horse' is none of person, people"),
        ("person 1 2 30 60 7 0 0 0 0 0 0\n", "occlusion 7; expected 0, 1 or 2"),
        ("person 1 2 30 60 0 0 0 0 0 0 45\n", "angle 45; expected upright boxes"),
    ],
)
def test_broken_rows_are_named(tmp_path, rows, message):
    write_release(tmp_path, rows)
    with pytest.raises(UserError, match=message):
        load(tmp_path, "test")
