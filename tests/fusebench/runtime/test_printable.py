"""Printed text cannot control the terminal."""

import pytest

from fusebench.errors import escape_controls
from fusebench.runtime import printable, progress
from fusebench.runtime.printable import ArgumentParser


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("a\x1b[2Jb", "a\\x1b[2Jb"),  # clears the terminal
        ("\x07\x08\r\x9b", "\\x07\\x08\\r\\x9b"),
        ("a\u202eb\u2066c", "a\\u202eb\\u2066c"),  # right to left
        ("a\u200bb\ufeff", "a\\u200bb\\ufeff"),  # no width
        ("a\u2028b", "a\\u2028b"),
        ("\udcff.png", "\\xff.png"),  # a file name that is not UTF-8
        ("two\nlines\tand a tab", "two\nlines\tand a tab"),
        ("Straße 車 ± …", "Straße 車 ± …"),
    ],
)
def test_characters_that_control_a_terminal_are_shown_as_escape_sequences(text, printed):
    assert escape_controls(text) == printed


def test_in_a_name_line_ends_are_escaped_too():
    assert escape_controls("a\nb\tc", keep="") == "a\\nb\\tc"


def test_results_go_to_stdout_and_messages_and_tracebacks_to_stderr(capsys):
    printable.print_text("result \x1b[1m")
    printable.print_message("message \x1b[1m")
    try:
        raise ValueError("library \x1b[1m")
    except ValueError:
        printable.print_traceback()
    streams = capsys.readouterr()
    assert streams.out == "result \\x1b[1m\n"
    assert streams.err.startswith("message \\x1b[1m\nTraceback")
    assert streams.err.endswith("ValueError: library \\x1b[1m\n")


def test_a_very_long_message_is_cut(capsys):
    printable.print_message("x" * 10**6)
    assert len(capsys.readouterr().err) <= printable.MAX_ERROR_LENGTH + 1


def test_the_title_of_a_progress_bar_is_escaped(capsys):
    assert list(progress.track_progress([1], "fuse \x1b[2J\n")) == [1]
    errors = capsys.readouterr().err
    assert "fuse \\x1b[2J\\n" in errors
    assert "\x1b[2J" not in errors


@pytest.mark.parametrize("arguments", [["--n\x1b[31m"], ["\x1b]0;title\x07"], ["--count", "\x1b"]])
def test_error_has_no_control_characters(arguments, capsys):
    parser = ArgumentParser(prog="program")
    parser.add_argument("--count", type=int)
    with pytest.raises(SystemExit) as end:
        parser.parse_args(arguments)
    assert end.value.code == 2
    message = capsys.readouterr().err
    assert "\\x1b" in message
    assert not {"\x1b", "\x07"} & set(message)
