"""A report that has every kind of number."""

import statistics
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from report_toys import CLASSES, FACTS, MADE, PUBLISHED_TAGS, cells, finish, planned, split
from test_reports_efficiency import profile

from bench import evidence, matches, profiles, tasks
from bench.boxes import make
from bench.plan import Cell
from bench.records import Column, Record, Slice
from bench.store import Store
from detection import coco
from reports import run
from reports.papers import audits, beside, published

SEEDS = (0, 1, 2)
SOURCES = ("infrared", "visible", "average", "mine")
METRICS = {
    "AP50": Column(title="AP@.5", mean="mAP@.5"),
    "AP": Column(title="AP", mean="mAP"),
    "error": Column(title="error", mean="mean error", better="lower", unit="px"),
    "missed error": Column(title="lost: missed", mean="Missed", better="lower", family="lost"),
    "both error": Column(title="lost: both", mean="Both", better="lower", family="lost"),
}
QUALITY = {
    "en": Column(title="EN", mean="EN", unit="bit", signature="EN.bits v1"),
    "nabf": Column(title="Nabf", mean="Nabf", better="lower", points=False),
    "vif": Column(title="VIF", mean="VIF", points=False),
}
COLUMNS = METRICS | QUALITY
PUBLISHED = (
    """
toy-table:
  paper: Paper
  table: Table 1
  by_eye: false
  note: A note.
  classes: {Peo: person, Car: car}
  metrics: {AP at half: AP50}
"""
    + PUBLISHED_TAGS
)
ROWS = """method,printed,metric,Peo,Car,mean,model
Fuse,Fuse,AP at half,50.10,20.00,35.05,tiny
Bad,Bad,AP at half,50.0,,45.0,tiny
Large,Large,AP at half,61.5,22.5,42.0,large
"""


@cache  # it takes long, and whoever changes a file of it writes it back
def build(folder: Path) -> Path:
    """Make the report of three tasks; return its folder. What it is made of lies beside it."""
    place = folder / "walk"
    place.mkdir()
    store = Store(place / "runs")
    every = []
    for kind in ("detection", "segmentation"):
        of = split(place / kind, masks=kind == "segmentation")
        every += cells(kind, of, place, seeds=SEEDS, fused=SOURCES[2:])
    for number, cell in enumerate(every):
        if (cell.source_name, cell.seed) != ("mine", 2):  # is not finished
            _finish(cell, store, number)
    every += _quality(store, place)
    profiles.write(store.root, profile("average", 0.125, device="gpu"))
    profiles.write(store.root, profile("mine", 2.5, macs=None))
    papers = place / "papers"
    papers.mkdir()
    (papers / "tables.yaml").write_text(PUBLISHED)
    (papers / "toy-table.csv").write_text(ROWS)
    (papers / "claims.csv").write_text("table,check,said,against,quote\n")
    (papers / "facts.csv").write_text("dataset,quantity,value,source\n")
    read = published.read(papers)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(beside, "_audited", lambda: (read, audits.findings(read, papers)))
        planned(patch, every)
        patch.chdir(place)
        assert run.main([]) == 0
    return place / "report"


def _finish(cell: Cell, store: Store, number: int) -> None:
    """A record and what lies beside it."""
    whole = _scored(cell.source_name, cell.seed, len(cell.name))
    scenes = {s: _scored(cell.source_name, cell.seed, i) for i, s in enumerate(("day", "night"))}
    changes = {name: getattr(whole, name) for name in Slice.model_fields} | {"by_scene": scenes}
    finish(
        cell,
        store,
        (0.5, 0.5),
        columns=METRICS,
        protocol=FACTS | {"protocol": "retrained"},
        made=MADE | {"training": {"seconds": 10.25 + number, "device": "cpu"}},
        **changes,
    )
    place, noise = cell.place(store), np.random.default_rng(number)
    evidence.write(place, cell.test)
    if cell.task.kind == "segmentation":
        counts = noise.integers(0, 50, (4, 3, 3))
        np.savez(place / "confusion.npz", keys=np.array(cell.test.keys), counts=counts)
        return
    _matched(cell, place)
    names = (*CLASSES, "background")
    pairs = [(a, b) for a in names for b in names if (a, b) != ("background",) * 2]
    boxes = [f"all,{a},{b},{noise.integers(9)},0.3" for a, b in pairs]
    _lines(place / "confusion.csv", "scene,truth,predicted,boxes,confidence", boxes)
    curve = [f"{c},0.5,{r / 4},{noise.random():.4f},0.5" for c in CLASSES for r in range(5)]
    _lines(place / "curves.csv", "class,overlap,recall,precision,score", curve)


