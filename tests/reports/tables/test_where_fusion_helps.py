"""Sentences on where fusion helps, error types and confusion matrices."""

import csv
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fusebench.errors import UserError
from fusebench.storage import image_index
from fusebench.storage.records import Column
from fusebench.storage.store import Store
from reports import run
from reports.document import selection
from reports.results import confusion_matrices
from reports.tables import builders, where_fusion_helps
from tests.helpers.reports.bootstrapped_results import make_bootstrapped_results
from tests.helpers.reports.synthetic_records import (
    CLASSES,
    finish_run,
    make_runs,
    make_source_results,
    make_task_results,
    patch_plan,
    write_split,
)

COST_COLUMNS = {
    f"{kind} error": Column(title=f"lost: {kind}", mean_title=kind, better="lower", family="costs")
    for kind in ("missed", "background")
}
SENSORS = (
    make_source_results("infrared", "infrared", [(0.5, 0.2)]),
    make_source_results("visible", "visible", [(0.4, 0.6)]),
)


def build_sentences(results):
    table = builders.build_class_table(results, "ap50")
    return where_fusion_helps.build_sentences(results, table)


def make_fused(*scores):
    return make_source_results("mine", "method", [scores])


def test_classes_are_called_better_or_worse_only_by_their_verdict():
    assert build_sentences(make_bootstrapped_results()) == [
        "By class: better in person (+10.0 points); no difference shown in 1 of 2."
    ]
    assert build_sentences(make_bootstrapped_results((0.5, 0.6))) == [
        "By class: no difference shown in any of 2."
    ]
    (sentence,) = build_sentences(make_bootstrapped_results((0.6, 0.2)))
    assert "worse in car (\N{MINUS SIGN}40.0 points)" in sentence


def test_without_verdicts_the_largest_differences_are_called_not_tested():
    assert build_sentences(make_task_results(*SENSORS, make_fused(0.6, 0.5))) == [
        "By class, not tested: most improved in person (+10.0 points); "
        "most worsened in car (\N{MINUS SIGN}10.0 points)."
    ]


def test_there_is_no_sentence_without_a_difference():
    unfinished = make_source_results("visible", "visible", [None])
    for sources in (
        (*SENSORS, make_fused(0.5, 0.6)),  # equal to the better sensor of each class
        SENSORS,
        (SENSORS[0], unfinished, make_fused(0.6, 0.5)),
    ):
        assert build_sentences(make_task_results(*sources)) == []


def test_fewer_errors_are_an_improvement():
    def add_costs(source, missed, background):
        (record,) = source.records
        costs = {"missed error": missed, "background error": background}
        changes = {"columns": record.columns | COST_COLUMNS, "values": record.values | costs}
        return replace(source, records=(record.model_copy(update=changes),))

    results = make_task_results(
        add_costs(make_source_results("infrared", "infrared", [(0.5, 0.5)]), 0.2, 0.03),
        add_costs(make_source_results("visible", "visible", [(0.5, 0.5)]), 0.3, 0.02),
        add_costs(make_source_results("mine", "method", [(0.5, 0.5)]), 0.1, 0.05),
    )
    assert builders.list_error_families(results) == ["costs"]
    assert build_sentences(results)[-1] == (
        "By error type, not tested: most improved in missed (\N{MINUS SIGN}10.0 points); "
        "most worsened in background (+3.0 points)."
    )
    main_tables, collapsed_tables = selection.select_tables(results)
    assert "costs" in [table.name for table in main_tables]
    assert [table.name for table in collapsed_tables if table.name.startswith("costs-")] == [
        f"costs-{name}" for name in CLASSES
    ]


@pytest.fixture
def runs_and_store(tmp_path, monkeypatch):
    """The runs of a detection and a segmentation task with saved confusion counts."""
    store = Store(tmp_path / "runs")
    runs = []
    for kind in ("detection", "segmentation"):
        split = write_split(tmp_path / kind, masks=kind == "segmentation")
        runs += make_runs(kind, split, tmp_path, seeds=(0, 1))
    rng = np.random.default_rng(0)
    for finished_run in runs:
        finish_run(finished_run, store, (0.5, 0.5))
        write_confusion_counts(finished_run, finished_run.get_record_folder(store), rng)
    patch_plan(monkeypatch, runs)
    monkeypatch.chdir(tmp_path)
    return runs, store


