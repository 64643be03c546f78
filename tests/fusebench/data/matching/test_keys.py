"""Keys: which file names can name a pair, and which key a row of a list means."""

import os
import unicodedata
from pathlib import Path

import pytest

from fusebench.data.matching.keys import MAX_KEY_BYTES, index_keys, make_key, resolve_key
from fusebench.errors import UserError

DECOMPOSED = unicodedata.normalize("NFD", "Grünfläche")


@pytest.mark.parametrize(
    "stem",
    ["00001", "a.jpg", "clip 7.mp4#t=3", "12.30.05", "a:b?*<>|", "back\\slash", "-x", "路 1", "é"],
)
def test_printable_names_are_keys_as_they_are(stem):
    assert make_key(stem, Path("x")) == stem


def test_decomposed_letters_become_composed_ones():
    assert make_key(DECOMPOSED, Path("x")) == "Grünfläche" != DECOMPOSED


@pytest.mark.parametrize("stem", ["a\nb", "a\x1b[31mb", "a\tb", "a\x85b", "a\u2028b"])
def test_control_characters_are_refused_in_escaped_form(stem):
    with pytest.raises(UserError, match="control character") as error:
        make_key(stem, Path("folder") / f"{stem}.png")
    assert str(error.value).isprintable()


def test_undecodable_name_is_refused_with_the_command_that_renames_it():
    stem = os.fsdecode(b"\xba\xec7")
    with pytest.raises(UserError) as error:
        make_key(stem, Path("Ir") / f"{stem}.png")
    assert r"Ir/\xba\xec7.png: the file's name is not UTF-8" in str(error.value)
    assert "convmv -f gbk -t utf-8 -r --notest Ir" in str(error.value)


def test_name_that_is_too_long_for_result_files_is_refused():
    assert make_key("é" * (MAX_KEY_BYTES // 2), Path("x"))
    with pytest.raises(UserError, match=r"232 bytes.*shorten"):
        make_key("é" * 116, Path("x"))


@pytest.mark.parametrize(
    ("row", "key"),
    [
        ("00007", "00007"),
        ("00007.png", "00007"),
        ("./Vis/00007.JPG", "00007"),
        ("D:\\M3FD\\Vis\\00007.png", "00007"),
        ("labels/00007.txt", "00007"),
        ("12.30.05", "12.30.05"),  # the end is no extension
        ("12.30.05.jpg", "12.30.05"),
        ("frame.jpg", "frame.jpg"),  # the file is frame.jpg.png
        ("frame.jpg.png", "frame.jpg"),
        ("frame", "frame.jpg"),
        ("a\\b", "a\\b"),
        (DECOMPOSED, "Grünfläche"),
        ("00008", None),
        ("12.30.06", None),
    ],
)
def test_row_of_a_list_names_a_key_with_or_without_folders_and_extension(row, key):
    keys = ["00007", "12.30.05", "12.30", "frame.jpg", "a\\b", "Grünfläche"]
    assert resolve_key(row, index_keys(keys)) == key


def test_exact_key_comes_before_a_key_without_extension():
    assert resolve_key("7.png", index_keys(["7", "7.png"])) == "7.png"
