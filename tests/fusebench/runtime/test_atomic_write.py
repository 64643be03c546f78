"""Atomic file writes: the old file or the complete new one."""

import os
import re
import subprocess
import sys

import pytest

from fusebench.runtime.atomic_write import replace_atomically
from fusebench.runtime.file_names import TEMPORARY_FILE


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
        assert temporary.parent == tmp_path
        assert re.fullmatch(rf"\.a\.txt\.[0-9a-f]{{8}}\.{os.getpid()}", temporary.name)
        assert TEMPORARY_FILE.fullmatch(temporary.name)
        temporary.touch()


def test_processes_with_the_same_id_on_two_machines_have_different_temporary_files(tmp_path):
    code = (
        "import os, pathlib; os.getpid = lambda: 7\n"
        "from fusebench.runtime.atomic_write import get_temporary_path\n"
        "print(get_temporary_path(pathlib.Path('a')))"
    )
    names = {subprocess.check_output([sys.executable, "-c", code], text=True) for _ in range(2)}
    assert len(names) == 2


def test_block_that_writes_no_file_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError), replace_atomically(tmp_path / "a.txt"):
        pass
