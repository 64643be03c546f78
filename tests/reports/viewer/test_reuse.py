"""Pictures of the report before: used again while image and picture are unchanged, never else."""

import numpy as np
import pytest

from fusebench.data import images
from reports.viewer import pictures, reuse

NAMES = {"images/toy/fused/a.webp": "a.png", "images/toy/fused/b.webp": "b.png"}


@pytest.fixture
def reports(tmp_path):
    """A report with two pictures, an empty one, and the images of the pictures."""
    rng = np.random.default_rng(0)
    files = {name: tmp_path / image for name, image in NAMES.items()}
    for path in files.values():
        images.write_png(path, rng.integers(0, 256, (12, 16, 3), dtype=np.uint8))
    before, after = tmp_path / "before", tmp_path / "after"
    pictures.write_pictures([(path, before / name) for name, path in files.items()])
    reuse.write_index(files, before)
    after.mkdir()
    return files, before, after


def test_unchanged_pictures_are_copied(reports):
    files, before, after = reports
    assert reuse.copy_unchanged(files, before, after) == set(files)
    for name in files:
        assert (after / name).read_bytes() == (before / name).read_bytes()


def test_a_picture_of_a_changed_image_is_not_copied(reports):
    files, before, after = reports
    images.write_png(files["images/toy/fused/a.webp"], np.zeros((12, 16, 3), np.uint8))
    assert reuse.copy_unchanged(files, before, after) == {"images/toy/fused/b.webp"}


def test_a_picture_of_another_image_with_the_same_name_is_not_copied(reports):
    files, before, after = reports
    exchanged = dict(zip(files, reversed(files.values()), strict=True))
    assert reuse.copy_unchanged(exchanged, before, after) == set()


def test_a_damaged_picture_is_not_copied(reports):
    files, before, after = reports
    (before / "images/toy/fused/a.webp").write_bytes(b"damaged")
    (before / "images/toy/fused/b.webp").unlink()
    assert reuse.copy_unchanged(files, before, after) == set()


@pytest.mark.parametrize("content", ["", "[]", "{", '{"images/toy/fused/a.webp": 3}'])
def test_a_damaged_index_is_as_good_as_none(reports, content):
    files, before, after = reports
    (before / reuse.INDEX_FILE).write_text(content)
    assert reuse.copy_unchanged(files, before, after) == set()


def test_another_quality_is_another_picture(reports, monkeypatch):
    files, before, after = reports
    monkeypatch.setattr(pictures, "QUALITY", 50)
    assert reuse.copy_unchanged(files, before, after) == set()


def test_without_an_earlier_report_nothing_is_copied(reports, tmp_path):
    files, _, after = reports
    assert reuse.copy_unchanged(files, tmp_path / "none", after) == set()


def test_a_picture_that_was_never_written_is_not_in_the_index(reports, tmp_path):
    files, before, after = reports
    reuse.write_index(files | {"images/toy/fused/c.webp": tmp_path / "c.png"}, before)
    assert reuse.copy_unchanged(
        files | {"images/toy/fused/c.webp": tmp_path / "c.png"}, before, after
    ) == set(files)
