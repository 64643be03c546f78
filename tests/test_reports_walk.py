"""Every number on the page is in a CSV file, and every number of the CSV files in a record."""

import csv
import json
import re
import statistics
from collections import defaultdict
from html.parser import HTMLParser

import pytest
from report_toys import cells, finish, split

from bench import cli, tasks
from bench.plan import Plan
from bench.records import Column, Slice
from bench.store import Store
from reports import run

SEEDS = (0, 1, 2)
METRICS = {
    "ap50": Column(title="AP@.5", mean="mAP@.5"),
    "ap": Column(title="AP", mean="mAP"),
    "error": Column(title="error", mean="mean error", better="lower", unit="px"),
}


class Tables(HTMLParser):
    """Every table of the page: its heads, its rows (bodies apart) and its CSV file."""

    def __init__(self, html):
        super().__init__()
        self.tables, self.cell, self.answers, self.prose = [], None, [], False
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag == "table":
            self.tables.append({"rows": [], "csv": None, "body": 0})
        if tag == "tbody":
            self.tables[-1]["body"] += 1
        if tag == "tr":
            self.tables[-1]["rows"].append((self.tables[-1]["body"], attrs.get("data-source"), []))
        if tag in ("td", "th"):
            self.cell = []
        if tag == "a" and attrs["href"].endswith(".csv") and self.tables:
            self.tables[-1]["csv"] = self.tables[-1]["csv"] or attrs["href"]
        if tag == "p":
            self.prose = attrs.get("class") == "answer"

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self.tables[-1]["rows"][-1][2].append(" ".join("".join(self.cell).split()))
            self.cell = None
        if tag == "p":
            self.prose = False

    def handle_data(self, text):
        if self.cell is not None:
            self.cell.append(text)
        elif self.prose:
            self.answers.append(text)


def scored(source, seed, salt):
    """Some scores that differ everywhere."""
    number = sum(map(ord, source)) * 31 + seed * 17 + salt * 7
    scores = {}
    for i, name in enumerate(("person", "car")):
        scores[name] = {
            metric: (number * (i + 2) * (j + 3) % 997) / 997 for j, metric in enumerate(METRICS)
        }
    scores["car"]["ap"] = None if source == "visible" else scores["car"]["ap"]
    means = {}
    for metric in METRICS:
        there = [part[metric] for part in scores.values() if part[metric] is not None]
        means[metric] = statistics.fmean(there)
    return Slice(values=means, by_class=scores, counts={"images": 2})


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    place = tmp_path_factory.mktemp("walk")
    store = Store(place / "runs")
    every = []
    for kind in ("detection", "segmentation"):
        of = split(place / kind, masks=kind == "segmentation")
        every += cells(kind, of, place, seeds=SEEDS, fused=("average", "mine"))
    for cell in every:
        if (cell.source_name, cell.seed) == ("mine", 2):
            continue  # not finished
        whole = scored(cell.source_name, cell.seed, len(cell.name))
        scenes = {s: scored(cell.source_name, cell.seed, i) for i, s in enumerate(("day", "night"))}
        changes = {"values": whole.values, "by_class": whole.by_class, "by_scene": scenes}
        finish(cell, store, (0.5, 0.5), columns=METRICS, **changes)
    file = tasks.TaskFile(
        sources={cell.source_name: cell.source for cell in every},
        tasks={cell.name: cell.task for cell in every},
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cli, "planned", lambda *_, **__: Plan(file, tuple(every), ()))
        patch.chdir(place)
        assert run.main([]) == 0
    return place / "report"


def sheet(file):
    with file.open(newline="", encoding="utf-8") as text:
        return list(csv.DictReader(text))


def numbers(text):
    return re.findall(r"[-+]?\d+\.\d+", text.replace("\N{MINUS SIGN}", "-"))


def test_every_number_of_a_table_is_in_the_csv_file_it_links_to(report):
    found = Tables((report / "index.html").read_text(encoding="utf-8"))
    assert len(found.tables) > 15
    walked = 0
    for table in found.tables:
        rows = {row["source"]: row for row in sheet(report / table["csv"])}
        columns = [name for name in rows["infrared"] if name not in ("source", "n", "protocol")]
        titles = [n for n in columns if not n.endswith((" sd", " difference"))]
        for body, source, shown in table["rows"]:
            if source is None:
                continue
            assert len(shown) == len(titles) + 1
            for title, cell in zip(titles, shown[1:], strict=True):
                parts = ("", " sd") if body == 1 else (" difference",)
                for number, part in zip(numbers(cell), parts, strict=False):
                    decimals = len(number.partition(".")[2])
                    printed = f"{float(rows[source][title + part]):.{decimals}f}"
                    assert float(number) == float(printed), (table["csv"], source, title)
                    walked += 1
                if not numbers(cell):
                    assert rows[source][title + parts[0]] == "", (table["csv"], source, title)
    assert walked > 500


def test_every_number_of_an_answer_is_in_a_csv_file(report):
    found = Tables((report / "index.html").read_text(encoding="utf-8"))
    printed = set()
    for file in (report / "tables").glob("*.csv"):
        for row in sheet(file):
            for cell in row.values():
                if re.fullmatch(r"-?\d+\.\d+", cell or ""):
                    printed |= {f"{abs(float(cell)):.1f}", f"{abs(float(cell)):.3f}"}
    said = numbers(" ".join(found.answers))
    assert len(said) >= 4
    assert set(said) <= printed


def expected(report):
    """The means and deviations over seeds that follow from the long table, by task and source."""
    long = defaultdict(list)
    for row in sheet(report / "tables" / "scores.csv"):
        name = (row["task"], row["source"], row["scene"], row["class"], row["metric"])
        if row["value"]:
            long[name].append(float(row["value"]))
    means, spreads = defaultdict(set), defaultdict(set)
    for (task, source, _, _, metric), values in long.items():
        scale = 1 if METRICS[metric].unit else 100
        means[task, source].add(round(statistics.fmean(values) * scale, 6))
        if len(values) > 1:
            spreads[task, source].add(round(statistics.stdev(values) * scale, 6))
    return means, spreads


def test_every_number_of_the_wide_tables_follows_from_the_long_one(report):
    means, spreads = expected(report)
    for file in (report / "tables").glob("toy-*.csv"):
        task = "-".join(file.name.split("-")[:2])
        for row in sheet(file):
            who = task, row["source"]
            for title, cell in row.items():
                if title in ("source", "n", "protocol") or not cell:
                    continue
                value = float(cell)
                if title.endswith(" sd"):
                    assert value in spreads[who], (file.name, title)
                elif title.endswith(" difference"):
                    mine = float(row[title.removesuffix(" difference")])
                    others = [means[task, single] for single in ("infrared", "visible")]
                    assert any(
                        abs(mine - value - other) < 1e-5 for those in others for other in those
                    )
                else:
                    assert value in means[who], (file.name, title)


def test_every_number_of_the_long_table_is_in_a_record(report):
    records = {}
    for file in (report.parent / "runs").glob("*/*/record.json"):
        made = json.loads(file.read_text())
        records[made["task"], made["source"], made["seed"]] = made
    rows = sheet(report / "tables" / "scores.csv")
    assert len(rows) == len(records) * 3 * 3 * len(METRICS)  # (all, day, night) x (2 classes, mean)
    for row in rows:
        made = records[row["task"], row["source"], int(row["seed"])]
        part = made if row["scene"] == "all" else made["by_scene"][row["scene"]]
        scores = part["values"] if row["class"] == "mean" else part["by_class"][row["class"]]
        value = scores[row["metric"]]
        assert row["value"] == ("" if value is None else repr(value))
