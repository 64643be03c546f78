"""Converted copies of images: written once, and again when an original is another one."""

import os

import pytest

from fusebench.data import images
from fusebench.data.image_files.derived_copies import write_copies
from fusebench.errors import UserError
from tests.helpers import dataset_folders


def copy_inverted(root, sources, read_paths=None, rule="invert"):
    def invert(path):
        if read_paths is not None:
            read_paths.append(path.name)
        return 255 - images.read_gray(path)

    return write_copies(sources, root, "toy", {"rule": rule}, invert)


def test_copies_are_written_once_and_again_after_an_edit(tmp_path):
    sources = {key: tmp_path / f"in/{key}.png" for key in ("a", "b")}
    for path in sources.values():
        dataset_folders.write_image(path, level=5)
    read_paths = []
    for _ in range(2):
        copies = copy_inverted(tmp_path, sources, read_paths)
    assert sorted(read_paths) == ["a.png", "b.png"]
    assert images.read_gray(copies["a"]).max() == 250
    dataset_folders.write_image(sources["a"], level=9)
    assert images.read_gray(copy_inverted(tmp_path, sources)["a"]).max() == 246


def test_a_file_of_the_same_name_size_and_time_in_another_folder_is_another_original(tmp_path):
    paths = [tmp_path / part / "1.png" for part in ("train", "test")]
    for path, level in zip(paths, (5, 9), strict=True):
        dataset_folders.write_image(path, level=level)
        os.utime(path, ns=(10**18, 10**18))
    assert paths[0].stat().st_size == paths[1].stat().st_size
    for first, second in (paths, paths[::-1]):
        copies = copy_inverted(tmp_path, {"x": first, "y": second})
        for key, path in (("x", first), ("y", second)):
            expected = 255 - images.read_gray(path)
            assert (images.read_gray(copies[key]) == expected).all()


def test_an_edit_that_keeps_size_and_time_is_another_original(tmp_path):
    sources = {"a": tmp_path / "in/a.png"}
    for level in (5, 9):
        dataset_folders.write_image(sources["a"], level=level)
        os.utime(sources["a"], ns=(10**18, 10**18))
        copy = copy_inverted(tmp_path, sources)["a"]
        assert (images.read_gray(copy) == 255 - level).all()


def test_two_originals_of_one_key_in_one_folder_have_copies_of_their_own(tmp_path, monkeypatch):
    paths = [tmp_path / f"in/1_{name}.png" for name in ("first", "second")]
    for path, level in zip(paths, (5, 9), strict=True):
        dataset_folders.write_image(path, level=level)
    first, second = (copy_inverted(tmp_path, {"1": path})["1"] for path in paths)
    assert [images.read_gray(copy).max() for copy in (first, second)] == [250, 246]
    monkeypatch.chdir(tmp_path)  # relative paths name the same originals
    again = [copy_inverted(tmp_path, {"1": path.relative_to(tmp_path)})["1"] for path in paths]
    assert again == [first, second]


def test_another_rule_has_another_folder(tmp_path):
    dataset_folders.write_image(tmp_path / "in/a.png")
    sources = {"a": tmp_path / "in/a.png"}
    first, second = (copy_inverted(tmp_path, sources, rule=rule)["a"] for rule in "xy")
    assert first.parent != second.parent


def test_a_data_folder_that_cannot_be_written_is_refused_with_what_to_do(tmp_path):
    dataset_folders.write_image(tmp_path / "in/a.png")
    (tmp_path / "scaled").write_text("")
    with pytest.raises(UserError, match="make the data folder writable, or convert the images"):
        copy_inverted(tmp_path, {"a": tmp_path / "in/a.png"})