def _lines(file: Path, head: str, rows: list[str]) -> None:
    file.write_text("\n".join([head, *rows]) + "\n")


def _scored(source: str, seed: int, salt: int) -> Slice:
    """Some scores that differ everywhere."""
    number = sum(map(ord, source)) * 31 + seed * 17 + salt * 7
    scores = {}
    for i, name in enumerate(CLASSES):
        scores[name] = {
            metric: (number * (i + 2) * (j + 3) % 997) / 997 for j, metric in enumerate(METRICS)
        }
    scores["car"]["AP"] = None if source == "visible" else scores["car"]["AP"]
    means = {}
    for metric in METRICS:
        there = [part[metric] for part in scores.values() if part[metric] is not None]
        means[metric] = statistics.fmean(there)
    return Slice(
        values=means,
        by_class=scores,
        counts={"images": 2 + salt},
        other_means={"without car": scores["person"]},
        conventions={"both, zero": {metric: score / 2 for metric, score in means.items()}},
    )


def _matched(cell: Cell, folder: Path) -> None:
    """What statistics are made from: matches of boxes that differ everywhere."""
    random = np.random.default_rng([cell.seed, *cell.source_name.encode()])
    truth = {pair.key: pair.boxes for pair in cell.test.pairs}
    found = {}
    for key, boxes in truth.items():
        some = random.random(3) < 0.7
        corners = np.concatenate([boxes.corners, [[0, 40, 8, 47]]]) + random.normal(0, 1.5, (3, 4))
        scores = random.random(3)[some].tolist()
        found[key] = make(corners[some].tolist(), np.array([0, 1, 1])[some].tolist(), scores)
    matches.write(folder / "matches.npz", coco.match(truth, found, cell.test.classes))


def _quality(store: Store, place: Path) -> list[Cell]:
    """A task of fusion metrics, whose records have intervals of their own."""
    of = split(place / "quality")
    sources = {
        name: tasks.Raw(kind=name)
        if name in SOURCES[:2]
        else tasks.Method(kind="method", method="average")
        for name in SOURCES
    }
    task = tasks.Quality(kind="quality", dataset="toy", sources=SOURCES)
    found = []
    for number, (name, source) in enumerate(sources.items()):
        specs = {"record": {"of": {"kind": "quality", "source": name}}}
        cell = Cell("toy-quality", task, of, of, name, source, None, place, specs)
        values = {m: (number * 3 + i * i + 2) % 11 / 7 for i, m in enumerate(QUALITY)}
        part = Slice(
            values=values,
            intervals={m: (value - 0.0625, value + 0.125) for m, value in values.items()},
            counts={"images": 4},
        )
        made = Record(
            **part.model_dump(),
            **{"task": cell.name, "kind": "quality", "dataset": "toy", "source": name},
            **{"source_kind": source.kind, "seed": None, "spec": {}, "made": MADE},
            protocol=FACTS | {"luminance": "Y"},
            columns=QUALITY,
            by_scene={"day": part.model_copy(update={"intervals": {}})},
        )
        store.fill("quality", cell.label, specs["record"], made.write)
        found.append(cell)
    return found
