"""Every number in a table or an answer of the page is in a CSV file, printed as there.

That those of the CSV files are in records is in test_reports_walk_records.py. Not walked: whole
numbers in sentences (how many sources, resamples, comparisons), and charts, which are drawn from
the files that are named below them.
"""

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from tests.helpers.complete_report import build_report
from tests.helpers.report_files import edit_temporarily, read_csv, read_page

NUMBER = r"[-+]?\d[\d,]*(?:\.\d+)?"
SCORES, GAPS = ("", " sd"), (" difference",)
SURE_SCORES = (" low", " high")
SURE_GAPS = (" difference low", " difference high")
VERDICTS = {"?": "no difference shown", "better": "better", "worse": "worse"}


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    return build_report(tmp_path_factory.getbasetemp())


def texts(cells):
    return [cell["text"] for cell in cells]


def shows(text, value, scale=1.0):
    """Whether a number, as printed, is a cell of a CSV file."""
    decimals = len(text.partition(".")[2])
    return value != "" and text.lstrip("+") == f"{float(value) / scale + 0.0:,.{decimals}f}"


def walked(text, row, title, parts):
    """How many numbers of a text are those of some columns, printed as there; all must be."""
    said = re.sub(r",?\s?(p|adjusted) <?[\d.e-]+", "", text)
    said = re.sub(r" \(n=\d+\)", "", said)
    found = re.findall(NUMBER, said)
    for number, part in zip(found, parts, strict=False):
        assert shows(number.replace(",", ""), row[title + part]), (title, part)
    assert len(found) <= len(parts)
    if not found:
        assert row.get(title + parts[0], "") == "", (title, parts)
    chances = dict(re.findall(r"(p|adjusted) (<?[\d.e-]+)", text))
    for word, column in (("p", " p"), ("adjusted", " p Holm")):
        if word in chances:
            value = float(row[title + column])
            assert chances[word] == ("<0.001" if value < 0.001 else f"{value:.2g}")
    return len(found) + len(chances)


def scores(report, table):
    """A table of sources: scores, spreads, differences, their intervals and verdicts."""
    rows = {row["source"]: row for row in read_csv(report / table["csv"])}
    heads = next(texts(cells) for body, cells in reversed(table["rows"]) if body == 0)[1:]
    apart = "95 % intervals" in table["caption"].replace("\N{NO-BREAK SPACE}", " ")
    count = Counter()
    for body, (name, *cells) in table["rows"]:
        if body == 0 or name["text"] not in rows:
            assert not re.search(r"\d", "".join(texts(cells))) or body == 0
            continue
        row = rows[name["text"]]
        if seeds := re.match(r".*?(\d+) (?:of \d+ )?seed", name["remark"]):
            assert row["n"] == seeds[1]
            count["seeds"] += 1
        first, then = (SURE_SCORES, SURE_GAPS) if apart else (SCORES, GAPS)
        for title, cell in zip(heads, cells, strict=True):
            count["cells"] += walked(cell["text"], row, title, first if body == 1 else then)
            if apart:
                continue
            sure = SURE_SCORES if body == 1 else SURE_GAPS
            count["sure"] += walked(cell["sure"], row, title, sure) if cell["sure"] else 0
            if body > 1:
                said = VERDICTS.get(cell["text"].split()[-1], "")
                assert said == row.get(f"{title} verdict", ""), (table["csv"], title)
    return count


def power(report, table):
    """What it takes to show a difference."""
    rows = {row["seeds"]: row for row in read_csv(report / table["csv"])}
    count = Counter()
    for _, (name, *cells) in table["rows"][1:]:
        row = rows[name["text"].removesuffix(" seeds per source")]
        smallest, units, images = texts(cells)
        assert shows(smallest, row["detectable difference"], 0.01)
        needed = row["units for 0.01"]
        assert units == (needed or "no number")
        expected = needed and str(round(int(needed) * int(row["images"]) / int(row["units"])))
        assert images == (expected or "no number")
        count["power"] += 3
    notes = [cell["remark"] for cell in table["rows"][0][1][1:]]
    assert [re.search(r"\d+", note)[0] for note in notes] == [
        *(row["units"], row["units"], row["images"])
    ]
    return count


def published(report, table):
    """Published rows, and ours above those that were made alike."""
    caption = table["caption"].removesuffix(" as published")
    rows = {(r["title"], r["method"], r["column"]): r for r in read_csv(report / table["csv"])}
    (_, (_, *heads)), *lines = table["rows"]
    count = Counter()
    for _, (name, *cells) in lines:
        for head, cell in zip(texts(heads), texts(cells), strict=True):
            row = rows[caption, name["text"], head]
            assert cell == (row["value"] or "\N{EN DASH}")
            count["published"] += bool(row["value"])
    return count


def efficiency(report, table):
    """What fusing costs."""
    rows = {row["source"]: row for row in read_csv(report / table["csv"])}
    count = Counter()
    for _, (name, *cells) in table["rows"][1:]:
        row, (size, parameters, macs, seconds, spread, memory, on) = (
            rows[name["text"]],
            texts(cells),
        )
        assert (size, on) == (row["image size"], row["device"])
        assert shows(parameters, row["parameters"])
        assert shows(macs, row["macs"], 1e9) if row["macs"] else macs == "\N{EN DASH}"
        assert shows(seconds, row["seconds"])
        least, most = spread.split(" to ")
        assert shows(least, row["least"])
        assert shows(most, row["most"])
        assert shows(memory, row["memory"], 1e6)
        count["efficiency"] += 6
    return count


