"""A report that has every kind of number."""

import statistics
from pathlib import Path

import numpy as np
import pytest

from detection import coco_matching
from fusebench.config import schema
from fusebench.data.boxes import make_boxes
from fusebench.evaluation import match_table
from fusebench.experiments.plan import Run
from fusebench.storage import cost_profiles, image_index
from fusebench.storage.records import Column, Record, Scores
from fusebench.storage.store import Store
from reports import run
from reports.literature import published_comparison, published_tables, run_audits
from tests.helpers.synthetic_records import (
    CLASSES,
    PROTOCOL,
    PROVENANCE,
    PUBLISHED_TAGS,
    finish_run,
    make_runs,
    patch_plan,
    write_split,
)
from tests.reports.document.test_efficiency import make_profile

SEEDS = (0, 1, 2)
SOURCES = ("infrared", "visible", "average", "mine")
TASK_METRICS = {
    "AP50": Column(title="AP@.5", mean_title="mAP@.5"),
    "AP": Column(title="AP", mean_title="mAP"),
    "error": Column(title="error", mean_title="mean error", better="lower", unit="px"),
    "missed error": Column(
        title="lost: missed", mean_title="Missed", better="lower", family="lost"
    ),
    "both error": Column(title="lost: both", mean_title="Both", better="lower", family="lost"),
}
FUSION_METRICS = {
    "en": Column(title="EN", mean_title="EN", unit="bit", signature="EN.bits v1"),
    "nabf": Column(title="Nabf", mean_title="Nabf", better="lower", is_fraction=False),
    "vif": Column(title="VIF", mean_title="VIF", is_fraction=False),
}
COLUMNS = TASK_METRICS | FUSION_METRICS
PUBLISHED_YAML = (
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
PUBLISHED_CSV = """method,printed,metric,Peo,Car,mean,model
Fuse,Fuse,AP at half,50.10,20.00,35.05,tiny
Bad,Bad,AP at half,50.0,,45.0,tiny
Large,Large,AP at half,61.5,22.5,42.0,large
"""


def build_report(place: Path) -> Path:
    """Make the report of three tasks in ``place``; return its folder. Its inputs lie beside it."""
    store = Store(place / "runs")
    every = []
    for kind in ("detection", "segmentation"):
        of = write_split(place / kind, masks=kind == "segmentation")
        every += make_runs(kind, of, place, seeds=SEEDS, fused=SOURCES[2:])
    for number, cell in enumerate(every):
        if (cell.source_name, cell.seed) != ("mine", 2):  # is not finished
            _finish_trained_run(cell, store, number)
    every += _write_quality_runs(store, place)
    cost_profiles.write_profile(store.root, make_profile("average", 0.125, device="gpu"))
    cost_profiles.write_profile(store.root, make_profile("mine", 2.5, macs=None))
    papers = place / "papers"
    papers.mkdir()
    (papers / "tables.yaml").write_text(PUBLISHED_YAML)
    (papers / "toy-table.csv").write_text(PUBLISHED_CSV)
    (papers / "claims.csv").write_text("table,check,said,against,quote\n")
    (papers / "facts.csv").write_text("dataset,quantity,value,source\n")
    read = published_tables.read_tables(papers)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            published_comparison,
            "_read_audited_tables",
            lambda: (read, run_audits.collect_findings(read, papers)),
        )
        patch_plan(patch, every)
        patch.chdir(place)
        assert run.main([]) == 0
    return place / "report"


