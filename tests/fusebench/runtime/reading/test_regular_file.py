"""Only regular files are opened."""

import os
import socket
from pathlib import Path

import pytest

from fusebench.errors import UserError
from fusebench.runtime.reading.regular_file import open_regular_file, require_regular_file
from fusebench.runtime.reading.text_files import read_text


def test_status_of_a_regular_file_and_of_a_link_to_it(tmp_path):
    (tmp_path / "a").write_text("four")
    (tmp_path / "link").symlink_to(tmp_path / "a")
    assert require_regular_file(tmp_path / "a").st_size == 4
    assert require_regular_file(tmp_path / "link").st_size == 4


def test_missing_file_is_left_to_the_caller(tmp_path):
    with pytest.raises(FileNotFoundError):
        require_regular_file(tmp_path / "a")


def test_named_pipe_is_not_waited_for_by_a_reader_of_text(tmp_path):
    os.mkfifo(tmp_path / "a.txt")
    with pytest.raises(UserError, match=r"a\.txt: is a named pipe; expected a regular file"):
        read_text(tmp_path / "a.txt")


def test_name_that_no_file_can_have_is_refused(tmp_path):
    for name in ("a\0b", "a" * 300):
        with pytest.raises(UserError, match="cannot be read"):
            require_regular_file(tmp_path / name)


def test_regular_file_and_a_link_to_it_are_opened(tmp_path):
    (tmp_path / "a").write_text("four")
    (tmp_path / "link").symlink_to(tmp_path / "a")
    for name in ("a", "link"):
        with open_regular_file(str(tmp_path / name)) as file:
            assert file.read() == b"four"
    with pytest.raises(FileNotFoundError):
        open_regular_file(tmp_path / "absent")


def test_other_files_are_named_and_not_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
    descriptors = len(list(Path("/proc/self/fd").iterdir()))
    for path, kind in (
        (tmp_path / "pipe", "a named pipe"),
        (tmp_path / "folder", "a folder"),
        (tmp_path / "socket", "a socket"),
        ("/dev/null", "a device"),
    ):
        with pytest.raises(UserError, match=f"{path}: is {kind}; expected a regular file"):
            open_regular_file(path)
    assert len(list(Path("/proc/self/fd").iterdir())) == descriptors