def trainings(report, table):
    """How long trainings took, on average."""
    every = read_csv(report / table["csv"])
    count = Counter()
    for _, (name, *cells) in table["rows"][1:]:
        task, seconds, seeds, device = texts(cells)
        key = task, name["text"], device
        mine = [r["seconds"] for r in every if (r["task"], r["source"], r["device"]) == key]
        assert shows(seconds, sum(map(float, mine)) / len(mine))
        assert seeds == str(len(mine))
        count["trainings"] += 2
    return count


def relations(report, table):
    """How fusion metrics and task scores order the sources."""
    rows = {
        (row["metric"], row["quality_task"], row["task"], row["task_metric"]): row
        for row in read_csv(report / table["csv"])
    }
    count = Counter()
    for _, (name, *cells) in table["rows"][1:]:
        task, score, sources, rho, ends = texts(cells)
        row = rows[name["text"], name["remark"], task, score]
        assert sources == row["sources"]
        assert shows(rho, row["rho"])
        assert [re.fullmatch(r"[+-]\d\.\d\d", end) is not None for end in ends.split(" to ")] == (
            [True] * 2 if row["low"] else [False]
        )
        if row["low"]:
            low, high = ends.split(" to ")
            assert shows(low, row["low"])
            assert shows(high, row["high"])
        count["relations"] += 4 if row["low"] else 2
    return count


WALKS = {  # how the name of a table's file ends: what walks it; all others are of sources
    "-power.csv": power,
    "-published.csv": published,
    "/efficiency.csv": efficiency,
    "/trainings.csv": trainings,
    "/relations.csv": relations,
}


def walk(report):
    """Numbers of the page by kind that were found in the file that their table names."""
    count = Counter()
    for table in read_page(report).tables:
        walks = (each for ending, each in WALKS.items() if table["csv"].endswith(ending))
        count += next(walks, scores)(report, table)
    return count


def test_every_number_of_a_table_is_in_the_csv_file_it_links_to(report):
    count = walk(report)
    least = {"cells": 900, "sure": 250, "seeds": 100, "power": 12, "published": 20}
    least |= {"efficiency": 12, "trainings": 16, "relations": 20}
    assert not {kind: count[kind] for kind, number in least.items() if count[kind] < number}


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("toy-detection-AP50.csv", r"(?m)^(mine,2,)\d", r"\g<1>1"),
        ("toy-quality-ranks.csv", r"(?m)^mine,1,\d", "mine,1,9"),
        ("toy-quality-means.csv", r"(?m)^mine,1,\d\.\d", "mine,1,9.9"),
        ("toy-segmentation-lost.csv", r"(?m)^average,3,\d", "average,3,1"),
        ("toy-detection-published.csv", r"50\.10", "50.11"),
        ("toy-detection-published.csv", r"35\.05", "35.050"),
        ("efficiency.csv", r",0\.125,", ",0.126,"),
        ("trainings.csv", r",10\.25,", ",11.25,"),
        ("relations.csv", r"(?m),4,(-?)\d", r",5,\g<1>0"),
        ("toy-detection-power.csv", r"(?m)^2,\d", "2,9"),
    ],
)
def test_a_number_that_is_changed_in_a_file_is_found(report, file, old, new):
    with edit_temporarily(report / "tables" / file, old, new), pytest.raises(AssertionError):
        walk(report)


def test_every_number_of_an_answer_is_in_a_csv_file_of_its_task(report):
    answers = read_page(report).answers
    assert len(answers) == 3
    count = 0
    for answer, task in zip(answers, ("detection", "segmentation", "quality"), strict=True):
        printed = set()
        for file in (report / "tables").glob(f"toy-{task}-*.csv"):
            cells = [cell for row in read_csv(file) for cell in row.values()]
            for cell in cells:
                if re.fullmatch(r"-?\d+\.\d+", cell or ""):
                    value = abs(float(cell))
                    printed |= {f"{value:.1f}", f"{value:.3f}", f"{value:.2g}"}
        said = {number.lstrip("+-") for number in re.findall(r"[-+]?\d+\.\d+", answer)}
        assert said <= printed
        count += len(said)
    assert count >= 12


def test_how_many_images_a_condition_has_is_what_its_records_say(report):
    walked = 0
    records = [json.loads(f.read_text()) for f in Path(report.parent).glob("runs/*/*/record.json")]
    for table in read_page(report).tables:
        if not table["csv"].endswith("-by-condition.csv"):
            continue
        task = "-".join(Path(table["csv"]).name.split("-")[:2])
        for cell in table["rows"][0][1][1:]:
            if images := re.fullmatch(r"(\d+) images?", cell["remark"]):
                said = {
                    r["by_condition"][cell["text"]]["counts"]["images"]
                    for r in records
                    if r["task"] == task
                }
                assert said == {int(images[1])}
                walked += 1
    assert walked >= 9
