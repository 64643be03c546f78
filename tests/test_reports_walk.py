"""Every number on the page is in a CSV file, every number of these in a record or its resamples."""

import csv
import json
import re
import statistics as plain
from collections import defaultdict
from html.parser import HTMLParser

import numpy as np
import pytest
from report_toys import cells, finish, planned, split

from bench import evidence, matches
from bench.boxes import make
from bench.records import Column, Slice
from bench.store import Store
from detection import coco
from reports import run, statistics

SEEDS = (0, 1, 2)
METRICS = {
    "AP50": Column(title="AP@.5", mean="mAP@.5"),
    "AP": Column(title="AP", mean="mAP"),
    "error": Column(title="error", mean="mean error", better="lower", unit="px"),
    "missed error": Column(title="lost: missed", mean="Missed", better="lower", family="lost"),
    "both error": Column(title="lost: both", mean="Both", better="lower", family="lost"),
}


class Tables(HTMLParser):
    """Every table of the page: its heads, its rows (bodies apart) and its CSV file."""

    def __init__(self, html):
        super().__init__()
        self.tables, self.cell, self.answers, self.prose = [], None, [], False
        self.sure = None  # what a cell says on demand
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag == "table":
            self.tables.append({"rows": [], "csv": None, "body": 0})
        if tag == "tbody":
            self.tables[-1]["body"] += 1
        if tag == "tr":
            row = (self.tables[-1]["body"], attrs.get("data-source"), [], [])
            self.tables[-1]["rows"].append(row)
        if tag in ("td", "th"):
            self.cell, self.sure, self.inside = [], [], False
        if tag == "span" and attrs.get("class") == "sure":
            self.inside = True
        if tag == "a" and attrs["href"].endswith(".csv") and self.tables:
            self.tables[-1]["csv"] = self.tables[-1]["csv"] or attrs["href"]
        if tag == "p":
            self.prose = attrs.get("class") == "answer"

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            for part, place in ((self.cell, 2), (self.sure, 3)):
                self.tables[-1]["rows"][-1][place].append(" ".join("".join(part).split()))
            self.cell = None
        if tag == "span" and self.cell is not None:
            self.inside = False
        if tag == "p":
            self.prose = False

    def handle_data(self, text):
        if self.cell is not None:
            (self.sure if self.inside else self.cell).append(text)
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
    scores["car"]["AP"] = None if source == "visible" else scores["car"]["AP"]
    means = {}
    for metric in METRICS:
        there = [part[metric] for part in scores.values() if part[metric] is not None]
        means[metric] = plain.fmean(there)
    return Slice(values=means, by_class=scores, counts={"images": 2})


def matched(cell, folder):
    """What statistics are made from: the images, and matches of boxes that differ everywhere."""
    evidence.write(folder, cell.test)
    random = np.random.default_rng([cell.seed, *cell.source_name.encode()])
    truth = {pair.key: pair.boxes for pair in cell.test.pairs}
    found = {}
    for key, boxes in truth.items():
        some = random.random(3) < 0.7
        corners = np.concatenate([boxes.corners, [[0, 40, 8, 47]]]) + random.normal(0, 1.5, (3, 4))
        scores = random.random(3)[some].tolist()
        found[key] = make(corners[some].tolist(), np.array([0, 1, 1])[some].tolist(), scores)
    matches.write(folder / "matches.npz", coco.match(truth, found, cell.test.classes))


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
        if cell.task.kind == "detection":
            matched(cell, cell.place(store))
    with pytest.MonkeyPatch.context() as patch:
        planned(patch, every)
        patch.chdir(place)
        assert run.main([]) == 0
    return place / "report"


def sheet(file):
    with file.open(newline="", encoding="utf-8") as text:
        return list(csv.DictReader(text))


def numbers(text):
    return re.findall(r"[-+]?\d+\.\d+", text.replace("\N{MINUS SIGN}", "-"))


