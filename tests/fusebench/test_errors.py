"""Messages: what a terminal would obey is escaped."""

import os

import pytest

from fusebench.errors import DatasetNotFoundError, UserError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain text, é, 路\nsecond line", "plain text, é, 路\nsecond line"),
        ("\x1b[31mred\x07", r"\x1b[31mred\x07"),
        ("a\rb\tc", r"a\rb\tc"),
        ("abc\u202etxt.exe", r"abc\u202etxt.exe"),
        (os.fsdecode(b"\xba\xec.png"), r"\xba\xec.png"),
        ("\ud800", "?"),
    ],
)
def test_control_characters_and_undecodable_bytes_are_escaped(text, expected):
    assert str(UserError(text)) == expected
    assert str(DatasetNotFoundError(text)) == expected
