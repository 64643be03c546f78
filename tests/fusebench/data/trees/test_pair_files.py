"""Pairs of a tree: which images belong together, and what is refused with advice."""

import os

import pytest

from fusebench.data.trees.options import Tree
from fusebench.data.trees.pair_files import find_pairs
from fusebench.errors import UserError


def write(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")


def list_pairs(folder, **tree):
    return [
        (pair.key, os.path.relpath(pair.infrared, folder), os.path.relpath(pair.visible, folder))
        for pair in find_pairs(folder, Tree(**tree))
    ]


def refuse(folder, **tree):
    with pytest.raises(UserError) as error:
        find_pairs(folder, Tree(**tree))
    return str(error.value)


def test_two_folders_are_matched_by_stem_whatever_the_extension(tmp_path):
    write(tmp_path, "thermal/2.png", "thermal/1.tif", "color/1.jpg", "color/2.JPEG")
    assert list_pairs(tmp_path, infrared="thermal", visible="color") == [
        ("1", "thermal/1.tif", "color/1.jpg"),
        ("2", "thermal/2.png", "color/2.JPEG"),
    ]


def test_names_with_the_key_in_them_in_one_folder(tmp_path):
    write(tmp_path, "d/FLIR_1_RGB.jpg", "d/FLIR_1_PreviewData.jpg")
    assert list_pairs(
        tmp_path, infrared="d/FLIR_{key}_PreviewData.jpg", visible="d/FLIR_{key}_RGB.jpg"
    ) == [("1", "d/FLIR_1_PreviewData.jpg", "d/FLIR_1_RGB.jpg")]


def test_a_sequence_is_part_of_the_key_because_frames_are_numbered_in_each(tmp_path):
    write(tmp_path, "s/1/ir/01.png", "s/1/vi/01.png", "s/2/ir/01.png", "s/2/vi/01.png")
    pairs = list_pairs(tmp_path, infrared="s/{sequence}/ir", visible="s/{sequence}/vi")
    assert [key for key, _, _ in pairs] == ["1_01", "2_01"]
    assert pairs[1][1:] == ("s/2/ir/01.png", "s/2/vi/01.png")


def test_keys_of_train_and_test_that_are_alike_need_another_key(tmp_path):
    write(tmp_path, *(f"{s}/{p}/1.png" for s in ("ir", "vi") for p in ("train", "test")))
    tree = {"infrared": "ir/{split}", "visible": "vi/{split}"}
    message = refuse(tmp_path, **tree)
    assert "1 key(s) name two pairs, e.g. '1'" in message
    assert "key: '{split}_{key}'" in message
    keys = [key for key, _, _ in list_pairs(tmp_path, **tree, key="{split}_{key}")]
    assert keys == ["test_1", "train_1"]


def test_a_placeholder_of_one_sensor_only_is_no_reason_not_to_match(tmp_path):
    write(tmp_path, "ir/train/1.png", "ir/test/2.png", "vi/1.png", "vi/2.png")
    pairs = find_pairs(tmp_path, Tree(infrared="ir/{split}", visible="vi"))
    assert [pair.values["split"] for pair in pairs] == ["train", "test"]


def test_an_image_without_partner_is_refused_with_what_to_do(tmp_path):
    write(tmp_path, "ir/1.png", "ir/2.png", "vi/1.png")
    message = refuse(tmp_path)
    assert "1 image(s) have no partner vi: " in message
    assert f"{tmp_path}/ir/2.png" in message
    assert f"such files are e.g. {tmp_path}/vi/1.png. Add the missing files" in message


def test_names_that_differ_by_a_common_text_are_refused_with_the_templates(tmp_path):
    write(tmp_path, "ir/1_T.png", "ir/2_T.png", "vi/1_C.png", "vi/2_C.png")
    assert "write {key}_T for the former and {key}_C for the latter" in refuse(tmp_path)


def test_names_that_differ_in_case_zeros_or_blanks_are_told(tmp_path):
    write(tmp_path, "ir/IMG1.png", "vi/img1.png")
    assert "'IMG1' and 'img1' differ in the case of letters" in refuse(tmp_path)


def test_two_images_of_one_name_are_refused_not_chosen_from(tmp_path):
    write(tmp_path, "ir/a.png", "vi/a.jpg", "vi/a.png")
    message = refuse(tmp_path)
    assert f"{tmp_path}/vi/a.jpg and {tmp_path}/vi/a.png are both vi of a; keep one" in message


def test_composed_and_decomposed_names_are_one_pair(tmp_path):
    write(tmp_path, "ir/\u00e9.png", "vi/e\u0301.png")
    assert [key for key, _, _ in list_pairs(tmp_path)] == ["\u00e9"]


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ({"infrared": "infra"}, "has no folder infra; found: ir, vi"),
        ({"infrared": "ir/{key}.bmp"}, "no image is called ir/{key}.bmp; in "),
        ({"infrared": "ir/thermal"}, "ir has no folder thermal; found: a.png"),
        ({"key": "{split}_{key}"}, "the paths of the images have no {split}"),
        ({"infrared": "*/{key}", "visible": "**/{key}"}, "keep one of them, or name the folders"),
        ({"infrared": "*r/{key}", "visible": "ir/{key}"}, "is found as infrared"),
    ],
)
def test_a_template_that_finds_nothing_or_too_much_is_refused(tmp_path, tree, message):
    write(tmp_path, "ir/a.png", "vi/a.png")
    assert message in refuse(tmp_path, **tree)


def test_an_empty_folder_is_refused(tmp_path):
    write(tmp_path, "vi/a.png")
    (tmp_path / "ir").mkdir()
    assert "no image is called ir" in refuse(tmp_path)


def test_names_that_are_not_utf8_are_refused_where_results_would_carry_them(tmp_path):
    write(tmp_path, os.fsdecode(b"ir/tra\xffin/a.png"), "vi/a.png")
    message = refuse(tmp_path, infrared="ir/{split}", visible="vi")
    assert "is not UTF-8" in message


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ({"infrared": "x", "visible": "x"}, "each pair would be one image"),
        ({"key": "{split}"}, "expected {key} in it"),
        ({"key": "{split}/{key}"}, "no / and no \\*"),
        ({"pair_list": "a.csv", "infrared": "ir"}, "pair_list names the images; delete infrared"),
        ({"split_folders": {"train": "A", "test": ["a"]}}, "'a' is in train and in test"),
    ],
)
def test_options_that_contradict_each_other_are_refused(tree, message):
    with pytest.raises(ValueError, match=message):
        Tree(**tree)
