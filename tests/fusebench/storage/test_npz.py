"""Reading of NumPy archives: damaged ones are one clear error, and nothing is unpickled."""

import pickle

import numpy as np
import pytest

from fusebench.errors import UserError
from fusebench.storage import npz


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "a.npz"
    np.savez_compressed(
        path, keys=np.array(["left", "right"]), counts=np.arange(2000).reshape(2, -1)
    )
    return path


def test_arrays_have_the_order_of_the_names(file):
    counts, keys = npz.read_arrays(file, "counts", "keys")
    assert counts.sum() == 1999 * 1000
    assert list(keys) == ["left", "right"]


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[: len(content) // 2],
        lambda content: content[:300] + bytes([content[300] ^ 255]) + content[301:],
        lambda content: b"",
        lambda content: b"rubbish",
        lambda content: pickle.dumps(print),
    ],
    ids=["truncated", "one byte", "empty", "rubbish", "pickle"],
)
def test_damaged_archive_is_named(file, damage):
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(UserError, match=r"a\.npz: cannot be read \(.*verify --repair") as error:
        npz.read_arrays(file, "keys", "counts")
    assert "pickle" not in str(error.value)


def test_pickled_objects_and_a_missing_array_are_refused(file):
    with pytest.raises(UserError, match=r"a\.npz: cannot be read \(.*labels"):
        npz.read_arrays(file, "labels")
    np.savez(file, keys=np.array([print], dtype=object))
    with pytest.raises(UserError, match=r"a\.npz: cannot be read"):
        npz.read_arrays(file, "keys")


def test_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"gone\.npz: cannot be read"):
        npz.read_arrays(tmp_path / "gone.npz", "keys")


def test_a_changed_bit_anywhere_is_an_error_or_changes_nothing(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, counts=np.arange(3))
    content = path.read_bytes()
    for position in range(len(content)):
        for bit in (1, 16, 128):
            changed = bytearray(content)
            changed[position] ^= bit
            path.write_bytes(changed)
            try:
                (counts,) = npz.read_arrays(path, "counts")
            except UserError as error:
                assert "verify --repair" in str(error)  # noqa: PT017 - it need not be raised
            else:
                assert counts.tolist() == [0, 1, 2]
