"""Every number in a table or an answer of the page is in a CSV file, rounded as printed.

That the numbers of the CSV files are in records is tested in test_csv_matches_records.py and beside
it. Not checked: whole numbers in sentences (counts of sources, resamples, comparisons), and charts,
which are drawn from the files that are named below them.
"""

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from tests.helpers.reports.report_files import (
    edit_temporarily,
    parse_task_name,
    read_csv,
    read_page,
)

NUMBER = r"[-+]?\d[\d,]*(?:\.\d+)?"
UNDEFINED = "\N{EN DASH}"
SCORE_SUFFIXES, DIFFERENCE_SUFFIXES = ("", " sd"), (" difference",)
SCORE_INTERVAL = (" low", " high")
DIFFERENCE_INTERVAL = (" difference low", " difference high")
P_VALUE_SUFFIXES = {"p": " p", "adjusted": " p Holm"}
LEADERBOARD_METRICS = {("toy-detection", "AP50"), ("toy-segmentation", "AP50")}
VERDICTS = {"?": "no difference shown", "better": "better", "worse": "worse"}


def get_texts(cells):
    return [cell["text"] for cell in cells]


def is_rounded(text, value, scale=1.0):
    """Whether a printed number is a CSV cell, divided by ``scale`` and rounded."""
    decimals = len(text.partition(".")[2])
    return value != "" and text.lstrip("+") == f"{float(value) / scale + 0.0:,.{decimals}f}"


def check_numbers(text, row, title, suffixes):
    """Assert that all numbers of a text are in the columns of a title; count them.

    Args:
        text: A cell of the page, e.g. ``50.1 ± 0.2`` or ``[+0.1, +0.3], p 0.02, adjusted 0.04``.
        row: The row of the CSV file.
        title: Title of the columns.
        suffixes: Suffixes of the columns of the numbers, in their order.
    """
    without_p_values = re.sub(r",?\s?(p|adjusted) <?[\d.e-]+", "", text)
    numbers = re.findall(NUMBER, re.sub(r" \(n=\d+\)", "", without_p_values))
    for number, suffix in zip(numbers, suffixes, strict=False):
        assert is_rounded(number.replace(",", ""), row[title + suffix]), (title, suffix)
    assert len(numbers) <= len(suffixes)
    if not numbers:
        assert row.get(title + suffixes[0], "") == "", (title, suffixes)
    p_values = dict(re.findall(r"(p|adjusted) (<?[\d.e-]+)", text))
    for name, printed in p_values.items():
        value = float(row[title + P_VALUE_SUFFIXES[name]])
        assert printed == ("<0.001" if value < 0.001 else f"{value:.2g}")
    return len(numbers) + len(p_values)


def check_source_table(report, table):
    """Check scores, deviations, differences, their intervals and verdicts of a table of sources."""
    rows = {row["source"]: row for row in read_csv(report / table["csv"])}
    titles = next(get_texts(cells) for body, cells in reversed(table["rows"]) if body == 0)[1:]
    caption = table["caption"].replace("\N{NO-BREAK SPACE}", " ")
    has_intervals_only = "95 % intervals" in caption
    count = Counter()
    for body, (name, *cells) in table["rows"]:
        if body == 0 or name["text"] not in rows:
            assert not re.search(r"\d", "".join(get_texts(cells))) or body == 0
            continue
        row = rows[name["text"]]
        if seeds := re.match(r".*?(\d+) (?:of \d+ )?seed", name["remark"]):
            assert row["n"] == seeds[1]
            count["seeds"] += 1
        is_difference = body > 1
        interval = DIFFERENCE_INTERVAL if is_difference else SCORE_INTERVAL
        numbers = DIFFERENCE_SUFFIXES if is_difference else SCORE_SUFFIXES
        for title, cell in zip(titles, cells, strict=True):
            suffixes = interval if has_intervals_only else numbers
            count["cells"] += check_numbers(cell["text"], row, title, suffixes)
            if has_intervals_only:
                continue
            if cell["uncertainty"]:
                count["uncertainty"] += check_numbers(cell["uncertainty"], row, title, interval)
            if is_difference:
                verdict = VERDICTS.get(cell["text"].split()[-1], "")
                assert verdict == row.get(f"{title} verdict", ""), (table["csv"], title)
    return count


