"""Splits and file hashes that are kept on disk: used again only if no file changed."""

import os
import time
from dataclasses import fields, replace

import numpy as np
import pytest

from fusebench.data.boxes import Boxes, make_boxes
from fusebench.data.pairs import Pair, PairColumns, Split, build_columns
from fusebench.runtime.reading import file_stamp
from fusebench.storage import hashing
from fusebench.storage.splits import file_hashes, index_folder, split_cache
from fusebench.storage.splits.file_hashes import FileHashes
from fusebench.storage.splits.split_cache import SplitCache, hash_listing

BOXES = make_boxes([[1, 2, 3.5, 4], [0, 0, 9, 9]], [1, 0], ignored=[False, True])


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Three files that count as old."""
    monkeypatch.setattr(file_stamp, "SETTLING_SECONDS", -3600)
    data = tmp_path / "data"
    data.mkdir()
    for name in ("a.bmp", "b.bmp", "c.bmp"):
        (data / name).write_bytes(name.encode() * 8000)
    return data


def make_split(folder):
    pairs = (
        Pair("a", folder / "a.bmp", folder / "b.bmp", (10, 9), BOXES, None, "night", "s1"),
        Pair("b", folder / "b.bmp", folder / "c.bmp", (8, 7), make_boxes([], []), None, None, "s2"),
        Pair("c", folder / "c.bmp", folder / "a.bmp", (6, 5), None, folder / "a.bmp", None, ""),
    )
    return Split("toy", "test", ("x", "y"), pairs, "rule", True, notes=(("boxes", "1 dropped"),))


class Loader:
    """Loads the split and counts how often."""

    def __init__(self, folder):
        self.folder, self.count = folder, 0

    def __call__(self):
        self.count += 1
        return make_split(self.folder)


def get(folder, load, store, **identity):
    return SplitCache(store).get_or_load({"dataset": "toy", **identity}, [folder], load)


def list_values(split):
    return [
        [
            (boxes.corners.tolist(), boxes.class_ids.tolist(), boxes.ignored.tolist())
            if field.name == "boxes" and boxes
            else boxes
            for field in fields(Pair)
            for boxes in [getattr(pair, field.name)]
            if field.name != "boxes" or boxes is None or len(boxes)
        ]
        for pair in split.pairs
    ]  # fmt: skip


def test_columns_hold_every_value_of_the_pairs(folder):
    split = make_split(folder)
    columns = build_columns(split.pairs)
    assert list_values(replace(split, pairs=columns)) == list_values(split)
    assert len(columns[1].boxes) == 0
    assert columns[2].boxes is None
    assert columns[-1].key == "c"
    assert [pair.key for pair in columns[1:]] == ["b", "c"]
    with pytest.raises(IndexError):
        columns[3]
    # A new field has to be added to the columns too.
    assert {field.name for field in fields(Boxes)} == {"corners", "class_ids", "scores", "ignored"}
    assert len(fields(Pair)) == 8


def test_unchanged_split_is_read_once_and_is_equal(folder, tmp_path):
    load = Loader(folder)
    first, second = get(folder, load, tmp_path), get(folder, load, tmp_path)
    assert load.count == 1
    fresh = make_split(folder)
    assert list_values(first) == list_values(second) == list_values(fresh)
    for name in ("dataset", "name", "classes", "rule_description", "has_leakage", "notes", "keys"):
        assert getattr(second, name) == getattr(fresh, name)
    for hash_split in (hashing.hash_images, hashing.hash_labels, hashing.hash_split_metadata):
        assert hash_split(second) == hash_split(fresh)


@pytest.mark.parametrize("change", ["edit", "edit with old time", "add", "rename", "options"])
def test_split_is_read_again_after_a_change(folder, tmp_path, change):
    load = Loader(folder)
    before = hashing.hash_images(get(folder, load, tmp_path))
    file = folder / "a.bmp"
    status = file.stat()
    if change.startswith("edit"):
        content = bytearray(file.read_bytes())
        content[9000] ^= 1  # between the three samples
        time.sleep(0.02)  # more than a tick of the file system's clock
        file.write_bytes(content)
    if change == "edit with old time":
        os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
        assert file.stat().st_mtime_ns == status.st_mtime_ns
    if change == "add":
        (folder / "d.bmp").touch()
    if change == "rename":
        (folder / "b.bmp").rename(folder / "other")
        (folder / "other").rename(folder / "b.bmp")  # the same name and content: time of status
    after = get(folder, load, tmp_path, **({"options": 1} if change == "options" else {}))
    assert load.count == 2
    assert (hashing.hash_images(after) != before) == change.startswith("edit")


def test_damaged_cache_is_made_again(folder, tmp_path):
    load = Loader(folder)
    expected = list_values(get(folder, load, tmp_path))
    for file in (tmp_path / split_cache.FOLDER).iterdir():
        content = bytearray(file.read_bytes())
        content[len(content) // 2 :] = bytes(len(content) - len(content) // 2)
        file.write_bytes(content)
    assert list_values(get(folder, load, tmp_path)) == expected
    assert load.count == 2
    get(folder, load, tmp_path)
    assert load.count == 2


def test_without_a_place_to_write_the_split_is_read_each_time(folder, tmp_path):
    load = Loader(folder)
    get(folder, load, None)
    (tmp_path / "file").touch()
    get(folder, load, tmp_path / "file")  # no folder can be created below a file
    assert load.count == 2


def test_files_that_changed_a_moment_ago_are_not_relied_on(folder, tmp_path, monkeypatch):
    assert hash_listing([folder]) is not None
    monkeypatch.setattr(file_stamp, "SETTLING_SECONDS", 2)
    assert hash_listing([folder]) is None
    hashes = FileHashes(tmp_path / "index")
    paths = [folder / "a.bmp"]
    before = hashes.hash_each(paths)
    stamp = file_stamp.read_stamp(paths[0].stat())
    assert not file_stamp.is_settled(stamp, stamp[1] + 1_000_000_000)
    assert file_stamp.is_settled(stamp, stamp[2] + 2_100_000_000)
    assert not (tmp_path / "index").exists()
    assert FileHashes().hash_each(paths) == before


def test_file_hashes_are_kept_until_a_file_changes(folder, tmp_path, monkeypatch):
    paths = [folder / "a.bmp", folder / "b.bmp"]
    before = FileHashes(tmp_path / "index").hash_each(paths)
    read = []
    monkeypatch.setattr(file_hashes, "hash_image_file", lambda path: read.append(path) or "new")
    assert FileHashes(tmp_path / "index").hash_each(paths) == before
    assert read == []
    time.sleep(0.02)
    paths[1].write_bytes(b"x" * paths[1].stat().st_size)
    assert FileHashes(tmp_path / "index").hash_each(paths) == [before[0], "new"]
    assert read == [paths[1]]


def test_find_unlabeled_names_the_first_pair_without_labels(folder):
    split = make_split(folder)
    for pairs in (split.pairs, build_columns(split.pairs)):
        assert replace(split, pairs=pairs).find_unlabeled("boxes") == "c"
        assert replace(split, pairs=pairs).find_unlabeled("label_map") == "a"
    assert isinstance(build_columns(split.pairs), PairColumns)
    assert build_columns(()).corners.shape == (0, 4)
    assert build_columns(()).sizes.dtype == np.int64


def test_a_split_of_a_missing_folder_is_not_kept_because_reading_it_may_create_it(tmp_path):
    assert hash_listing([tmp_path / "scenes"]) is None


def test_files_that_are_gone_are_left_out_of_the_kept_hashes(folder, tmp_path):
    index = tmp_path / "index"
    FileHashes(index).hash_each([folder / "a.bmp", folder / "b.bmp"])
    (folder / "a.bmp").unlink()
    hashes = FileHashes(index).hash_each([folder / "b.bmp", folder / "c.bmp"])
    (archive,) = index.iterdir()
    with np.load(archive) as arrays:
        assert sorted(arrays["names"]) == ["b.bmp", "c.bmp"]
    assert hashes == FileHashes().hash_each([folder / "b.bmp", folder / "c.bmp"])


def test_only_the_archives_written_last_are_kept(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(index_folder, "MAX_ARCHIVES", 2)
    cache = SplitCache(tmp_path / "store")
    for number in range(3):
        cache.get_or_load({"rule": number}, [folder], lambda: make_split(folder))
        time.sleep(0.02)
    index = tmp_path / "store" / split_cache.FOLDER
    assert len(list(index.glob("split-*.npz"))) == 2
    load = Loader(folder)
    assert SplitCache(tmp_path / "store").get_or_load({"rule": 2}, [folder], load) is not None
    assert load.count == 0
    SplitCache(tmp_path / "store").get_or_load({"rule": 0}, [folder], load)
    assert load.count == 1
