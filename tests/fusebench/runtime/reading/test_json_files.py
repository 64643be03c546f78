"""JSON files: every fault is one short error that names the file."""

import os

import pytest

from fusebench.errors import UserError
from fusebench.runtime.reading.json_files import parse_json, read_json


def test_json_with_a_byte_order_mark_is_read(tmp_path):
    (tmp_path / "a.json").write_bytes(b'\xef\xbb\xbf{"a": [1, -2.5e3, true, null, "\\u00fc"]}')
    assert read_json(tmp_path / "a.json") == {"a": [1, -2500.0, True, None, "ü"]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[1,]", "not JSON"),
        ("NaN", "NaN is no finite number"),
        ("[-Infinity]", "-Infinity is no finite number"),
        ("[1e400]", "1e400 is no finite number"),
        ("[12345678901234567890]", "has 20 digits; at most 19"),
        ("[" + "9" * 5000 + "]", "has 5000 digits"),
        ("[" * 100_000, "nested too deeply"),
        ('{"a":' * 100_000, "nested too deeply"),
        ('{"a": 1, "b": 2, "a": 3}', "the key 'a' is there twice"),
        ('["\\ud800"]', "half of a surrogate pair"),
        ('["\\uDFFF"]', "half of a surrogate pair"),
    ],
)
def test_every_fault_is_one_short_error(text, message):
    with pytest.raises(UserError) as error:
        parse_json(text, "labels.json")
    assert str(error.value).startswith("labels.json: ")
    assert message in str(error.value)
    assert len(str(error.value)) < 500


def test_a_whole_surrogate_pair_is_a_character():
    assert parse_json('["\\ud83d\\ude97"]', "file") == ["\N{AUTOMOBILE}"]


def test_a_large_file_a_folder_and_a_pipe_are_refused_by_name(tmp_path):
    (tmp_path / "large.json").write_text("[" + " " * 100 + "]")
    with pytest.raises(UserError, match=r"large\.json: .*expected at most"):
        read_json(tmp_path / "large.json", max_bytes=50)
    (tmp_path / "folder.json").mkdir()
    os.mkfifo(tmp_path / "pipe.json")
    for name, content in (("folder.json", "a folder"), ("pipe.json", "a named pipe")):
        with pytest.raises(UserError, match=rf"{name}: is {content}; expected a regular file"):
            read_json(tmp_path / name)
