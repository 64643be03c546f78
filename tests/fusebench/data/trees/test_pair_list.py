"""Lists of pairs: separators, columns and what is refused with its line."""

import os

import pytest

from fusebench.data.trees.pair_list import read_pair_list
from fusebench.errors import UserError


def write_images(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")


@pytest.fixture
def folder(tmp_path):
    write_images(tmp_path, "t/1.png", "t/2.png", "c/a 1.jpg", "c/2.jpg", "c/1.jpg")
    return tmp_path


def read(folder, text, encoding="utf-8"):
    (folder / "pairs.txt").write_text(text, encoding=encoding)
    return read_pair_list(folder, "pairs.txt")


def refuse(folder, text):
    with pytest.raises(UserError) as error:
        read(folder, text)
    return str(error.value)


@pytest.mark.parametrize("separator", [",", "\t", " ", "   ", ";", ", "])
@pytest.mark.parametrize("header", ["", "infrared{}visible\n", "Infrared{}VISIBLE\n"])
def test_two_columns_with_any_separator_with_and_without_a_header(folder, separator, header):
    text = header.format(separator) + f"t/2.png{separator}c/2.jpg\n\nt/1.png{separator}c/1.jpg\n"
    pairs = read(folder, text)
    assert [(pair.key, os.path.relpath(pair.infrared, folder)) for pair in pairs] == [
        ("1", "t/1.png"),
        ("2", "t/2.png"),
    ]


def test_a_list_of_windows_with_backslashes_and_byte_order_mark(folder):
    pairs = read(folder, "infrared,visible\r\nt\\1.png,c\\1.jpg\r\n", "utf-8-sig")
    assert [pair.key for pair in pairs] == ["1"]


def test_further_columns_give_key_split_sequence_and_condition(folder):
    pairs = read(
        folder,
        "visible,infrared,key,split,sequence,condition,lens\n"
        "c/1.jpg,t/1.png,x,train,walk,night,50\n"
        '"c/a 1.jpg",t/2.png,,test,,,50\n',
    )
    assert [(pair.key, dict(pair.values)) for pair in pairs] == [
        ("a 1", {"key": "a 1", "split": "test"}),
        ("x", {"key": "x", "split": "train", "sequence": "walk", "condition": "night"}),
    ]


def test_absolute_paths_are_taken_as_they_are(folder):
    pairs = read(folder, f"{folder}/t/1.png\t{folder}/c/a 1.jpg\n")
    assert pairs[0].visible == f"{folder}/c/a 1.jpg"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty; expected one pair per line"),
        ("infrared,visible\n", "has column names only"),
        ("t/1.png c/a 1.jpg\n", "line 1: has 3 columns; expected 2: infrared, visible"),
        ("t/1.png,c/1.jpg\nt/9.png,c/2.jpg\n", "line 2: infrared 't/9.png': no such file"),
        ("ir,vi\nt/1.png,c/1.jpg\n", "line 1: infrared 'ir': no such file"),
        ("t/1.png,c/1.jpg\nt/1.png,c/2.jpg\n", "t/1.png is in line 1 and in line 2"),
        ("t/1.png,t/1.png\n", "t/1.png is in line 1 and in line 1"),
        ("infrared,visible,key\nt/1.png,c/1.jpg,x\nt/2.png,c/2.jpg,x\n", "key 'x' names two pairs"),
        ("infrared,visible,key\nt/1.png,c/1.jpg,a/b\n", "no / and no dot"),
        ("infrared,visible,visible\nt/1.png,c/1.jpg,x\n", "two columns are called 'visible'"),
        ('infrared,visible,sequence\nt/1.png,c/1.jpg,"a\nb"\n', "cannot be printed"),
        ('"t/1.png,c/1.jpg\n', "not CSV"),
        (",c/1.jpg\n", "infrared '': no such file"),
    ],
)
def test_a_row_that_cannot_be_right_is_refused(folder, text, message):
    assert message in refuse(folder, text)


def test_a_list_that_is_not_there_or_no_text_is_refused(folder):
    with pytest.raises(UserError, match=r"none\.txt: no such file; write it with one pair per"):
        read_pair_list(folder, "none.txt")
    (folder / "pairs.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match="not UTF-8"):
        read_pair_list(folder, "pairs.txt")
