"""Atomic file writes: the old file or the complete new one."""

import os

import pytest

from fusebench.runtime.atomic_write import replace_atomically


@pytest.mark.parametrize("sync", [False, True])
def test_old_file_stays_until_the_block_ends(tmp_path, sync):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with replace_atomically(path, sync=sync) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert [file.name for file in tmp_path.iterdir()] == ["a.txt"]


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
def test_failed_write_leaves_the_old_file_and_no_temporary_file(tmp_path, error):
    path = tmp_path / "a.txt"
    path.write_text("old")

    def write_and_fail():
        with replace_atomically(path) as temporary:
            temporary.write_text("ne")
            raise error

    with pytest.raises(type(error)):
        write_and_fail()
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["a.txt"]


def test_temporary_file_is_hidden_beside_the_final_file_and_named_after_the_process(tmp_path):
    with replace_atomically(tmp_path / "a.txt") as temporary:
        assert temporary == tmp_path / f".a.txt.{os.getpid()}"
        temporary.touch()


def test_block_that_writes_no_file_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError), replace_atomically(tmp_path / "a.txt"):
        pass