def check_leaderboard(report, table):
    """Check the mean scores of all tasks with models."""
    means = {
        (row["source"], row["task"]): (row["mean"], row["sd"])
        for row in read_csv(report / table["csv"])
        if (row["level"], row["condition"]) == ("mean", "all")
        and (row["task"], row["metric"]) in LEADERBOARD_METRICS
    }
    (_, (_, *headers)), *lines = table["rows"]
    count = Counter()
    for _, (name, *cells) in lines:
        for header, cell in zip(headers, cells, strict=True):
            numbers = re.findall(NUMBER, re.sub(r" \(n=\d+\)", "", cell["text"]))
            for number, value in zip(
                numbers, means.get((name["text"], header["remark"]), ()), strict=False
            ):
                assert is_rounded(number, value, 0.01)
                count["leaderboard"] += 1
            assert numbers or cell["text"] == UNDEFINED
    return count


def check_power_table(report, table):
    """Check detectable differences and required sample sizes."""
    rows = {row["seeds"]: row for row in read_csv(report / table["csv"])}
    count = Counter()
    for _, (name, *cells) in table["rows"][1:]:
        row = rows[name["text"].removesuffix(" seeds per source")]
        detectable, units, images = get_texts(cells)
        assert is_rounded(detectable, row["detectable difference"], 0.01)
        required = row["units for 0.01"]
        assert units == (required or "no number")
        expected = required and str(round(int(required) * int(row["images"]) / int(row["units"])))
        assert images == (expected or "no number")
        count["power"] += 3
    subtitles = [cell["remark"] for cell in table["rows"][0][1][1:]]
    sizes = [re.search(r"\d+", subtitle)[0] for subtitle in subtitles]
    assert sizes == [row["units"], row["units"], row["images"]]
    return count


def check_equivalence_table(report, table):
    """Check differences, intervals, p-values, verdicts and required sizes of all pairs."""
    rows = {(row["source"], row["other"]): row for row in read_csv(report / table["csv"])}
    count = Counter()
    for _, (name, *cells) in table["rows"][1:]:
        other, score, verdict, difference, p, interval, p_equivalence, needed = get_texts(cells)
        row = rows[name["text"], other]
        assert (score, verdict) == (row["column"], row["verdict"])
        if not row["difference"]:
            continue
        for text, columns in (
            (difference, ("difference", "low", "high")),
            (interval, ("equivalence low", "equivalence high")),
        ):
            numbers = re.findall(NUMBER, text)
            assert all(map(is_rounded, numbers, map(row.get, columns)))
            count["equivalence"] += len(numbers)
        for text, column in ((p, "p Holm"), (p_equivalence, "p equivalence Holm")):
            value = float(row[column])
            assert text == ("<0.001" if value < 0.001 else f"{value:.2g}")
        sizes = [row[column] for column in ("units needed", "seeds needed") if row[column]]
        assert re.findall(r"\d+", needed) == (
            sizes or [row["both times"]] * bool(row["both times"])
        )
    return count


def check_published_table(report, table):
    """Check published rows, and ours above comparable ones."""
    title = table["caption"].removesuffix(" as published")
    rows = {
        (row["title"], row["method"], row["column"]): row for row in read_csv(report / table["csv"])
    }
    (_, (_, *headers)), *lines = table["rows"]
    count = Counter()
    for _, (name, *cells) in lines:
        for header, text in zip(get_texts(headers), get_texts(cells), strict=True):
            row = rows[title, name["text"], header]
            assert text == (row["value"] or UNDEFINED)
            count["published"] += bool(row["value"])
    return count