SURE = (" low", " high", " p", " p Holm", " verdict")
ENDS = (" sd", " difference", *SURE)
SCORES, GAPS = ("", " sd"), (" difference",)
SURE_SCORES = (" low", " high")
SURE_GAPS = (" difference low", " difference high")


def titles(row):
    return [n for n in row if n not in ("source", "n", "protocol") and not n.endswith(ENDS)]


def walked(text, row, title, parts):
    """How many numbers of a text are those of some columns, printed as there; all must be."""
    said = re.sub(r",?\s?(p|adjusted) <?[\d.e-]+", "", text)
    for number, part in zip(numbers(said), parts, strict=False):
        decimals = len(number.partition(".")[2])
        assert float(number) == float(f"{float(row[title + part]):.{decimals}f}"), (title, part)
    if not numbers(said):
        assert row.get(title + parts[0], "") == "", (title, parts)
    chances = dict(re.findall(r"(p|adjusted) (<?[\d.e-]+)", text))
    for word, column in (("p", " p"), ("adjusted", " p Holm")):
        if word in chances:
            value = float(row[title + column])
            assert chances[word] == ("<0.001" if value < 0.001 else f"{value:.2g}")
    return len(numbers(said)) + len(chances)


def verdict(cell):
    """What a cell of a difference says about it."""
    said = {"?": "no difference shown", "better": "better", "worse": "worse"}
    return said.get(cell.split()[-1], "")


def test_every_number_of_a_table_is_in_the_csv_file_it_links_to(report):
    found = Tables((report / "index.html").read_text(encoding="utf-8"))
    assert len(found.tables) > 15
    count, sure = 0, 0
    for table in found.tables:
        rows = {row.get("source"): row for row in sheet(report / table["csv"])}
        if None in rows:
            continue  # of a plan, not of scores
        apart = table["csv"].endswith("-intervals.csv")
        first, then = (SURE_SCORES, SURE_GAPS) if apart else (SCORES, GAPS)
        for body, source, shown, on_demand in table["rows"]:
            if source is None:
                continue
            row = rows[source]
            assert len(shown) == len(titles(row)) + 1
            for title, cell, more in zip(titles(row), shown[1:], on_demand[1:], strict=True):
                count += walked(cell, row, title, first if body == 1 else then)
                if apart:
                    continue
                sure += walked(more, row, title, SURE_SCORES if body == 1 else SURE_GAPS)
                if body > 1:
                    assert verdict(cell) == row.get(f"{title} verdict", ""), (table["csv"], title)
    assert count > 500
    assert sure > 150


def test_every_number_of_an_answer_is_in_a_csv_file(report):
    found = Tables((report / "index.html").read_text(encoding="utf-8"))
    printed = set()
    for file in (report / "tables").glob("*.csv"):
        for row in sheet(file):
            for cell in row.values():
                if re.fullmatch(r"-?\d+\.\d+", cell or ""):
                    value = abs(float(cell))
                    printed |= {f"{value:.1f}", f"{value:.3f}", f"{value:.2g}"}
    said = [number.lstrip("+-") for number in numbers(" ".join(found.answers))]
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
        means[task, source].add(round(plain.fmean(values) * scale, 6))
        if len(values) > 1:
            spreads[task, source].add(round(plain.stdev(values) * scale, 6))
    return means, spreads


def test_every_number_of_the_wide_tables_follows_from_the_long_one(report):
    means, spreads = expected(report)
    for file in (report / "tables").glob("toy-*.csv"):
        task = "-".join(file.name.split("-")[:2])
        for row in sheet(file) if not file.name.endswith(("-power.csv", "-pairs.csv")) else ():
            who = task, row["source"]
            for title, cell in row.items():
                if title in ("source", "n", "protocol") or not cell or title.endswith(SURE):
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


