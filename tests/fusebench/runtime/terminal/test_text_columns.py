"""Columns of text in a terminal."""

from fusebench.runtime.terminal import text_columns

ROWS = (("source", "a", "bb"), ("one", "1.5", "2"), ("three", "10", "-3"))


def test_names_are_left_and_numbers_right():
    assert text_columns.align_columns(ROWS) == [
        "source   a bb",
        "-------------",
        "one    1.5  2",
        "three   10 -3",
    ]


def test_wide_characters_take_two_columns_and_accents_none():
    assert text_columns.get_display_width("\u4e2de\u0301") == 3
    assert text_columns.truncate("\u4e2d\u4e2d\u4e2d", 5) == "\u4e2d\u4e2d\u2026"


def test_what_does_not_fit_follows_in_a_block_with_the_names():
    lines = text_columns.fit_columns(ROWS, 11)
    assert lines == [
        "source   a",
        "----------",
        "one    1.5",
        "three   10",
        "",
        "source bb",
        "---------",
        "one     2",
        "three  -3",
    ]


def test_long_names_stay_distinct():
    names = [f"a-name-that-is-longer-than-{end}" for end in ("this", "that")]
    short = text_columns.shorten_names([*names, "short", names[0]], 12)
    assert short == ["a-name-that\u2026", "a-name-t\u2026~2", "short", "a-name-that\u2026"]
