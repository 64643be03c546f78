"""A report with every kind of table, on synthetic records."""

import statistics
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from detection import coco_matching
from fusebench.config import schema
from fusebench.data.boxes import make_boxes
from fusebench.evaluation.counts import write_counts
from fusebench.experiments.planning.run import Run
from fusebench.storage import cost_profiles, image_index
from fusebench.storage.records import Column, Record, Scores
from fusebench.storage.store import Store
from reports import run
from reports.literature import published_comparison, published_tables, run_audits
from tests.helpers.reports.synthetic_records import (
    CLASSES,
    METRIC_SPECS,
    PROTOCOL,
    PROVENANCE,
    PUBLISHED_TAGS,
    finish_run,
    make_profile,
    make_runs,
    make_source_images,
    patch_plan,
    write_split,
)

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


@cache  # slow to build; tests that edit a file of it restore the file
def build_report(folder: Path) -> Path:
    """Build the report of three tasks; return its folder, next to the store in ``runs``."""
    root = folder / "walk"
    root.mkdir()
    store = Store(root / "runs")
    runs = []
    for kind in ("detection", "segmentation"):
        split = write_split(root / kind, masks=kind == "segmentation")
        runs += make_runs(kind, split, root, seeds=SEEDS, fused=SOURCES[2:])
    for number, trained_run in enumerate(runs):
        if (trained_run.source_name, trained_run.seed) != ("mine", 2):  # stays unfinished
            _finish_trained_run(trained_run, store, number)
    runs += _write_quality_runs(store, root)
    cost_profiles.write_profile(store.root, make_profile("average", 0.125, device="gpu"))
    cost_profiles.write_profile(store.root, make_profile("mine", 2.5, macs=None))
    tables, findings = _write_published_tables(root / "papers")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(published_comparison, "_read_audited_tables", lambda: (tables, findings))
        patch_plan(patch, runs)
        patch.chdir(root)
        assert run.main([]) == 0
    return root / "report"


def _write_published_tables(folder: Path):
    """Write a published table; return it as the report reads it, with the audit's findings."""
    folder.mkdir()
    (folder / "tables.yaml").write_text(PUBLISHED_YAML)
    (folder / "toy-table.csv").write_text(PUBLISHED_CSV)
    (folder / "claims.csv").write_text("table,check,values,subject,quote\n")
    (folder / "facts.csv").write_text("dataset,quantity,value,source\n")
    tables = published_tables.read_tables(folder)
    return tables, run_audits.collect_findings(tables, folder)


def _finish_trained_run(trained_run: Run, store: Store, number: int) -> None:
    """Write the record of a detection or segmentation run and the files beside it."""
    scores = _make_scores(trained_run.source_name, trained_run.seed, len(trained_run.task_name))
    by_condition = {
        condition: _make_scores(trained_run.source_name, trained_run.seed, i)
        for i, condition in enumerate(("day", "night"))
    }
    finish_run(
        trained_run,
        store,
        (0.5, 0.5),
        columns=TASK_METRICS,
        protocol=PROTOCOL | {"protocol": "retrained"},
        spec={"metrics": METRIC_SPECS[trained_run.task.kind], "without": ["car"]},
        provenance=PROVENANCE | {"training": {"seconds": 10.25 + number, "device": "cpu"}},
        **{name: getattr(scores, name) for name in Scores.model_fields},
        by_condition=by_condition,
    )
    folder, rng = trained_run.get_record_folder(store), np.random.default_rng(number)
    image_index.write_image_index(folder, trained_run.test_split)
    if trained_run.task.kind == "segmentation":
        counts = rng.integers(0, 50, (4, 3, 3))
        keys = np.array(trained_run.test_split.keys)
        np.savez(folder / "confusion.npz", keys=keys, counts=counts)
        return
    _write_matches(trained_run, folder)
    names = (*CLASSES, "background")
    pairs = [(a, b) for a in names for b in names if (a, b) != ("background",) * 2]
    rows = [f"all,{a},{b},{rng.integers(9)},0.3" for a, b in pairs]
    _write_lines(folder / "confusion.csv", "condition,truth,predicted,boxes,confidence", rows)
    rows = [f"{c},0.5,{r / 4},{rng.random():.4f},0.5" for c in CLASSES for r in range(5)]
    _write_lines(folder / "curves.csv", "class,iou,recall,precision,score", rows)


