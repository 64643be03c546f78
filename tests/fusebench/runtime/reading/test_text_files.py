"""Text files, and numbers in them."""

import math
import os

import pytest

from fusebench.errors import UserError, format_value
from fusebench.runtime.reading import text_files


def test_byte_order_mark_is_not_part_of_the_text(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbfabc")
    assert text_files.read_text(tmp_path / "a.txt") == "abc"


def test_missing_file_and_another_encoding_are_refused_by_name(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"0 \xe9\n")
    with pytest.raises(UserError, match=r"a\.txt: not UTF-8 text \(byte 2\)"):
        text_files.read_text(tmp_path / "a.txt")
    with pytest.raises(UserError, match=r"b\.txt: cannot be read \(No such file"):
        text_files.read_text(tmp_path / "b.txt")


def test_a_pipe_is_refused_before_it_blocks(tmp_path):
    os.mkfifo(tmp_path / "a.txt")
    with pytest.raises(UserError, match=r"a\.txt: is a named pipe"):
        text_files.read_text(tmp_path / "a.txt")


@pytest.mark.parametrize(
    "value", ["x" * 9999, [[[["x" * 999] * 999]]], 10**3000, {"a": b"x" * 999}]
)
def test_long_values_are_abbreviated(value):
    assert len(format_value(value)) < 1000


def test_short_values_are_represented_as_they_are():
    assert format_value([1, "a\n", None]) == r"[1, 'a\n', None]"


@pytest.mark.parametrize(("text", "number"), [("1.5", 1.5), ("-2", -2.0), ("1e3", 1000.0)])
def test_numbers_are_parsed(text, number):
    assert text_files.parse_float(text) == number


@pytest.mark.parametrize("text", ["", "x", "1,5", "1_0", "\uff11", "\u0661"])
def test_other_text_is_nan(text):
    assert math.isnan(text_files.parse_float(text))