def check_cost_table(report, table):
    """Check the cost of the fusion methods."""
    rows = {row["source"]: row for row in read_csv(report / table["csv"])}
    count = Counter()
    for _, (name, *cells) in table["rows"][1:]:
        row = rows[name["text"]]
        size, parameters, macs, seconds, time_range, runs, cpu, memory, device = get_texts(cells)
        assert (size, device) == (row["image size"], row["device"])
        assert is_rounded(parameters, row["parameters"])
        assert is_rounded(macs, row["macs"], 1e9) if row["macs"] else macs == UNDEFINED
        assert is_rounded(seconds, row["median_seconds"])
        shortest, longest = time_range.split(" to ")
        assert is_rounded(shortest, row["min_seconds"])
        assert is_rounded(longest, row["max_seconds"])
        assert runs == row["repetitions"]
        assert is_rounded(cpu, row["processor_seconds"])
        assert is_rounded(memory, row["peak_memory_bytes"], 1e6)
        count["costs"] += 8
    return count


def check_training_time_table(report, table):
    """Check the mean training times."""
    rows = read_csv(report / table["csv"])
    count = Counter()
    for _, (name, *cells) in table["rows"][1:]:
        task, mean, seeds, device = get_texts(cells)
        key = task, name["text"], device
        seconds = [
            float(row["seconds"])
            for row in rows
            if (row["task"], row["source"], row["device"]) == key
        ]
        assert is_rounded(mean, sum(seconds) / len(seconds))
        assert seeds == str(len(seconds))
        count["training times"] += 2
    return count


def check_correlation_table(report, table):
    """Check the rank correlations of fusion metrics with task scores."""
    rows = {
        (row["metric"], row["quality_task"], row["task"], row["task_metric"]): row
        for row in read_csv(report / table["csv"])
    }
    count = Counter()
    for _, (name, *cells) in table["rows"][1:]:
        task, score, sources, rho, interval = get_texts(cells)
        row = rows[name["text"], name["remark"], task, score]
        assert sources == row["sources"]
        assert is_rounded(rho, row["rho"])
        if row["low"]:
            low, high = interval.split(" to ")
            for printed, column in ((low, "low"), (high, "high")):
                assert re.fullmatch(r"[+-]\d\.\d\d", printed)
                assert is_rounded(printed, row[column])
        else:
            assert not re.search(r"\d", interval)
        count["correlations"] += 4 if row["low"] else 2
    return count


def check_rank_set_table(report, table):
    """Check ranks, their sets and letters."""
    rows = {(row["source"], row["column"]): row for row in read_csv(report / table["csv"])}
    titles = get_texts(table["rows"][0][1])[1:]
    count = Counter()
    for _, (name, *cells) in table["rows"][1:]:
        for title, cell in zip(titles, cells, strict=True):
            if cell["text"] == UNDEFINED:
                assert (name["text"], title) not in rows
                continue
            row = rows[name["text"], title]
            ends = dict.fromkeys((row["rank_low"], row["rank_high"]))
            assert cell["text"] == f"{row['rank']} [{', '.join(ends)}] {row['group']}"
            count["rank sets"] += 1
    return count


CHECKS = {  # end of the CSV file's name to the check of its table; all others are of sources
    "-power.csv": check_power_table,
    "-equivalence.csv": check_equivalence_table,
    "-rank-sets.csv": check_rank_set_table,
    "-published.csv": check_published_table,
    "/means.csv": check_leaderboard,
    "/efficiency.csv": check_cost_table,
    "/training-times.csv": check_training_time_table,
    "/metric-correlation.csv": check_correlation_table,
}


def check_all_tables(report):
    """Check all tables of the page against the files that they link to; count the numbers."""
    count = Counter()
    for table in read_page(report).tables:
        checks = (check for ending, check in CHECKS.items() if table["csv"].endswith(ending))
        count += next(checks, check_source_table)(report, table)
    return count


