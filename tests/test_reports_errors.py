"""What fusion helps with in words, kinds of error and confusion matrices."""

import csv
from pathlib import Path

import numpy as np
import pytest
from report_toys import CLASSES, cells, finish, planned, results, row, split
from test_verdicts import task

from bench import evidence
from bench.errors import BenchError
from bench.records import Column
from bench.store import Store
from reports import run
from reports.contents import chapters
from reports.records import confusions
from reports.scores import helps, tables

COSTS = {
    f"{kind} error": Column(title=f"lost: {kind}", mean=kind, better="lower", family="costs")
    for kind in ("missed", "background")
}


def said(found):
    return helps.said(found, tables.by_class(found, "ap50"))


def test_classes_are_better_only_by_their_verdict():
    assert said(task()) == [
        "By class: better in person (+10.0 points); no difference shown in 1 of 2."
    ]
    assert said(task((0.5, 0.6))) == ["By class: no difference shown in any of 2."]
    assert "worse in car (\N{MINUS SIGN}40.0 points)" in said(task((0.6, 0.2)))[0]


def test_without_verdicts_the_largest_differences_are_called_not_tested():
    singles = row("infrared", "infrared", [(0.5, 0.2)]), row("visible", "visible", [(0.4, 0.6)])
    found = results(*singles, row("mine", "method", [(0.6, 0.5)]))
    assert said(found) == [
        "By class, not tested: most improved in person (+10.0 points); "
        "most worsened in car (\N{MINUS SIGN}10.0 points)."
    ]
    equal = results(*singles, row("mine", "method", [(0.5, 0.6)]))
    assert said(equal) == []
    assert said(results(*singles)) == []
    unfinished = row("visible", "visible", [None])
    assert said(results(singles[0], unfinished, row("mine", "method", [(0.6, 0.5)]))) == []


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
        one = row(name, kind, [(0.5, 0.5)])
        rows.append(type(one)(**{**vars(one), "records": (with_costs(one.records[0], *costs),)}))
    found = results(*rows)
    assert tables.errors(found) == ["costs"]
    assert said(found)[-1] == (
        "By kind of error, not tested: most improved in missed (\N{MINUS SIGN}10.0 points); "
        "most worsened in background (+3.0 points)."
    )
    shown, folded = chapters.chosen(found)
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
        of = split(tmp_path / kind, masks=kind == "segmentation")
        every += cells(kind, of, tmp_path, seeds=(0, 1))
    random = np.random.default_rng(0)
    for cell in every:
        finish(cell, store, (0.5, 0.5))
        place = cell.place(store)
        if cell.task.kind == "detection":
            names = (*CLASSES, "background")
            lines = [
                f"{scene},{truth},{guess},{random.integers(9)},0.3"
                for scene in ("all", "day")
                for truth in names
                for guess in names
                if (truth, guess) != ("background", "background")
            ]
            head = "scene,truth,predicted,boxes,confidence"
            (place / "confusion.csv").write_text("\n".join([head, *lines]) + "\n")
        else:
            evidence.write(place, cell.test)
            counts = random.integers(0, 50, (4, 3, 3))
            np.savez(place / "confusion.npz", keys=np.array(cell.test.keys), counts=counts)
    planned(monkeypatch, every)
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
                    if line["scene"] == "all":
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
    found = confusions.read(mine, store)
    assert {one.names for one in found.values()} == {("unlabelled", "person")}
    boxes = [cell for cell in every if cell.task.kind == "detection"]
    file = boxes[0].place(store) / "confusion.csv"
    file.write_text("scene,truth,predicted,boxes,confidence\nall,a,a,many,0\n")
    with pytest.raises(BenchError, match=r"confusion\.csv: cannot be read"):
        confusions.read(boxes, store)
