"""Zip archives: whatever byte of one is damaged, one kind of error is raised."""

import zipfile

import pytest

from fusebench.runtime.reading.zip_archives import list_entries


@pytest.fixture
def archive(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("values", b"0123456789" * 20)
    return path


def test_entries_of_an_intact_archive_are_listed(archive):
    assert list_entries(archive, check_content=True) == ["values"]


@pytest.mark.parametrize("value", [0, 12, 255])
def test_a_changed_byte_is_harmless_or_a_bad_archive(archive, value):
    content = archive.read_bytes()
    damaged = 0
    for position in range(len(content)):
        archive.write_bytes(content[:position] + bytes([value]) + content[position + 1 :])
        try:
            list_entries(archive, check_content=True)
        except zipfile.BadZipFile:
            damaged += 1
    assert damaged > len(content) / 3


def test_a_missing_file_is_no_damage(tmp_path):
    with pytest.raises(FileNotFoundError):
        list_entries(tmp_path / "none.zip")
