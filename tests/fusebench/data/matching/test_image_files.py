"""Image files of a folder by key: templates, foreign files, and errors that say what to do."""

import os
import unicodedata
from pathlib import Path

import pytest

from fusebench.data.matching import image_files
from fusebench.data.matching.image_files import find_images_by_stem, match_pairs_by_stem
from fusebench.errors import UserError
from tests.helpers.dataset_folders import write_image, write_images


def test_files_of_systems_and_other_programs_are_no_images(tmp_path):
    write_images(tmp_path, ["1"])
    for name in (".DS_Store", "._1.png", "Thumbs.db", "desktop.ini", "notes.txt", "all.zip"):
        (tmp_path / name).write_bytes(b"\0")
    (tmp_path / "__MACOSX").mkdir()
    assert find_images_by_stem(tmp_path) == {"1": tmp_path / "1.png"}


def test_endings_in_capitals_webp_and_links_are_read(tmp_path):
    write_image(tmp_path / "1.JPG", mode="RGB")
    write_image(tmp_path / "2.webp", mode="RGB")
    write_image(tmp_path / "elsewhere/x.png")
    (tmp_path / "3.png").symlink_to(tmp_path / "elsewhere/x.png")
    assert sorted(find_images_by_stem(tmp_path)) == ["1", "2", "3"]


def test_template_selects_one_of_many_methods_in_a_folder(tmp_path):
    write_images(tmp_path, ["car_A", "car_B", "man walk_A", "man walk_B"])
    write_image(tmp_path / "_A.png")
    files = find_images_by_stem(tmp_path / "{key}_A")
    assert files == {"car": tmp_path / "car_A.png", "man walk": tmp_path / "man walk_A.png"}


def test_template_with_an_ending_reads_this_ending_only(tmp_path):
    write_images(tmp_path, ["IR1", "IR2"])
    write_image(tmp_path / "IR1.jpg")
    assert find_images_by_stem(tmp_path / "IR{key}.png") == {
        "1": tmp_path / "IR1.png",
        "2": tmp_path / "IR2.png",
    }


def test_signs_of_regular_expressions_in_a_template_are_plain(tmp_path):
    write_images(tmp_path, ["a(1)+", "b(1)+", "c11"])
    assert sorted(find_images_by_stem(tmp_path / "{key}(1)+")) == ["a", "b"]


def test_existing_folder_with_braces_is_no_template(tmp_path):
    write_images(tmp_path / "{key}", ["1"])
    assert find_images_by_stem(tmp_path / "{key}") == {"1": tmp_path / "{key}/1.png"}


@pytest.mark.parametrize(
    ("template", "label"), [("fused/{key}_ADF.jpg", "ADF"), ("fused", "fused"), ("f/{key}", "f")]
)
def test_source_is_called_after_the_addition_of_a_template(tmp_path, template, label):
    assert image_files.get_folder_label(tmp_path / template) == label


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{key}_B", r"no images named \{key\}_B; found: 1 \.png; write the names"),
        ("{key}_{key}", "stands twice"),
        ("{key}/fused", r"\{key\} can stand in the last part only"),
    ],
)
def test_template_without_files_is_refused(tmp_path, template, message):
    write_images(tmp_path, ["1_A"])
    with pytest.raises(UserError, match=message):
        find_images_by_stem(tmp_path / template)


def test_folder_without_images_is_described(tmp_path):
    for name in ("1.jfif", "2.jfif", "x.npy", ".hidden"):
        (tmp_path / name).write_bytes(b"")
    write_images(tmp_path / "day", ["1", "2"])
    with pytest.raises(UserError) as error:
        find_images_by_stem(tmp_path)
    assert "found: 2 .jfif, 1 .npy, day/ (2 images); images end in .png, .jpg" in str(error.value)


def make_folder(path):
    path.mkdir()


def make_broken_link(path):
    path.symlink_to(path.parent / "gone.png")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (make_folder, r"2\.png: is a folder"),
        (make_broken_link, r"2\.png: is a link to .*gone\.png, which does not exist"),
        (os.mkfifo, r"2\.png: is a named pipe"),
    ],
)
def test_entry_that_is_no_file_is_refused(tmp_path, make, message):
    write_images(tmp_path, ["1"])
    make(tmp_path / "2.png")
    with pytest.raises(UserError, match=message):
        find_images_by_stem(tmp_path)


def test_two_unicode_forms_of_one_name_in_a_folder_are_refused(tmp_path):
    write_images(tmp_path, ["é", unicodedata.normalize("NFD", "é")])
    with pytest.raises(UserError, match="both called 'é', once in composed and once in decomposed"):
        find_images_by_stem(tmp_path)


def test_pairs_match_across_unicode_forms(tmp_path):
    write_images(tmp_path / "ir", ["é"])
    write_images(tmp_path / "vi", [unicodedata.normalize("NFD", "é")])
    ((key, infrared, visible),) = match_pairs_by_stem(tmp_path / "ir", tmp_path / "vi")
    assert key == "é"
    assert Path(infrared).is_file()
    assert Path(visible).is_file()
    assert Path(infrared).name != Path(visible).name


@pytest.mark.parametrize(
    ("infrared", "visible", "advice"),
    [
        (["1", "2"], ["1", "2", "2 (1)"], "'2 (1)' looks like a copy of '2'; delete it"),
        (["00001", "2"], ["1", "2"], "'00001' and '1' in .*vi differ in leading zeros"),
        (["1", "2"], ["1", "2 "], "'2' and '2 ' in .*vi differ in spaces; rename"),
        (["Gate", "2"], ["gate", "2"], "'Gate' and 'gate' in .*vi differ in the case of letters"),
        (["1", "2"], ["2"], "add the missing files or delete the others"),
        (["IR01", "IR02"], ["VIS01", "VIS02"], r"also take '.*ir/IR\{key\}' and '.*vi/VIS\{key\}'"),
        (["F_1_T", "F_2_T"], ["F_1_RGB", "F_2_RGB"], r"ir/\{key\}_T' and '.*vi/\{key\}_RGB'"),
        (["1", "2"], ["1_vis", "2_vis"], r"also take '.*ir' and '.*vi/\{key\}_vis'"),
    ],
)
def test_images_without_partner_are_refused_with_what_to_do(tmp_path, infrared, visible, advice):
    write_images(tmp_path / "ir", infrared)
    write_images(tmp_path / "vi", visible)
    advice = advice.replace("(1)", r"\(1\)")
    with pytest.raises(UserError, match=rf"image\(s\) have no partner in .*; .*{advice}"):
        match_pairs_by_stem(tmp_path / "ir", tmp_path / "vi")


def test_partner_with_an_ending_that_is_not_read_is_named(tmp_path):
    write_images(tmp_path / "ir", ["1", "2"])
    write_images(tmp_path / "vi", ["1"])
    (tmp_path / "vi/2.jp2").write_bytes(b"")
    with pytest.raises(UserError, match=r"vi/2\.jp2 is there, but its ending is not read"):
        match_pairs_by_stem(tmp_path / "ir", tmp_path / "vi")


def test_templates_given_by_the_advice_match(tmp_path):
    write_images(tmp_path / "ir", ["IR01", "IR02"])
    write_images(tmp_path / "vi", ["VIS01", "VIS02"])
    pairs = match_pairs_by_stem(tmp_path / "ir/IR{key}", tmp_path / "vi/VIS{key}")
    assert [(key, Path(a).name, Path(b).name) for key, a, b in pairs] == [
        ("01", "IR01.png", "VIS01.png"),
        ("02", "IR02.png", "VIS02.png"),
    ]