def test_every_difference_of_two_sources_is_that_of_their_scores(report):
    walked = 0
    for file in (report / "tables").glob("*-pairs.csv"):
        wide = file.with_name(file.name.replace("-pairs.csv", ".csv"))
        rows = {row["source"]: row for row in sheet(wide)}
        for pair in sheet(file):
            one, other = (float(rows[pair[w]][pair["column"]]) for w in ("source", "other"))
            assert float(pair["difference"]) == pytest.approx(one - other, abs=1e-5)
            walked += 1
    assert walked > 20


def resampled(report):
    """What the store has resampled: scores by source, condition, class and metric, seed by seed."""
    found = defaultdict(dict)
    for file in sorted((report.parent / "runs").glob("statistics/*/resampled.npz")):
        of = json.loads((file.parent / "spec.json").read_text())["record"]["of"]
        said = json.loads((file.parent / "resampled.json").read_text())
        saved = np.load(file)
        shares = {tuple(key): row for key, row in zip(said["shares"], saved["shares"], strict=True)}
        for key, row in zip(said["quantities"], saved["scores"], strict=True):
            drawn = row.astype(float), shares[tuple(key[:2])].astype(float)
            found[(of["source"], *key)][of["seed"]] = drawn
    return found


def samples(report, scene, name, metric):
    """Source to what its records and resamples say of one score."""
    scores = {
        (row["source"], int(row["seed"])): float(row["value"])
        for row in sheet(report / "tables" / "scores.csv")
        if (row["task"], row["scene"], row["class"], row["metric"])
        == ("toy-detection", scene or "all", name or "mean", metric)
        if row["value"]
    }
    found = {}
    for (source, *key), seeds in resampled(report).items():
        if key == [scene, name, metric] and all((source, seed) in scores for seed in seeds):
            mine = np.array([scores[source, seed] for seed in seeds])
            drawn = np.stack([row for row, _ in seeds.values()])
            found[source] = statistics.Sample(mine, drawn, next(iter(seeds.values()))[1])
    return found


@pytest.mark.parametrize(
    ("file", "scene", "metric"),
    [("AP50", None, "AP50"), ("AP", None, "AP"), ("AP50-night", "night", "AP50")],
)
def test_every_interval_follows_from_the_records_and_their_resamples(report, file, scene, metric):
    rows = {row["source"]: row for row in sheet(report / "tables" / f"toy-detection-{file}.csv")}
    chances, places = [], []
    for title, name in (("person",) * 2, ("car",) * 2, (METRICS[metric].mean, None)):
        known = samples(report, scene, name, metric)
        for source, mine in known.items():
            others = [each for other, each in known.items() if other != source]
            one, row = statistics.score(mine, others), rows[source]
            got = [float(row[f"{title} {end}"]) for end in ("low", "high")]
            assert got == pytest.approx([100 * one.low, 100 * one.high], abs=1e-4)
            if source in ("infrared", "visible"):
                continue
            singles = {s: known[s].scores.mean() for s in ("infrared", "visible") if s in known}
            gap = statistics.difference(mine, known[max(singles, key=singles.get)])
            got = [float(row[f"{title} difference {end}"]) for end in ("low", "high")]
            assert got == pytest.approx([100 * gap.low, 100 * gap.high], abs=1e-4)
            assert float(row[f"{title} p"]) == pytest.approx(gap.p, abs=1e-5)
            chances.append(gap.p)
            places.append((row, title))
    assert len(chances) > 3
    held = 0.0
    for place, index in enumerate(np.argsort(chances, kind="stable")):  # Holm, step by step
        held = max(held, min(1.0, (len(chances) - place) * chances[index]))
        row, title = places[index]
        assert float(row[f"{title} p Holm"]) == pytest.approx(held, abs=1e-4)
        shown = row[f"{title} verdict"]
        better = "better" if float(row[f"{title} difference"]) > 0 else "worse"
        assert shown == (better if held < 0.05 else "no difference shown")


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
