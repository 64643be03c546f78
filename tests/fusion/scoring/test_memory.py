"""As many worker processes as fit into memory; a pair that cannot fit is one error beforehand."""

import numpy as np
import pytest
from PIL import Image

from fusebench.errors import UserError
from fusebench.runtime.memory import available
from fusebench.runtime.memory.available import AvailableMemory
from fusion import quality
from fusion.scoring import memory

SIZES = {"small": (640, 480), "large": (4000, 2000)}
BYTES = 8_000_000 * (80 + 2 + 1)  # ten float64 values per pixel, both sources, one fused image


def score(grays):
    return [gray.astype(np.float64) for gray in [*grays] * 3] + [grays[0] * 1.0]


def limit(monkeypatch, size, workers=4, measure=score):
    monkeypatch.setattr(
        available, "read_available_memory", lambda: AvailableMemory(size, "ulimit -v")
    )
    return memory.limit_workers(SIZES, 1, measure, workers)


def test_all_workers_that_fit_are_used_and_at_least_one(monkeypatch, capsys):
    assert limit(monkeypatch, 10**12) == 4
    assert limit(monkeypatch, 4 * BYTES) == 4
    assert capsys.readouterr().err == ""
    assert limit(monkeypatch, 2 * BYTES) == 2
    assert "2 instead of 4, because each needs about 633 MiB" in capsys.readouterr().err
    assert limit(monkeypatch, BYTES) == 1
    assert memory.limit_workers({}, 1, score, 3) == 3


def test_a_pair_that_cannot_fit_is_named_with_its_size(monkeypatch):
    with pytest.raises(UserError, match=r"^pair large: scoring images of 4000 x 2000 pixels needs"):
        limit(monkeypatch, BYTES // 2, workers=1)


def test_a_metric_that_fails_is_left_to_the_scoring(monkeypatch):
    def fail(grays):
        raise ZeroDivisionError

    assert limit(monkeypatch, 1000, measure=fail) == 4


def test_quality_refuses_images_that_cannot_fit_before_it_scores(tmp_path, monkeypatch, capsys):
    for name in ("fused", "ir", "vis"):
        (tmp_path / name).mkdir()
        Image.new("L", (1600, 1200), 9).save(tmp_path / name / "a.png")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        available, "read_available_memory", lambda: AvailableMemory(10**7, "ulimit -v")
    )
    arguments = ["fused", "ir", "vis", "--metric", "structural_similarity"]
    assert quality.main(arguments) == 2
    error = capsys.readouterr().err
    assert "pair a: scoring images of 1600 x 1200 pixels needs about" in error
    assert "score fewer metrics at a time, reduce the images" in error
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    assert quality.main(arguments) == 0
