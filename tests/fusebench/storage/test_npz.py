"""Archives of arrays that were damaged: one clear error, nothing unpickled."""

import pickle

import numpy as np
import pytest

from fusebench.errors import UserError
from fusebench.storage import npz


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "a.npz"
    np.savez_compressed(path, keys=np.array(["one", "two"]), counts=np.arange(2000).reshape(2, -1))
    return path


def test_arrays_come_in_the_order_that_was_asked_for(file):
    counts, keys = npz.read_arrays(file, "counts", "keys")
    assert counts.sum() == 1999 * 1000
    assert list(keys) == ["one", "two"]


@pytest.mark.parametrize(
    "damage",
    [
        lambda whole: whole[: len(whole) // 2],
        lambda whole: whole[:300] + bytes([whole[300] ^ 255]) + whole[301:],
        lambda whole: b"",
        lambda whole: b"rubbish",
        lambda whole: pickle.dumps(print),
    ],
    ids=["cut short", "one byte", "empty", "rubbish", "pickle"],
)
def test_a_damaged_archive_is_named(file, damage):
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(UserError, match=r"a\.npz: cannot be read \(.*delete its folder") as said:
        npz.read_arrays(file, "keys", "counts")
    assert "pickle" not in str(said.value)


def test_objects_are_not_unpickled_and_a_missing_array_is_named(file):
    with pytest.raises(UserError, match=r"a\.npz: cannot be read \(.*labels"):
        npz.read_arrays(file, "labels")
    np.savez(file, keys=np.array([print], dtype=object))
    with pytest.raises(UserError, match=r"a\.npz: cannot be read"):
        npz.read_arrays(file, "keys")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"gone\.npz: cannot be read"):
        npz.read_arrays(tmp_path / "gone.npz", "keys")
