"""Damage to downloaded weights is noticed when they are used again."""

import hashlib
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

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


def test_of_many_that_need_a_file_at_once_one_downloads_it(tmp_path, capsys):
    path, downloaded = tmp_path / "downloads/mit.pth", []

    def download(target):
        target.write_bytes(b"half")
        time.sleep(0.2)
        target.write_bytes(b"whole")
        downloaded.append(target)

    with ThreadPoolExecutor(4) as pool:
        calls = [pool.submit(downloads.get_or_download, path, download) for _ in range(4)]
        contents = {call.result().read_bytes() for call in calls}
    assert contents == {b"whole"}
    assert len(downloaded) == 1
    assert "waiting for another process that creates mit.pth" in capsys.readouterr().err


def test_a_failed_download_leaves_no_file_and_the_next_one_succeeds(tmp_path):
    path = tmp_path / "mit.pth"

    def fail(target):
        target.write_bytes(b"half")
        raise UserError("no route to host")

    with pytest.raises(UserError, match="no route"):
        downloads.get_or_download(path, fail)
    assert not path.exists()
    downloads.get_or_download(path, lambda target: target.write_bytes(b"whole"))
    assert path.read_bytes() == b"whole"
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        ".mit.pth.lock",
        "mit.pth",
        "mit.pth.sha256",
    ]
