"""Pictures of the page, and the page itself."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fusebench.doctor import html_page, pictures, text_report
from fusebench.doctor.dataset_files import DatasetFiles, PairFiles
from fusebench.doctor.diagnosis import Diagnosis
from fusebench.doctor.findings import Finding, Item, Picture, Section, Table, build_histogram

RNG = np.random.default_rng(6)


@pytest.fixture
def pair(tmp_path):
    """A pair of 80 x 60 with a label map of three ids."""
    paths = [str(tmp_path / f"{name}.png") for name in ("infrared", "visible", "labels")]
    Image.fromarray(RNG.integers(0, 256, (60, 80), dtype=np.uint8)).save(paths[0])
    Image.fromarray(RNG.integers(0, 256, (60, 80, 3), dtype=np.uint8)).save(paths[1])
    Image.fromarray(np.arange(60 * 80, dtype=np.uint8).reshape(60, 80) % 3).save(paths[2])
    return PairFiles("a", *paths)


def make_files(pair):
    classes = ("road", "car", "bus")
    return DatasetFiles("toy", "Toy", Path("data/toy"), classes, (pair,), has_boxes=False)


@pytest.mark.parametrize(("right", "down"), [(3, -2), (-5, 0), (0, 4)])
def test_a_shifted_image_is_that_of_roll_with_black_at_the_edge(right, down):
    image = RNG.integers(1, 256, (20, 30), dtype=np.uint8)
    rolled = np.roll(image, (down, right), (0, 1))
    shifted = pictures.shift_image(image, right, down)
    assert (shifted[shifted > 0] == rolled[shifted > 0]).all()
    assert (shifted == 0).sum() == 20 * 30 - (20 - abs(down)) * (30 - abs(right))


def test_edges_of_one_image_with_itself_are_white():
    image = np.zeros((60, 80), np.uint8)
    image[20:40, 20:50] = 200
    edges = pictures.overlay_edges(image, image)
    assert {tuple(color) for color in edges.reshape(-1, 3).tolist()} == {(0, 0, 0), (255,) * 3}


def test_tiles_alternate_between_the_sensors():
    infrared = np.full((80, 80), 10, np.uint8)
    mixed = pictures.mix_tiles(infrared, np.full((80, 80, 3), 200, np.uint8))
    assert [mixed[5, 5, 0], mixed[5, 15, 0], mixed[15, 5, 0], mixed[15, 15, 0]] == [
        10,
        200,
        200,
        10,
    ]


@pytest.mark.parametrize(
    ("picture", "width"),
    [
        (Picture("pair", "a", ""), 2 * 320 + 4),
        (Picture("registration", "a", "", shift=(0.1, -0.1)), 3 * 320 + 2 * 4),
        (Picture("box", "a", "", box=(70.0, 50.0, 80.0, 60.0)), 2 * 240 + 4),
        (Picture("label_map", "a", ""), 2 * 320 + 4),
    ],
)
def test_panels_lie_side_by_side(pair, picture, width):
    content = pictures.draw_picture(picture, pair, make_files(pair))
    assert Image.open(io.BytesIO(content)).size == (width, 240)


def test_a_picture_of_a_file_that_cannot_be_read_is_left_out(pair):
    Path(pair.visible).write_bytes(b"no image")
    assert pictures.draw_picture(Picture("pair", "a", ""), pair, make_files(pair)) is None


@pytest.fixture
def diagnosis():
    items = tuple(Item(f"key{i}", "x < y & z") for i in range(5))
    finding = Finding("warning", "5 <things>", "Do it.", items, (Picture("pair", "a", "cap"),))
    table = Table("Counts", ("name", "count"), (("<i>", "7"),))
    histogram = build_histogram("Values", [-5, 0.5, 1.5, 99], [0, 1, 2], limit=1.0)
    sections = (Section("check", "Check", "", (finding,), (table,), (histogram,)),)
    return Diagnosis("toy", "Toy", "data/toy", 5, sections)


def test_values_beyond_the_edges_of_a_histogram_count_in_the_outer_bins(diagnosis):
    assert diagnosis.sections[0].histograms[0].counts == (2, 2)


def test_the_page_has_every_finding_and_picture_and_escapes_all_texts(diagnosis, pair):
    files = DatasetFiles("toy", "Toy", Path("data/toy"), (), (pair,), has_boxes=False)
    page = html_page.render_page(diagnosis, files)
    assert page.count("data:image/jpeg;base64,") == 1
    assert "5 &lt;things&gt;" in page
    assert "x &lt; y &amp; z" in page
    assert "&lt;i&gt;" in page
    assert "default-src 'none'" in page


def test_the_text_lists_the_first_three_items(diagnosis):
    lines = text_report.format_text(diagnosis).splitlines()
    assert "  warning 5 <things>" in lines
    assert sum("key" in line for line in lines) == 3
    assert any(line.endswith("and 2 more") for line in lines)
    assert lines[-1] == "0 error(s), 1 warning(s), 0 note(s)"