def _finish_trained_run(cell: Run, store: Store, number: int) -> None:
    """A record and what lies beside it."""
    whole = _make_scores(cell.source_name, cell.seed, len(cell.task_name))
    scenes = {
        s: _make_scores(cell.source_name, cell.seed, i) for i, s in enumerate(("day", "night"))
    }
    changes = {name: getattr(whole, name) for name in Scores.model_fields} | {
        "by_condition": scenes
    }
    finish_run(
        cell,
        store,
        (0.5, 0.5),
        columns=TASK_METRICS,
        protocol=PROTOCOL | {"protocol": "retrained"},
        made=PROVENANCE | {"training": {"seconds": 10.25 + number, "device": "cpu"}},
        **changes,
    )
    place, noise = cell.get_record_folder(store), np.random.default_rng(number)
    image_index.write_image_index(place, cell.test_split)
    if cell.task.kind == "segmentation":
        counts = noise.integers(0, 50, (4, 3, 3))
        np.savez(place / "confusion.npz", keys=np.array(cell.test_split.keys), counts=counts)
        return
    _write_matches(cell, place)
    names = (*CLASSES, "background")
    pairs = [(a, b) for a in names for b in names if (a, b) != ("background",) * 2]
    boxes = [f"all,{a},{b},{noise.integers(9)},0.3" for a, b in pairs]
    _write_lines(place / "confusion.csv", "condition,truth,predicted,boxes,confidence", boxes)
    curve = [f"{c},0.5,{r / 4},{noise.random():.4f},0.5" for c in CLASSES for r in range(5)]
    _write_lines(place / "curves.csv", "class,iou,recall,precision,score", curve)


def _write_lines(file: Path, head: str, rows: list[str]) -> None:
    file.write_text("\n".join([head, *rows]) + "\n")


def _make_scores(source: str, seed: int, salt: int) -> Scores:
    """Some scores that differ everywhere."""
    number = sum(map(ord, source)) * 31 + seed * 17 + salt * 7
    scores = {}
    for i, name in enumerate(CLASSES):
        scores[name] = {
            metric: (number * (i + 2) * (j + 3) % 997) / 997
            for j, metric in enumerate(TASK_METRICS)
        }
    scores["car"]["AP"] = None if source == "visible" else scores["car"]["AP"]
    means = {}
    for metric in TASK_METRICS:
        there = [part[metric] for part in scores.values() if part[metric] is not None]
        means[metric] = statistics.fmean(there)
    return Scores(
        values=means,
        by_class=scores,
        counts={"images": 2 + salt},
        subset_means={"without car": scores["person"]},
        by_convention={"both, zero": {metric: score / 2 for metric, score in means.items()}},
    )


def _write_matches(cell: Run, folder: Path) -> None:
    """What statistics are made from: matches of boxes that differ everywhere."""
    random = np.random.default_rng([cell.seed, *cell.source_name.encode()])
    truth = {pair.key: pair.boxes for pair in cell.test_split.pairs}
    found = {}
    for key, boxes in truth.items():
        some = random.random(3) < 0.7
        corners = np.concatenate([boxes.corners, [[0, 40, 8, 47]]]) + random.normal(0, 1.5, (3, 4))
        scores = random.random(3)[some].tolist()
        found[key] = make_boxes(corners[some].tolist(), np.array([0, 1, 1])[some].tolist(), scores)
    match_table.write_match_table(
        folder / "matches.npz",
        coco_matching.build_match_table(truth, found, cell.test_split.classes),
    )


def _write_quality_runs(store: Store, place: Path) -> list[Run]:
    """A task of fusion metrics, whose records have intervals of their own."""
    of = write_split(place / "quality")
    sources = {
        name: schema.SensorSource(kind=name)
        if name in SOURCES[:2]
        else schema.FusionMethodSource(kind="method", method="average")
        for name in SOURCES
    }
    task = schema.QualityTask(kind="quality", dataset="toy", sources=SOURCES)
    found = []
    for number, (name, source) in enumerate(sources.items()):
        specs = {"record": {"of": {"kind": "quality", "source": name}}}
        cell = Run("toy-quality", task, of, of, name, source, None, place, specs)
        values = {m: (number * 3 + i * i + 2) % 11 / 7 for i, m in enumerate(FUSION_METRICS)}
        part = Scores(
            values=values,
            intervals={m: (value - 0.0625, value + 0.125) for m, value in values.items()},
            counts={"images": 4},
        )
        made = Record(
            **part.model_dump(),
            **{"task": cell.task_name, "kind": "quality", "dataset": "toy", "source": name},
            **{"source_kind": source.kind, "seed": None, "spec": {}, "made": PROVENANCE},
            protocol=PROTOCOL | {"luminance": "Y"},
            columns=FUSION_METRICS,
            by_condition={"day": part.model_copy(update={"intervals": {}})},
        )
        store.get_or_create("quality", cell.label, specs["record"], made.write)
        found.append(cell)
    return found
