"""Damage to downloaded weights is noticed when they are used again."""

import hashlib
import subprocess

import pytest

from fusebench.errors import UserError
from fusebench.storage.weights import downloads
from tests.helpers.damage import flip_bit


@pytest.fixture
def weights(tmp_path):
    path = tmp_path / "mit.pth"
    path.write_bytes(b"weights" * 1000)
    downloads.record_hash(path)
    return path


def test_the_hash_is_kept_in_the_format_of_sha256sum(weights):
    assert downloads.check_download(weights) == weights
    command = ["sha256sum", "--check", "--strict", "mit.pth.sha256"]
    assert subprocess.run(command, cwd=weights.parent, capture_output=True).returncode == 0


def test_a_flipped_bit_or_a_lost_hash_is_one_error_that_says_what_to_do(weights):
    flip_bit(weights)
    message = (
        r"mit\.pth: damaged: changed since it was downloaded.* mit\.pth\.sha256\); delete both"
    )
    with pytest.raises(UserError, match=message):
        downloads.check_download(weights)
    flip_bit(weights)
    downloads.check_download(weights)
    weights.with_name("mit.pth.sha256").write_text("")
    with pytest.raises(UserError, match=message):
        downloads.check_download(weights)


def test_a_download_of_an_earlier_version_gets_its_hash_at_its_first_use(weights):
    hash_file = weights.with_name("mit.pth.sha256")
    hash_file.unlink()
    downloads.check_download(weights)
    sha256 = hashlib.sha256(weights.read_bytes()).hexdigest()
    assert hash_file.read_text() == f"{sha256}  mit.pth\n"


def test_a_file_with_another_hash_than_the_published_one_is_refused(weights):
    sha256 = hashlib.sha256(weights.read_bytes()).hexdigest()
    downloads.check_download(weights, sha256[:8])
    with pytest.raises(UserError, match=r"mit\.pth: damaged: its SHA-256 starts with .* delete it"):
        downloads.check_download(weights, "00000000")
