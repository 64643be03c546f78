import json
import multiprocessing
import time

import pytest

from bench.digest import digest
from bench.errors import BenchError
from bench.store import Store

SPEC = {"method": "average", "version": 1}


def test_work_runs_once(tmp_path):
    calls = []
    for _ in range(2):
        folder = Store(tmp_path).fill("fused", "toy", SPEC, calls.append)
    assert len(calls) == 1
    assert json.loads((folder.path / "spec.json").read_text()) == SPEC


def test_a_changed_spec_gets_another_folder(tmp_path):
    store = Store(tmp_path)
    one = store.fill("fused", "toy", SPEC, lambda folder: None)
    two = store.fill("fused", "toy", SPEC | {"version": 2}, lambda folder: None)
    assert one.path != two.path


def test_folders_of_a_label_are_found_whatever_their_specs_but_no_longer_label(tmp_path):
    store = Store(tmp_path)
    specs = [SPEC, SPEC | {"version": 2}]
    made = [store.fill("fused", "a[b]", spec, lambda folder: None).path for spec in specs]
    store.fill("fused", "a[b]-c", SPEC, lambda folder: None)
    store.fill("fused", "ab", SPEC, lambda folder: None)
    with pytest.raises(KeyboardInterrupt):
        store.fill("fused", "a[b]", SPEC | {"version": 3}, stopped)
    assert store.like("fused", "a[b]") == sorted(made)
    assert store.like("scored", "a[b]") == []


def stopped(folder):
    (folder / "00001.png").write_bytes(b"done")
    raise KeyboardInterrupt


def test_an_interrupted_run_keeps_its_files_and_is_not_called_finished(tmp_path):
    store = Store(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        store.fill("fused", "toy", SPEC, stopped)
    assert list(store.finished("fused")) == []

    seen = []
    store.fill("fused", "toy", SPEC, lambda folder: seen.extend(p.name for p in folder.iterdir()))
    assert seen == ["00001.png"]
    assert [digest(f.spec) for f in store.finished("fused")] == [digest(SPEC)]


def _slow(root, queue):
    def work(folder):
        with (folder / "calls").open("a") as file:
            file.write("x")
        time.sleep(0.3)

    queue.put(Store(root).fill("fused", "toy", SPEC, work).path.name)


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
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})


def test_a_digest_is_the_head_of_the_sha256_of_compact_sorted_json():
    """Checked with: printf '{"a":1,"b":[2,null]}' | sha256sum."""
    assert digest({"b": [2, None], "a": 1}) == "cc243773f70c"


def test_nan_cannot_be_part_of_a_spec():
    with pytest.raises(ValueError, match="Out of range float"):
        digest({"threshold": float("nan")})


def test_what_a_killed_process_was_writing_is_not_in_the_finished_folder(tmp_path):
    def killed(folder):
        (folder / ".00001.png.4711").write_bytes(b"half")
        (folder / "00000.png").write_bytes(b"whole")
        raise KeyboardInterrupt

    store = Store(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        store.fill("fused", "toy", SPEC, killed)
    done = store.fill("fused", "toy", SPEC, lambda folder: None).path
    assert sorted(p.name for p in done.iterdir()) == ["00000.png", "spec.json"]


def test_work_that_is_refused_before_it_wrote_anything_leaves_nothing(tmp_path):
    def refused(folder):
        raise BenchError("00001.png: cannot be read")

    with pytest.raises(BenchError):
        Store(tmp_path).fill("checked", "toy", SPEC, refused)
    assert list(tmp_path.glob("checked/*")) == []