def write_confusion_counts(finished_run, folder, rng):
    if finished_run.task.kind == "segmentation":
        image_index.write_image_index(folder, finished_run.test_split)
        counts = rng.integers(0, 50, (4, 3, 3))
        keys = np.array(finished_run.test_split.keys)
        np.savez(folder / "confusion.npz", keys=keys, counts=counts)
        return
    names = (*CLASSES, "background")
    rows = [
        f"{condition},{truth},{predicted},{rng.integers(9)},0.3"
        for condition in ("all", "day")
        for truth in names
        for predicted in names
        if (truth, predicted) != ("background", "background")
    ]
    header = "condition,truth,predicted,boxes,confidence"
    (folder / "confusion.csv").write_text("\n".join([header, *rows]) + "\n")


def read_rows(file):
    with file.open(newline="", encoding="utf-8") as text:
        return list(csv.DictReader(text))


def sum_saved_counts(runs, store):
    """Sum the saved counts of the runs by true and predicted class."""
    total = Counter()
    for finished_run in runs:
        folder = finished_run.get_record_folder(store)
        if finished_run.task.kind == "detection":
            for row in read_rows(folder / "confusion.csv"):
                if row["condition"] == "all":
                    total[row["truth"], row["predicted"]] += int(row["boxes"])
        else:
            counts = np.load(folder / "confusion.npz")["counts"].sum(axis=0)
            classes = finished_run.test_split.classes
            for i, j in np.ndindex(counts.shape):
                total[classes[i], classes[j]] += int(counts[i, j])
    return total


def test_confusion_matrices_are_the_sums_of_the_saved_counts(runs_and_store):
    runs, store = runs_and_store
    assert run.main([]) == 0
    page = Path("report/index.html").read_text(encoding="utf-8")
    assert page.count('alt="Confusion matrix of ') == 6
    for task, source in {(r.task_name, r.source_name) for r in runs}:
        rows = [
            row
            for row in read_rows(Path(f"report/tables/{task}-confusion-matrices.csv"))
            if row["source"] == source
        ]
        counts = {(row["truth"], row["predicted"]): int(row["count"]) for row in rows}
        seeds = [r for r in runs if (r.task_name, r.source_name) == (task, source)]
        expected = sum_saved_counts(seeds, store)
        assert counts == dict.fromkeys(counts, 0) | expected
        for row in rows:
            total = sum(n for (truth, _), n in counts.items() if truth == row["truth"])
            assert float(row["share"]) == pytest.approx(int(row["count"]) / total)


def test_a_class_without_true_or_predicted_pixels_is_left_out(runs_and_store):
    runs, store = runs_and_store
    segmentation = [r for r in runs if r.task.kind == "segmentation"]
    for finished_run in segmentation:
        counts = np.ones((4, 3, 3), np.int64)
        counts[:, 2] = counts[:, :, 2] = 0
        path = finished_run.get_record_folder(store) / "confusion.npz"
        np.savez(path, keys=np.array(finished_run.test_split.keys), counts=counts)
    matrices = confusion_matrices.read_confusion_matrices(segmentation, store)
    assert {matrix.class_names for matrix in matrices.values()} == {("unlabelled", "person")}


def test_a_damaged_confusion_file_is_named(runs_and_store):
    runs, store = runs_and_store
    detection = [r for r in runs if r.task.kind == "detection"]
    file = detection[0].get_record_folder(store) / "confusion.csv"
    file.write_text("condition,truth,predicted,boxes,confidence\nall,a,a,many,0\n")
    with pytest.raises(UserError, match=r"confusion\.csv: cannot be read"):
        confusion_matrices.read_confusion_matrices(detection, store)
