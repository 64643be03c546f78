"""The fast path: the same numbers, the sources' share of the work done once, several processes."""

import multiprocessing
import os
import signal
import threading
import time

import numpy as np
import pytest
from PIL import Image

from fusebench import plugins
from fusebench.errors import UserError
from fusion.scoring import row_log, score_images
from fusion.scoring.cache import CachingEvaluator, direct_evaluator
from fusion.scoring.metric import load_metrics
from fusion.scoring.score_images import ScoringPair
from tests.helpers.deterministic_images import make_image_triple

SIZE = (180, 177)
A, B, F = make_image_triple(*SIZE)
METRICS = load_metrics({name: {} for name in plugins.list_plugins("fusion.metrics")})


def variants():
    for name in plugins.list_plugins("fusion.metrics"):
        module = plugins.load_plugin("fusion.metrics", name)
        if len(module.VARIANTS) > 1:
            yield from (f"{name}.{variant}" for variant in module.VARIANTS)
        else:
            yield name


def test_shared_work_gives_the_pure_functions_numbers_for_every_variant_and_fused_image():
    once = CachingEvaluator(A, B)
    metrics = load_metrics({name: {} for name in variants()})
    for fused in (F, np.maximum(A, B), A, np.full_like(A, 9)):
        for metric in metrics:
            shared = metric.measure((A, B), fused, once)
            rel = 1e-4 if "phase" in metric.name else 1e-6
            pure = metric.measure((A, B), fused, direct_evaluator)
            assert shared == (pure if pure is None else pytest.approx(pure, rel=rel, abs=1e-12))
        once.drop_fused_results()


def test_what_is_made_of_the_sources_alone_is_made_once():
    calls = []

    def sources_only(a, b):
        calls.append("sources")
        return [a, b]

    def with_fused(made, f):
        calls.append("fused")
        return f

    once = CachingEvaluator(A, B)
    for fused in (F, A.copy(), B.copy()):
        for _ in range(2):
            once(with_fused, once(sources_only, A, B)[0], fused)
        once.drop_fused_results()
    assert calls == ["sources", "fused", "fused", "fused"]


def test_equal_values_and_other_arrays_are_told_apart():
    once = CachingEvaluator(A, B)
    assert once(lambda image, k: k, A, 1) == 1
    first, second = once(np.sum, F // 2), once(np.sum, F // 2 + 1)
    assert second == first + F.size


@pytest.fixture
def scenes(tmp_path):
    found = []
    for key in ("01", "02", "03"):
        paths = []
        for name, image in zip(("ir", "vi", "mine", "copy"), (A, B, F, A), strict=True):
            paths.append(tmp_path / f"{key}-{name}.png")
            Image.fromarray(np.roll(image, int(key), axis=1)).save(paths[-1])
        found.append(ScoringPair(key, *paths[:2], {"mine": paths[2], "copy": paths[3]}))
    return found


def test_worker_processes_give_the_same_tables(scenes):
    metrics = load_metrics(
        {"entropy": {}, "peak_signal_to_noise.mean": {}, "edge_preservation": {}}
    )
    alone = score_images.score_pairs(scenes, metrics, "score", 1)
    together = score_images.score_pairs(scenes, metrics, "score", 2)
    assert list(alone) == ["mine", "copy"]
    for name, table in alone.items():
        assert table.equals(together[name])
        assert list(table.index) == ["01", "02", "03"]
    assert alone["copy"]["peak_signal_to_noise.mean"].isna().all()
    assert alone["copy"]["flags"].str.contains("PSNR mean: infinite").all()


@pytest.mark.parametrize("workers", [1, 2])
def test_an_image_of_another_size_is_named_whoever_reads_it(scenes, workers):
    Image.new("L", (8, 6)).save(scenes[1].fused["mine"])
    with pytest.raises(UserError, match=r"02-mine\.png: 8 x 6 pixels, but the infrared image"):
        score_images.score_pairs(scenes, METRICS[:1], "score", workers)


def test_no_scenes_are_no_tables():
    assert score_images.score_pairs([], METRICS, "score") == {}


def kill_one_worker_when(finished):
    """From now on, in the background: a worker is killed as soon as ``finished()``."""

    def wait():
        while not finished():
            time.sleep(0.05)
        os.kill(multiprocessing.active_children()[0].pid, signal.SIGKILL)

    threading.Thread(target=wait, daemon=True).start()


def test_a_killed_worker_is_one_clear_fault_and_what_was_finished_is_not_scored_again(
    scenes, tmp_path, monkeypatch
):
    metrics = load_metrics({"entropy": {}, "peak_signal_to_noise.mean": {}})
    whole = score_images.score_pairs(scenes, metrics, "score", 1)
    held = scenes[1].fused["mine"]  # nobody writes to it, so that its reader waits
    image = held.read_bytes()
    held.unlink()
    os.mkfifo(held)
    files = {name: tmp_path / f"{name}.jsonl" for name in ("mine", "copy")}
    columns = [*(metric.name for metric in metrics), "flags"]
    kill_one_worker_when(lambda: len(row_log.read_rows(files["copy"], columns)) == 2)
    with pytest.raises(UserError, match=r"worker process was killed .* 2 of 3 pairs were scored"):
        score_images.score_pairs(scenes, metrics, "score", 2, files)
    assert set(row_log.read_rows(files["mine"], columns)) == {"01", "03"}

    held.unlink()
    held.write_bytes(image)
    scored = []
    real = score_images._score_files
    monkeypatch.setattr(
        score_images, "_score_files", lambda scene, m: scored.append(scene.key) or real(scene, m)
    )
    again = score_images.score_pairs(scenes, metrics, "score", 1, files)
    assert scored == ["02"]
    for name, table in whole.items():
        assert table.equals(again[name])
        assert list(table.index) == ["01", "02", "03"]


def test_a_source_that_is_finished_is_not_scored_with_one_that_is_not(scenes, tmp_path):
    metrics = load_metrics({"entropy": {}})
    files = {name: tmp_path / f"{name}.jsonl" for name in ("mine", "copy")}
    row = {"entropy": 7.5, "flags": ""}
    for key in ("01", "02", "03"):
        row_log.append_row(files["mine"], key, row)
    found = score_images.score_pairs(scenes, metrics, "score", 1, files)
    assert found["mine"]["entropy"].tolist() == [7.5] * 3
    assert (
        found["copy"]["entropy"].tolist()
        == score_images.score_pairs(scenes, metrics, "score", 1)["copy"]["entropy"].tolist()
    )


def test_a_line_that_a_kill_cut_off_is_scored_again_and_spoils_no_other(tmp_path):
    file, row = (
        tmp_path / "rows.jsonl",
        {
            "entropy": 0.1 + 0.2,
            "flags": "",
        },
    )
    for key in ("01", "02"):
        row_log.append_row(file, key, row)
    file.write_text(file.read_text()[:-9])
    assert set(row_log.read_rows(file, ["entropy", "flags"])) == {"01"}
    row_log.append_row(file, "03", row)
    assert row_log.read_rows(file, ["entropy", "flags"]) == {"01": row, "03": row}
    assert row_log.read_rows(file, ["entropy"]) == {}
    assert row_log.read_rows(tmp_path / "none", ["entropy"]) == {}
