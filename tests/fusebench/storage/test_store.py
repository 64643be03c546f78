import json
import multiprocessing
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


def test_a_changed_spec_gets_another_folder(tmp_path):
    store = Store(tmp_path)
    one = store.get_or_create("fused", "toy", SPEC, lambda folder: None)
    two = store.get_or_create("fused", "toy", SPEC | {"version": 2}, lambda folder: None)
    assert one.path != two.path


def test_folders_of_a_label_are_found_whatever_their_specs_but_no_longer_label(tmp_path):
    store = Store(tmp_path)
    specs = [SPEC, SPEC | {"version": 2}]
    made = [store.get_or_create("fused", "a[b]", spec, lambda folder: None).path for spec in specs]
    store.get_or_create("fused", "a[b]-c", SPEC, lambda folder: None)
    store.get_or_create("fused", "ab", SPEC, lambda folder: None)
    with pytest.raises(KeyboardInterrupt):
        store.get_or_create("fused", "a[b]", SPEC | {"version": 3}, stopped)
    assert store.with_label("fused", "a[b]") == sorted(made)
    assert store.with_label("scored", "a[b]") == []


def stopped(folder):
    (folder / "00001.png").write_bytes(b"done")
    raise KeyboardInterrupt


def test_an_interrupted_run_keeps_its_files_and_is_not_called_finished(tmp_path):
    store = Store(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        store.get_or_create("fused", "toy", SPEC, stopped)
    assert list(store.iterate_finished("fused")) == []

    seen = []
    store.get_or_create(
        "fused", "toy", SPEC, lambda folder: seen.extend(p.name for p in folder.iterdir())
    )
    assert seen == ["00001.png"]
    assert [content_hash(f.spec) for f in store.iterate_finished("fused")] == [content_hash(SPEC)]


def _slow(root, queue):
    def work(folder):
        with (folder / "calls").open("a") as file:
            file.write("x")
        time.sleep(0.3)

    queue.put(Store(root).get_or_create("fused", "toy", SPEC, work).path.name)


def test_two_processes_asking_for_one_folder_do_the_work_once(tmp_path):
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    both = [context.Process(target=_slow, args=(tmp_path, queue)) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join()
    name = queue.get()
    assert queue.get() == name
    assert (tmp_path / "fused" / name / "calls").read_text() == "x"


def test_the_order_of_keys_does_not_change_a_digest():
    assert content_hash({"a": 1, "b": 2}) == content_hash({"b": 2, "a": 1})


def test_a_digest_is_the_head_of_the_sha256_of_compact_sorted_json():
    """Checked with: printf '{"a":1,"b":[2,null]}' | sha256sum."""
    assert content_hash({"b": [2, None], "a": 1}) == "cc243773f70c"


def test_nan_cannot_be_part_of_a_spec():
    with pytest.raises(ValueError, match="Out of range float"):
        content_hash({"threshold": float("nan")})


def test_what_a_killed_process_was_writing_is_not_in_the_finished_folder(tmp_path):
    def killed(folder):
        (folder / ".00001.png.4711").write_bytes(b"half")
        (folder / "00000.png").write_bytes(b"whole")
        raise KeyboardInterrupt

    store = Store(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        store.get_or_create("fused", "toy", SPEC, killed)
    done = store.get_or_create("fused", "toy", SPEC, lambda folder: None).path
    assert sorted(p.name for p in done.iterdir()) == ["00000.png", "spec.json"]


def test_work_that_is_refused_before_it_wrote_anything_leaves_nothing(tmp_path):
    def refused(folder):
        raise UserError("00001.png: cannot be read")

    with pytest.raises(UserError):
        Store(tmp_path).get_or_create("checked", "toy", SPEC, refused)
    assert list(tmp_path.glob("checked/*")) == []
