"""Store of result folders: finished once, resumable, locked against other processes."""

import json
import multiprocessing
import shutil
import time

import pytest

from fusebench.errors import UserError
from fusebench.storage.hashing import content_hash
from fusebench.storage.store import Store

SPEC = {"method": "average", "version": 1}


def test_work_runs_once(tmp_path):
    calls = []
    for _ in range(2):
        folder = Store(tmp_path).get_or_create("fused", "toy", SPEC, calls.append)
    assert len(calls) == 1
    assert json.loads((folder.path / "spec.json").read_text()) == SPEC


def test_changed_spec_gets_another_folder(tmp_path):
    store = Store(tmp_path)
    first = store.get_or_create("fused", "toy", SPEC, lambda folder: None)
    second = store.get_or_create("fused", "toy", SPEC | {"version": 2}, lambda folder: None)
    assert first.path != second.path


def test_with_label_lists_finished_folders_of_exactly_this_label(tmp_path):
    store = Store(tmp_path)
    specs = [SPEC, SPEC | {"version": 2}]
    paths = [store.get_or_create("fused", "a[b]", spec, lambda folder: None).path for spec in specs]
    store.get_or_create("fused", "a[b]-c", SPEC, lambda folder: None)
    store.get_or_create("fused", "ab", SPEC, lambda folder: None)
    with pytest.raises(KeyboardInterrupt):
        store.get_or_create("fused", "a[b]", SPEC | {"version": 3}, write_and_interrupt)
    assert store.with_label("fused", "a[b]") == sorted(paths)
    assert store.with_label("scored", "a[b]") == []


def write_and_interrupt(folder):
    (folder / "00001.csv").write_bytes(b"done")
    raise KeyboardInterrupt


def test_interrupted_folder_keeps_its_files_and_is_not_finished(tmp_path):
    store = Store(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        store.get_or_create("fused", "toy", SPEC, write_and_interrupt)
    assert list(store.iterate_finished("fused")) == []

    names = []
    store.get_or_create(
        "fused", "toy", SPEC, lambda folder: names.extend(p.name for p in folder.iterdir())
    )
    assert names == ["00001.csv"]
    assert [content_hash(f.spec) for f in store.iterate_finished("fused")] == [content_hash(SPEC)]


def create_slowly(root, queue):
    def work(folder):
        with (folder / "calls").open("a") as file:
            file.write("x")
        time.sleep(0.3)

    queue.put(Store(root).get_or_create("fused", "toy", SPEC, work).path.name)


def test_two_processes_create_a_folder_once(tmp_path):
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    processes = [context.Process(target=create_slowly, args=(tmp_path, queue)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    name = queue.get()
    assert queue.get() == name
    assert (tmp_path / "fused" / name / "calls").read_text() == "x"


def test_order_of_keys_does_not_change_the_hash():
    assert content_hash({"a": 1, "b": 2}) == content_hash({"b": 2, "a": 1})


def test_hash_is_the_start_of_the_sha256_of_compact_sorted_json():
    """Checked with: printf '{"a":1,"b":[2,null]}' | sha256sum."""
    assert content_hash({"b": [2, None], "a": 1}) == "cc243773f70c"


def test_nan_cannot_be_part_of_a_spec():
    with pytest.raises(ValueError, match="Out of range float"):
        content_hash({"threshold": float("nan")})


def test_temporary_file_of_a_killed_process_is_not_in_the_finished_folder(tmp_path):
    def write_and_be_killed(folder):
        (folder / ".00001.png.4711").write_bytes(b"half")
        (folder / "00000.csv").write_bytes(b"whole")
        raise KeyboardInterrupt

    store = Store(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        store.get_or_create("fused", "toy", SPEC, write_and_be_killed)
    finished = store.get_or_create("fused", "toy", SPEC, lambda folder: None).path
    assert sorted(p.name for p in finished.iterdir()) == ["00000.csv", "manifest.json", "spec.json"]


def test_failure_before_anything_is_written_leaves_no_folder(tmp_path):
    def fail(folder):
        raise UserError("00001.png: cannot be read")

    with pytest.raises(UserError):
        Store(tmp_path).get_or_create("checked", "toy", SPEC, fail)
    assert list(tmp_path.glob("checked/*")) == []


def test_exchanged_folders_are_damaged_and_copies_beside_them_are_ignored(tmp_path):
    store = Store(tmp_path)
    specs = [SPEC, SPEC | {"version": 2}]
    first, second = [
        store.get_or_create("fused", "toy", spec, lambda folder: None).path for spec in specs
    ]
    shutil.copytree(first, tmp_path / "fused/toy-copy")
    assert len(list(store.iterate_finished("fused"))) == 2
    first.rename(tmp_path / "third")
    second.rename(first)
    (tmp_path / "third").rename(second)
    with pytest.raises(UserError, match=r"spec\.json \(does not fit the name.*verify --repair"):
        store.find_finished("fused", "toy", SPEC)
    with pytest.raises(UserError, match=r"spec\.json \(does not fit the name.*verify --repair"):
        list(store.iterate_finished("fused"))
