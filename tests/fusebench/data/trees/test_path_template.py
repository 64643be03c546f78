"""Path templates: which files they find, what their paths say, and which are refused."""

import os
import re

import pytest

from fusebench.data.trees.path_template import match_name, parse_template
from fusebench.errors import UserError

EXTENSIONS = (".png", ".jpg")


def write(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")


def find(folder, text):
    files = parse_template(text, EXTENSIONS).find(folder)
    return [(os.path.relpath(file.path, folder), dict(file.values)) for file in files]


def test_a_folder_finds_its_images_of_any_extension_by_their_stems(tmp_path):
    write(tmp_path, "ir/b.JPG", "ir/a.png", "ir/notes.txt", "ir/inner/c.png", "ir/.hidden.png")
    expected = [("ir/a.png", {"key": "a"}), ("ir/b.JPG", {"key": "b"})]
    for text in ("ir", "IR/", "./ir", "ir//", "ir\\", "ir/{key}", "**/ir"):
        assert find(tmp_path, text) == expected, text


def test_the_data_sets_own_folder_can_hold_the_images(tmp_path):
    write(tmp_path, "a.png", "inner/b.png")
    assert find(tmp_path, ".") == find(tmp_path, "{key}.png") == [("a.png", {"key": "a"})]


def test_names_of_one_sensor_give_the_key_they_share(tmp_path):
    write(tmp_path, "data/FLIR_00097_RGB.jpg", "data/FLIR_00097_PreviewData.jpg")
    assert find(tmp_path, "data/FLIR_{key}_RGB.jpg") == [
        ("data/FLIR_00097_RGB.jpg", {"key": "00097"})
    ]


def test_placeholders_in_folders_give_their_texts_and_a_sequence_may_span_folders(tmp_path):
    write(tmp_path, "train/set00/V001/lwir/I00001.jpg", "test/set06/V000/lwir/I00007.jpg")
    assert find(tmp_path, "{split}/{sequence}/lwir/{key}.jpg") == [
        ("test/set06/V000/lwir/I00007.jpg",
         {"split": "test", "sequence": "set06/V000", "key": "I00007"}),
        ("train/set00/V001/lwir/I00001.jpg",
         {"split": "train", "sequence": "set00/V001", "key": "I00001"}),
    ]  # fmt: skip


def test_stars_stand_for_text_in_a_name_and_two_for_any_folders(tmp_path):
    write(tmp_path, "x/ir/1.png", "ir/2.png", "x/y/ir/3.png", "x/ir_old/4.png")
    assert [name for name, _ in find(tmp_path, "**/ir/{key}.png")] == [
        "ir/2.png", "x/ir/1.png", "x/y/ir/3.png",
    ]  # fmt: skip
    assert [name for name, _ in find(tmp_path, "*/ir*/{key}")] == ["x/ir/1.png", "x/ir_old/4.png"]


def test_one_placeholder_twice_has_the_same_text(tmp_path):
    write(tmp_path, "day/day_1.png", "day/night_2.png")
    assert [name for name, _ in find(tmp_path, "{condition}/{condition}_{key}")] == [
        "day/day_1.png"
    ]


def test_decomposed_accents_are_composed_in_keys_and_match_the_template(tmp_path):
    write(tmp_path, "caf\u0065\u0301/e\u0301t\u0065\u0301.png")  # as macOS writes them
    assert [values for _, values in find(tmp_path, "caf\u00e9")] == [{"key": "\u00e9t\u00e9"}]


def test_links_in_circles_end_and_files_are_found_once(tmp_path):
    write(tmp_path, "ir/a.png")
    (tmp_path / "ir" / "up").symlink_to(tmp_path)
    (tmp_path / "again").symlink_to(tmp_path / "again")
    with pytest.raises(UserError, match=r"again: cannot be read \(Too many levels"):
        find(tmp_path, "**/{key}.png")
    (tmp_path / "again").unlink()
    assert [name for name, _ in find(tmp_path, "**/{key}.png")] == ["ir/a.png"]


def test_a_link_that_leads_nowhere_and_a_pipe_are_refused_by_name(tmp_path):
    write(tmp_path, "ir/a.png")
    (tmp_path / "ir" / "b.png").symlink_to(tmp_path / "gone.png")
    with pytest.raises(UserError, match=r"b\.png: is a link to .*gone\.png, which does not exist"):
        find(tmp_path, "ir")
    (tmp_path / "ir" / "b.png").unlink()
    os.mkfifo(tmp_path / "ir" / "b.png")
    with pytest.raises(UserError, match="is a named pipe with the name of an image"):
        find(tmp_path, "ir")


def test_a_folder_called_like_an_image_is_no_image(tmp_path):
    write(tmp_path, "ir/a.png", "ir/x.png/inner.png")
    assert [name for name, _ in find(tmp_path, "ir")] == ["ir/a.png"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{name}.png", "expected only these in braces: {key}, {split}, {sequence}, {condition}"),
        ("{}/{key}", "expected only these in braces"),
        ("ir/{key", "expected only these in braces"),
        ("{key}/ir.png", "can stand in the last part only"),
        ("../ir", "leaves the data set's folder; set folder to a parent"),
        ("/data/ir", "expected a path below the data set's folder; set folder to"),
        ("", "expected a path of 1 to 500 characters"),
        ("  ", "expected a path of 1 to 500 characters"),
        ("a" * 501, "expected a path of 1 to 500 characters"),
        ("*/*/*/*/*/*/*/*/{key}", "9 placeholders and wildcards; at most 8"),
    ],
)
def test_a_template_that_cannot_be_right_is_refused(text, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        parse_template(text, EXTENSIONS)


def test_signs_of_regular_expressions_are_literal_text(tmp_path):
    write(tmp_path, "a.b (1)+[x]/k.png", "aXb (1)+[x]/k.png")
    assert [name for name, _ in find(tmp_path, "a.b (1)+[x]")] == ["a.b (1)+[x]/k.png"]


def test_the_pattern_of_a_key_gives_its_parts():
    assert match_name("{sequence}_*", "set00_V001_I1") == {"sequence": "set00"}
    assert match_name("*{condition}", "00123N") == {"condition": "N"}
    assert match_name("v{sequence}", "x1") is None
