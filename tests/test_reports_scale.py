"""A large first report: 16 sources x 3 seeds x 2 tasks, 200 panels, 2000 resamples of each."""

import json
import os
import re
import shutil
import time
import zlib

import numpy as np
import pytest
import statistics_toys
from report_toys import cells, finish, planned, split

from bench import boxes, images
from bench.store import Store
from reports import run

pytestmark = pytest.mark.slow
FUSED = tuple(f"method-{i}" for i in range(14))
SIZE = (640, 480)  # pixels
SECONDS = 60  # on 2 cores, worker processes included
BYTES = 25_000_000


def street(path, seed, channels):
    """Something that a JPEG of a street is like: smooth, with edges and a little noise."""
    noise = np.random.default_rng(seed)
    coarse = noise.integers(40, 220, (12, 16, channels)).astype(np.float64)
    image = coarse.repeat(40, axis=0).repeat(40, axis=1)
    image += noise.normal(0, 4, image.shape)
    pixels = image.clip(0, 255).astype(np.uint8)
    images.write(path, pixels if channels == 3 else pixels[..., 0])


def enlarged(of, masks):
    """The same pairs in the size of a camera's images."""
    pairs = []
    for number, pair in enumerate(of.pairs):
        street(pair.infrared, 2 * number, 1)
        street(pair.visible, 2 * number + 1, 3)
        if masks:
            labels = np.random.default_rng(number).integers(0, 3, (12, 16), dtype=np.uint8)
            images.write(pair.mask, labels.repeat(40, axis=0).repeat(40, axis=1))
        corners = pair.boxes.corners * 10
        pairs.append(
            type(pair)(**{**vars(pair), "size": SIZE, "boxes": boxes.make(corners, [0, 1])})
        )
    classes = statistics_toys.PIXELS if masks else statistics_toys.BOXES
    return type(of)(**{**vars(of), "pairs": tuple(pairs), "classes": classes})


def guess(cell, folder):
    """Predictions that differ from source to source."""
    noise = np.random.default_rng(len(cell.source_name) + 7 * cell.seed)
    if cell.task.kind == "detection":
        found = {}
        for pair in cell.test.pairs:
            corners = (pair.boxes.corners + noise.normal(0, 12, (2, 4))).clip(0, 470)
            corners[:, 2:] = np.maximum(corners[:, 2:], corners[:, :2] + 5)
            found[pair.key] = boxes.make(corners, [0, 1], [0.9, 0.4])
        sizes = {pair.key: pair.size for pair in cell.test.pairs}
        document = boxes.to_coco(found, cell.test.classes, sizes)
        (folder / "predictions.json").write_text(json.dumps(document))
        return
    for pair in cell.test.pairs:
        labels = noise.integers(0, 3, (12, 16), dtype=np.uint8)
        images.write(folder / f"{pair.key}.png", labels.repeat(40, axis=0).repeat(40, axis=1))


def per_image(cell, store):
    """A per-image file beside the record, so that pairs are chosen by all rules."""
    noise = np.random.default_rng(zlib.crc32(cell.source_name.encode()))
    lines = ["key,class,truths,hits,false_alarms,confidence"]
    if cell.task.kind == "segmentation":
        lines = ["key,class,truth,predicted,hit"]
    for pair in cell.test.pairs:
        hits = int(noise.integers(0, 10))
        row = (10, hits, 1, 0.5) if cell.task.kind == "detection" else (10, 10, hits)
        lines.append(",".join(map(str, (pair.key, "person", *row))))
    (cell.place(store) / "per_image.csv").write_text("\n".join(lines) + "\n")


def used():
    """Processor time of this process and of those it started and waited for, in seconds."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


def finished(cell, store, folder):
    """Put a cell's record into the store with everything that the report looks at."""
    said = statistics_toys.files(cell, folder)
    finish(cell, store, (0.5, 0.5), guess, **said)
    shutil.copytree(folder, cell.place(store), dirs_exist_ok=True)
    per_image(cell, store)


def test_a_large_first_report_is_made_in_a_minute_and_is_small(
    tmp_path, monkeypatch, record_property
):
    store, every = Store(tmp_path / "runs"), []
    for kind in ("detection", "segmentation"):
        masks = kind == "segmentation"
        of = enlarged(split(tmp_path / kind, masks=masks, count=16), masks)
        every += cells(kind, of, tmp_path, seeds=(0, 1, 2), fused=FUSED)
    for cell in every:
        finished(cell, store, tmp_path / "results" / cell.label)
    planned(monkeypatch, every)
    monkeypatch.chdir(tmp_path)
    wall, spent = time.monotonic(), used()
    assert run.main([]) == 0
    wall, spent = time.monotonic() - wall, used() - spent
    report = tmp_path / "report"
    panels = list(report.rglob("*.jpg"))
    assert len(panels) >= 200
    assert len(list((store.root / "statistics").iterdir())) == len(every)
    size = sum(path.stat().st_size for path in report.rglob("*") if path.is_file())
    page = (report / "index.html").stat().st_size
    record_property("measured", (len(panels), f"{wall:.1f} s, {spent:.1f} s used", size, page))
    assert size < BYTES
    assert spent < 2 * SECONDS  # not wall time: others use the machine too
    html = (report / "index.html").read_text(encoding="utf-8")
    pictures = re.findall(r'<img src="[^"]+\.jpg"[^>]*>', html)  # charts are small, and are printed
    assert len(pictures) == len(panels)
    assert all('loading="lazy"' in one for one in pictures)
