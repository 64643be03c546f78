"""Argument parser: what the user typed is quoted, but not executed by the terminal."""

import pytest

from fusebench.runtime.argument_parser import ArgumentParser


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