def test_every_number_of_a_table_is_in_the_csv_file_it_links_to(report):
    count = check_all_tables(report)
    minimum = {"cells": 900, "uncertainty": 250, "seeds": 100, "power": 12, "published": 20}
    minimum |= {"costs": 16, "training times": 16, "correlations": 20, "equivalence": 30}
    minimum["rank sets"] = 40
    minimum |= {"leaderboard": 12}
    assert not {kind: count[kind] for kind, number in minimum.items() if count[kind] < number}


@pytest.mark.parametrize(
    ("file", "pattern", "replacement"),
    [
        ("toy-detection-AP50.csv", r"(?m)^(mine,2,)\d", r"\g<1>1"),
        ("toy-quality-ranks.csv", r"(?m)^mine,1,\d", "mine,1,9"),
        ("toy-quality-means.csv", r"(?m)^mine,1,\d\.\d", "mine,1,9.9"),
        ("toy-segmentation-lost.csv", r"(?m)^average,3,\d", "average,3,1"),
        ("toy-detection-published.csv", r"50\.10", "50.11"),
        ("toy-detection-published.csv", r"35\.05", "35.050"),
        ("means.csv", r"(?m)^(toy-detection,.*,mine,mean,all,mean,AP50,2,)\d", r"\g<1>9"),
        ("efficiency.csv", r",0\.125,", ",0.126,"),
        ("training-times.csv", r",10\.25,", ",11.25,"),
        ("metric-correlation.csv", r"(?m),4,(-?)\d", r",5,\g<1>0"),
        ("toy-detection-power.csv", r"(?m)^2,\d", "2,9"),
        ("toy-detection-equivalence.csv", r"(?m)^(mAP@.5,mine,visible,-?)\d", r"\g<1>9"),
        ("toy-detection-equivalence.csv", "undecided", "better"),
        ("toy-detection-AP50-rank-sets.csv", r"(?m)^(person,mine,)\d", r"\g<1>9"),
    ],
)
def test_a_changed_number_in_a_csv_file_is_detected(report, file, pattern, replacement):
    path = report / "tables" / file
    with edit_temporarily(path, pattern, replacement), pytest.raises(AssertionError):
        check_all_tables(report)


def test_every_number_of_an_answer_is_in_a_csv_file_of_its_task(report):
    answers = read_page(report).answers
    assert len(answers) == 3
    count = 0
    for answer, task in zip(answers, ("detection", "segmentation", "quality"), strict=True):
        rounded = set()
        for file in (report / "tables").glob(f"toy-{task}-*.csv"):
            for cell in (cell for row in read_csv(file) for cell in row.values()):
                if re.fullmatch(r"-?\d+\.\d+", cell or ""):
                    value = abs(float(cell))
                    rounded |= {f"{value:.{n}f}" for n in (1, 2, 3)} | {f"{value:.2g}"}
        printed = {number.lstrip("+-") for number in re.findall(r"[-+]?\d+\.\d+", answer)}
        assert printed <= rounded
        count += len(printed)
    assert count >= 12


def test_the_image_count_of_a_condition_is_that_of_its_records(report):
    count = 0
    files = Path(report.parent).glob("runs/*/*/record.json")
    records = [json.loads(file.read_text()) for file in files]
    for table in read_page(report).tables:
        if not table["csv"].endswith("-by-condition.csv"):
            continue
        task = parse_task_name(Path(table["csv"]))
        for cell in table["rows"][0][1][1:]:
            if images := re.fullmatch(r"(\d+) images?", cell["remark"]):
                recorded = {
                    record["by_condition"][cell["text"]]["counts"]["images"]
                    for record in records
                    if record["task"] == task
                }
                assert recorded == {int(images[1])}
                count += 1
    assert count >= 9