def _write_lines(file: Path, header: str, rows: list[str]) -> None:
    file.write_text("\n".join([header, *rows]) + "\n")


def _make_scores(source: str, seed: int, salt: int) -> Scores:
    """Make scores that differ by source, seed, class and metric."""
    number = sum(map(ord, source)) * 31 + seed * 17 + salt * 7
    by_class = {}
    for i, name in enumerate(CLASSES):
        by_class[name] = {
            metric: (number * (i + 2) * (j + 3) % 997) / 997
            for j, metric in enumerate(TASK_METRICS)
        }
    by_class["car"]["AP"] = None if source == "visible" else by_class["car"]["AP"]
    means = {}
    for metric in TASK_METRICS:
        defined = [part[metric] for part in by_class.values() if part[metric] is not None]
        means[metric] = statistics.fmean(defined)
    return Scores(
        values=means,
        by_class=by_class,
        counts={"images": 2 + salt},
        subset_means={"without car": by_class["person"]},
        by_convention={"both, zero": {metric: mean / 2 for metric, mean in means.items()}},
    )


def _write_matches(trained_run: Run, folder: Path) -> None:
    """Write the match table of predicted boxes that differ by source, seed and image."""
    rng = np.random.default_rng([trained_run.seed, *trained_run.source_name.encode()])
    truth = {pair.key: pair.boxes for pair in trained_run.test_split.pairs}
    predicted = {}
    for key, boxes in truth.items():
        is_predicted = rng.random(3) < 0.7
        corners = np.concatenate([boxes.corners, [[0, 40, 8, 47]]]) + rng.normal(0, 1.5, (3, 4))
        scores = rng.random(3)[is_predicted].tolist()
        class_ids = np.array([0, 1, 1])[is_predicted].tolist()
        predicted[key] = make_boxes(corners[is_predicted].tolist(), class_ids, scores)
    matches = coco_matching.match_images(truth, predicted, trained_run.test_split.classes)
    write_counts(folder / "matches.npz", matches)


def _write_quality_runs(store: Store, root: Path) -> list[Run]:
    """Write the records of a quality task, which have intervals of their own."""
    split = write_split(root / "quality")
    sources = {
        name: schema.SensorSource(kind=name)
        if name in SOURCES[:2]
        else schema.FusionMethodSource(kind="method", method="average")
        for name in SOURCES
    }
    task = schema.QualityTask(kind="quality", dataset="toy", sources=SOURCES)
    runs = []
    for number, (name, source) in enumerate(sources.items()):
        specs = {"record": {"of": {"kind": "quality", "source": name}}}
        images = make_source_images(name, source, split, root)
        quality_run = Run("toy-quality", task, None, images, None, specs)
        values = {m: (number * 3 + i * i + 2) % 11 / 7 for i, m in enumerate(FUSION_METRICS)}
        scores = Scores(
            values=values,
            intervals={m: (value - 0.0625, value + 0.125) for m, value in values.items()},
            counts={"images": 4},
        )
        record = Record(
            **scores.model_dump(),
            **{"task": quality_run.task_name, "kind": "quality", "dataset": "toy", "source": name},
            **{"source_kind": source.kind, "seed": None, "spec": {}, "provenance": PROVENANCE},
            classes=CLASSES,
            protocol=PROTOCOL | {"luminance": "Y"},
            columns=FUSION_METRICS,
            by_condition={"day": scores.model_copy(update={"intervals": {}})},
        )
        store.get_or_create("quality", quality_run.label, specs["record"], record.write)
        runs.append(quality_run)
    return runs
