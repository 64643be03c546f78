"""Strict reading of JSON files."""

import pytest

from fusebench.errors import UserError
from fusebench.runtime import json_files


def test_numbers_text_and_lists_are_read_with_and_without_a_byte_order_mark(tmp_path):
    path = tmp_path / "a.json"
    for mark in (b"", b"\xef\xbb\xbf"):
        path.write_bytes(mark + '{"a": [1, 2.5, "é", null, true]}'.encode())
        assert json_files.read_json(path) == {"a": [1, 2.5, "é", None, True]}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('[1,\n{"a": NaN}]', "line 2: NaN is no finite number"),
        ("[-Infinity]", "line 1: -Infinity is no finite number"),
        ("[\n\n1e999]", "line 3: 1e999 is no finite number"),
        ('{"a": 1, "b": 2, "a": 3}', "the key 'a' twice"),
        ("[" * 100000, "nested too deeply"),
        ("[" + "9" * 5000 + "]", r"not JSON \(Exceeds the limit"),
        ("[1", "not JSON"),
        ("", "not JSON"),
    ],
)
def test_other_content_is_refused_in_one_short_sentence(tmp_path, content, message):
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(UserError, match=rf"a\.json: .*{message}") as error:
        json_files.read_json(tmp_path / "a.json")
    assert len(str(error.value)) < len(str(tmp_path)) + 250


def test_a_file_in_another_encoding_and_a_folder_are_refused(tmp_path):
    (tmp_path / "a.json").write_bytes(b'["\xe9"]')
    with pytest.raises(UserError, match="not UTF-8"):
        json_files.read_json(tmp_path / "a.json")
    with pytest.raises(UserError, match="is a folder"):
        json_files.read_json(tmp_path)
