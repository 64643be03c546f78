"""What fusion helps with in words, kinds of error and confusion matrices."""

import csv
from pathlib import Path

import numpy as np
import pytest

from fusebench.errors import UserError
from fusebench.storage import image_index
from fusebench.storage.records import Column
from fusebench.storage.store import Store
from reports import run
from reports.document import sections
from reports.results import confusion_matrices
from reports.tables import builders, where_fusion_helps
from tests.helpers.synthetic_records import (
    CLASSES,
    finish_run,
    make_runs,
    make_source_results,
    make_task_results,
    patch_plan,
    write_split,
)
from tests.reports.tables.test_significance import make_bootstrapped_results

COSTS = {
    f"{kind} error": Column(title=f"lost: {kind}", mean_title=kind, better="lower", family="costs")
    for kind in ("missed", "background")
}


def said(found):
    return where_fusion_helps.build_sentences(found, builders.build_class_table(found, "ap50"))


def test_classes_are_better_only_by_their_verdict():
    assert said(make_bootstrapped_results()) == [
        "By class: better in person (+10.0 points); no difference shown in 1 of 2."
    ]
    assert said(make_bootstrapped_results((0.5, 0.6))) == [
        "By class: no difference shown in any of 2."
    ]
    assert (
        "worse in car (\N{MINUS SIGN}40.0 points)" in said(make_bootstrapped_results((0.6, 0.2)))[0]
    )


def test_without_verdicts_the_largest_differences_are_called_not_tested():
    singles = (
        make_source_results("infrared", "infrared", [(0.5, 0.2)]),
        make_source_results("visible", "visible", [(0.4, 0.6)]),
    )
    found = make_task_results(*singles, make_source_results("mine", "method", [(0.6, 0.5)]))
    assert said(found) == [
        "By class, not tested: most improved in person (+10.0 points); "
        "most worsened in car (\N{MINUS SIGN}10.0 points)."
    ]
    equal = make_task_results(*singles, make_source_results("mine", "method", [(0.5, 0.6)]))
    assert said(equal) == []
    assert said(make_task_results(*singles)) == []
    unfinished = make_source_results("visible", "visible", [None])
    assert (
        said(
            make_task_results(
                singles[0], unfinished, make_source_results("mine", "method", [(0.6, 0.5)])
            )
        )
        == []
    )


def test_fewer_errors_are_a_gain():
    def with_costs(made, missed, background):
        costs = {"missed error": missed, "background error": background}
        changes = {"columns": made.columns | COSTS, "values": made.values | costs}
        return made.model_copy(update=changes)

    rows = []
    for name, kind, costs in (
        ("infrared", "infrared", (0.2, 0.03)),
        ("visible", "visible", (0.3, 0.02)),
        ("mine", "method", (0.1, 0.05)),
    ):
        one = make_source_results(name, kind, [(0.5, 0.5)])
        rows.append(type(one)(**{**vars(one), "records": (with_costs(one.records[0], *costs),)}))
    found = make_task_results(*rows)
    assert builders.list_error_families(found) == ["costs"]
    assert said(found)[-1] == (
        "By kind of error, not tested: most improved in missed (\N{MINUS SIGN}10.0 points); "
        "most worsened in background (+3.0 points)."
    )
    shown, folded = sections.select_tables(found)
    assert "costs" in [table.name for table in shown]
    assert [table.name for table in folded if table.name.startswith("costs-")] == [
        f"costs-{name}" for name in CLASSES
    ]


@pytest.fixture
def house(tmp_path, monkeypatch):
    """A detection and a segmentation task with confusion counts."""
    store = Store(tmp_path / "runs")
    every = []
    for kind in ("detection", "segmentation"):
        of = write_split(tmp_path / kind, masks=kind == "segmentation")
        every += make_runs(kind, of, tmp_path, seeds=(0, 1))
    random = np.random.default_rng(0)
    for cell in every:
        finish_run(cell, store, (0.5, 0.5))
        place = cell.get_record_folder(store)
        if cell.task.kind == "detection":
            names = (*CLASSES, "background")
            lines = [
                f"{scene},{truth},{guess},{random.integers(9)},0.3"
                for scene in ("all", "day")
                for truth in names
                for guess in names
                if (truth, guess) != ("background", "background")
            ]
            head = "condition,truth,predicted,boxes,confidence"
            (place / "confusion.csv").write_text("\n".join([head, *lines]) + "\n")
        else:
            image_index.write_image_index(place, cell.test_split)
            counts = random.integers(0, 50, (4, 3, 3))
            np.savez(place / "confusion.npz", keys=np.array(cell.test_split.keys), counts=counts)
    patch_plan(monkeypatch, every)
    monkeypatch.chdir(tmp_path)
    return every, store


def sheet(file):
    with file.open(newline="", encoding="utf-8") as text:
        return list(csv.DictReader(text))


def test_confusions_are_the_sums_of_the_saved_counts(house):
    every, store = house
    assert run.main([]) == 0
    page = Path("report/index.html").read_text(encoding="utf-8")
    assert page.count('alt="Confusion matrix of ') == 6
    for cell in every:
        if cell.seed:
            continue
        file = f"report/tables/{cell.name}-confusions.csv"
        rows = [r for r in sheet(Path(file)) if r["source"] == cell.source_name]
        got = {(r["truth"], r["predicted"]): int(r["count"]) for r in rows}
        seeds = [
            c.place(store)
            for c in every
            if (c.name, c.source_name) == (cell.name, cell.source_name)
        ]
        expected = dict.fromkeys(got, 0)
        for place in seeds:
            if cell.task.kind == "detection":
                for line in sheet(place / "confusion.csv"):
                    if line["condition"] == "all":
                        expected[line["truth"], line["predicted"]] += int(line["boxes"])
            else:
                whole = np.load(place / "confusion.npz")["counts"].sum(axis=0)
                for i, truth in enumerate(cell.test.classes):
                    for j, guess in enumerate(cell.test.classes):
                        expected[truth, guess] += int(whole[i, j])
        assert got == expected
        for r in rows:
            total = sum(n for (truth, _), n in got.items() if truth == r["truth"])
            assert float(r["share"]) == pytest.approx(int(r["count"]) / total)


def test_a_class_that_nobody_has_is_left_out_and_a_damaged_file_is_named(house):
    every, store = house
    mine = [cell for cell in every if cell.task.kind == "segmentation"]
    for cell in mine:
        counts = np.ones((4, 3, 3), np.int64)
        counts[:, 2] = counts[:, :, 2] = 0
        path = cell.place(store) / "confusion.npz"
        np.savez(path, keys=np.array(cell.test.keys), counts=counts)
    found = confusion_matrices.read_confusion_matrices(mine, store)
    assert {one.class_names for one in found.values()} == {("unlabelled", "person")}
    boxes = [cell for cell in every if cell.task.kind == "detection"]
    file = boxes[0].place(store) / "confusion.csv"
    file.write_text("condition,truth,predicted,boxes,confidence\nall,a,a,many,0\n")
    with pytest.raises(UserError, match=r"confusion\.csv: cannot be read"):
        confusion_matrices.read_confusion_matrices(boxes, store)
