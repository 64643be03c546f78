"""Scoring of many images: cached results, worker processes, resuming."""

import multiprocessing
import os
import signal
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fusebench import plugins
from fusebench.errors import UserError
from fusion.scoring import row_log, score_images
from fusion.scoring.cache import CachingEvaluator, direct_evaluator
from fusion.scoring.listing import load_variants
from fusion.scoring.metric import Metric, load_metrics
from fusion.scoring.score_images import ScoringPair
from tests.helpers.fusion.deterministic_images import make_image_triple

SIZE = (180, 177)
A, B, F = make_image_triple(*SIZE)
METRICS = load_metrics({name: {} for name in plugins.list_plugins("fusion.metrics")})


def list_variants():
    for name in plugins.list_plugins("fusion.metrics"):
        yield from (column.name for column in load_variants(plugins.load_fusion_metric(name)))


def test_cached_results_equal_direct_evaluation_for_every_variant():
    evaluator = CachingEvaluator(A, B)
    metrics = load_metrics({name: {} for name in list_variants()})
    for fused in (F, np.maximum(A, B), A, np.full_like(A, 9)):
        for metric in metrics:
            cached = metric.measure((A, B), fused, evaluator)
            rel = 1e-4 if "phase" in metric.name else 1e-6
            direct = metric.measure((A, B), fused, direct_evaluator)
            if direct is None:
                assert cached is None
            else:
                assert cached == pytest.approx(direct, rel=rel, abs=1e-12)
        evaluator.drop_fused_results()


def test_results_of_the_sources_are_computed_once_per_pair():
    calls = []

    def use_sources(a, b):
        calls.append("sources")
        return [a, b]

    def use_fused(source, fused):
        calls.append("fused")
        return fused

    evaluator = CachingEvaluator(A, B)
    for fused in (F, A.copy(), B.copy()):
        for _ in range(2):
            evaluator(use_fused, evaluator(use_sources, A, B)[0], fused)
        evaluator.drop_fused_results()
    assert calls == ["sources", "fused", "fused", "fused"]


def test_values_are_compared_by_value_and_arrays_by_identity():
    evaluator = CachingEvaluator(A, B)
    assert evaluator(lambda image, k: k, A, 1) == 1
    first, second = evaluator(np.sum, F // 2), evaluator(np.sum, F // 2 + 1)
    assert second == first + F.size


@pytest.fixture
def pairs(tmp_path):
    pairs = []
    for key in ("01", "02", "03"):
        paths = []
        for name, image in zip(("ir", "vi", "mean", "copy"), (A, B, F, A), strict=True):
            paths.append(tmp_path / f"{key}-{name}.png")
            Image.fromarray(np.roll(image, int(key), axis=1)).save(paths[-1])
        pairs.append(ScoringPair(key, *paths[:2], {"mean": paths[2], "copy": paths[3]}))
    return pairs


def test_worker_processes_give_the_same_tables(pairs):
    metrics = load_metrics(
        {"entropy": {}, "peak_signal_to_noise.mean": {}, "edge_preservation": {}}
    )
    sequential = score_images.score_pairs(pairs, metrics, "score", 1)
    parallel = score_images.score_pairs(pairs, metrics, "score", 2)
    assert list(sequential) == ["mean", "copy"]
    for name, table in sequential.items():
        assert table.equals(parallel[name])
        assert list(table.index) == ["01", "02", "03"]
    assert sequential["copy"]["peak_signal_to_noise.mean"].isna().all()
    assert sequential["copy"]["flags"].str.contains("PSNR mean: infinite").all()


@pytest.mark.parametrize("workers", [1, 2])
def test_error_names_an_image_of_another_size(pairs, workers):
    Image.new("L", (8, 6)).save(pairs[1].fused["mean"])
    with pytest.raises(UserError, match=r"02-mean\.png: 8 x 6 pixels, but the infrared image"):
        score_images.score_pairs(pairs, METRICS[:1], "score", workers)


def test_no_pairs_give_no_tables():
    assert score_images.score_pairs([], METRICS, "score") == {}


@dataclass(frozen=True)
class WaitingMetric(Metric):
    """Waits with black fused images as long as a file exists."""

    blocker: Path

    def measure(self, pair, fused, compute):
        while not fused.any() and self.blocker.exists():
            time.sleep(0.05)
        return super().measure(pair, fused, compute)


def kill_one_worker_when(is_ready):
    """Kill a worker as soon as ``is_ready()`` is true, in a background thread."""

    def wait_and_kill():
        while not is_ready():
            time.sleep(0.05)
        os.kill(multiprocessing.active_children()[0].pid, signal.SIGKILL)

    threading.Thread(target=wait_and_kill, daemon=True).start()


def test_killed_worker_is_one_error_and_finished_pairs_are_not_scored_again(
    pairs, tmp_path, monkeypatch
):
    Image.new("L", SIZE[::-1]).save(pairs[1].fused["mean"])
    blocker = tmp_path / "blocker"
    metrics = tuple(
        WaitingMetric(metric.name, metric.plugin, metric.options, blocker)
        for metric in load_metrics({"entropy": {}, "peak_signal_to_noise.mean": {}})
    )
    expected = score_images.score_pairs(pairs, metrics, "score", 1)
    blocker.touch()
    logs = {name: tmp_path / f"{name}.jsonl" for name in ("mean", "copy")}
    columns = [*(metric.name for metric in metrics), "flags"]
    kill_one_worker_when(lambda: len(row_log.read_rows(logs["copy"], columns)) == 2)
    with pytest.raises(UserError, match=r"worker process was killed .* 2 of 3 pairs were scored"):
        score_images.score_pairs(pairs, metrics, "score", 2, logs)
    assert set(row_log.read_rows(logs["mean"], columns)) == {"01", "03"}

    blocker.unlink()
    scored = []
    score_files = score_images._score_files
    monkeypatch.setattr(
        score_images,
        "_score_files",
        lambda pair, m: scored.append(pair.key) or score_files(pair, m),
    )
    resumed = score_images.score_pairs(pairs, metrics, "score", 1, logs)
    assert scored == ["02"]
    for name, table in expected.items():
        assert table.equals(resumed[name])
        assert list(table.index) == ["01", "02", "03"]


def test_finished_source_is_not_scored_again_with_an_unfinished_one(pairs, tmp_path):
    metrics = load_metrics({"entropy": {}})
    logs = {name: tmp_path / f"{name}.jsonl" for name in ("mean", "copy")}
    row = {"entropy": 7.5, "flags": ""}
    for key in ("01", "02", "03"):
        row_log.append_row(logs["mean"], key, row)
    tables = score_images.score_pairs(pairs, metrics, "score", 1, logs)
    assert tables["mean"]["entropy"].tolist() == [7.5] * 3
    unlogged = score_images.score_pairs(pairs, metrics, "score", 1)
    assert tables["copy"]["entropy"].tolist() == unlogged["copy"]["entropy"].tolist()


def test_truncated_line_is_ignored_and_damages_no_other(tmp_path):
    file = tmp_path / "rows.jsonl"
    row = {"entropy": 0.1 + 0.2, "flags": ""}
    for key in ("01", "02"):
        row_log.append_row(file, key, row)
    file.write_text(file.read_text()[:-9])
    assert set(row_log.read_rows(file, ["entropy", "flags"])) == {"01"}
    row_log.append_row(file, "03", row)
    assert row_log.read_rows(file, ["entropy", "flags"]) == {"01": row, "03": row}
    assert row_log.read_rows(file, ["entropy"]) == {}
    assert row_log.read_rows(tmp_path / "none", ["entropy"]) == {}
