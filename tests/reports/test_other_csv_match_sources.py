"""Every number of a report's other CSV files is in a record, a file beside one, or a paper."""

import csv
import json
import statistics
from collections import defaultdict

import numpy as np
import pytest
from scipy import stats

from tests.helpers.complete_report import COLUMNS, FUSION_METRICS
from tests.helpers.report_files import (
    edit_temporarily,
    list_table_files,
    parse_number,
    parse_task_name,
    read_csv,
    read_records,
    read_run_folders,
    read_table_csv,
)


def test_ranks_and_intervals_of_fusion_metrics_are_those_of_their_records(report):
    made = {
        source: r for (task, source, _), r in read_records(report).items() if task == "toy-quality"
    }
    ranks = {}
    for metric, column in FUSION_METRICS.items():
        sign = -1 if column.better == "higher" else 1
        placed = stats.rankdata([sign * r["values"][metric] for r in made.values()], method="min")
        ranks[column.mean_title] = dict(zip(made, placed, strict=True))
    for row in read_table_csv(report, "toy-quality-ranks.csv"):
        mine = [ranks[title][row["source"]] for title in ranks]
        assert [float(row[title]) for title in ranks] == mine
        assert float(row["mean rank"]) == pytest.approx(statistics.fmean(mine), abs=1e-6)
    for row in read_table_csv(report, "toy-quality-intervals.csv"):
        for metric, column in FUSION_METRICS.items():
            got = [float(row[f"{column.mean_title} {end}"]) for end in ("low", "high")]
            assert got == pytest.approx(made[row["source"]]["intervals"][metric], abs=1e-6)


def test_every_relation_is_the_rank_correlation_of_the_means(report):
    means = {
        (row["task"], row["metric"], row["source"]): float(row["mean"])
        for row in read_table_csv(report, "means.csv")
        if (row["level"], row["mean"]) != ("mean", "")
        if row["level"] == "mean"
    }
    rows = read_table_csv(report, "relations.csv")
    assert len(rows) == len(FUSION_METRICS) * 2 * 2  # two tasks, two scores each
    for row in rows:
        values = []
        for task, title in (
            (row["quality_task"], row["metric"]),
            (row["task"], row["task_metric"]),
        ):
            metric, column = next((m, c) for m, c in COLUMNS.items() if c.mean_title == title)
            sign = 1 if column.better == "higher" else -1
            found = {s: sign * v for (t, m, s), v in means.items() if (t, m) == (task, metric)}
            values.append([found[source] for source in sorted(found)])
        assert int(row["sources"]) == len(values[0]) == len(values[1])
        assert float(row["rho"]) == pytest.approx(stats.spearmanr(*values).statistic)
        if row["low"]:  # Fisher's z with the error of Bonett and Wright
            rho, half = float(row["rho"]), np.sqrt((1 + float(row["rho"]) ** 2 / 2) / 1) * 1.959964
            ends = np.tanh([np.arctanh(rho) - half, np.arctanh(rho) + half])
            assert [float(row["low"]), float(row["high"])] == pytest.approx(ends, abs=1e-5)


def test_costs_are_those_of_the_profiles_and_times_those_of_the_records(report):
    kept = [json.loads(f.read_text()) for f in (report.parent / "runs").glob("profile/*.json")]
    rows = read_table_csv(report, "efficiency.csv")
    assert len(rows) == len(kept) == 2
    for row in rows:
        (one,) = (each for each in kept if each["source"] == row["source"])
        for name in ("parameters", "macs", "seconds", "least", "most", "memory"):
            assert parse_number(row[name]) == one[name]
    made = read_records(report)
    rows = read_table_csv(report, "trainings.csv")
    assert len(rows) == 22
    for row in rows:
        record = made[row["task"], row["source"], int(row["seed"])]
        assert float(row["seconds"]) == record["made"]["training"]["seconds"]


def test_published_numbers_are_those_of_the_paper_and_ours_those_of_our_means(report):
    with (report.parent / "papers" / "toy-table.csv").open(newline="") as text:
        printed = {row["method"]: row for row in csv.DictReader(text)}
    means = {
        (row["source"], row["class"]): row["mean"]
        for row in read_table_csv(report, "means.csv")
        if (row["task"], row["condition"], row["metric"]) == ("toy-detection", "all", "AP50")
        if row["level"] in ("class", "mean")
    }
    rows = read_table_csv(report, "toy-detection-published.csv")
    assert len(rows) == (4 + 3) * 3
    for row in rows:
        if row["made by"] == "published":
            assert row["value"] == printed[row["method"]][row["column"]]
            assert row["alike"] == ("no" if row["method"] == "Large" else "yes")
        else:
            mean = float(means[row["method"], row["class"]])
            assert row["value"] == f"{100 * mean:.2f}"


def test_curves_and_confusions_are_the_files_beside_the_records(report):
    curves, counts = {}, defaultdict(int)
    for folder, record in read_run_folders(report):
        if record["kind"] == "detection":
            curves.setdefault(record["source"], (record["seed"], read_csv(folder / "curves.csv")))
            for row in read_csv(folder / "confusion.csv"):
                key = record["task"], record["source"], row["truth"], row["predicted"]
                counts[key] += int(row["boxes"])
        elif record["kind"] == "segmentation":
            names = ("unlabelled", "person", "car")
            whole = np.load(folder / "confusion.npz")["counts"].sum(axis=0)
            for i, j in np.ndindex(whole.shape):
                counts[record["task"], record["source"], names[i], names[j]] += int(whole[i, j])
    drawn = read_table_csv(report, "toy-detection-curves.csv")
    held = [(source, str(seed), row) for source, (seed, rows) in curves.items() for row in rows]
    assert len(drawn) == len(held) == 40
    for row in drawn:
        mine = {k: v for k, v in row.items() if k not in ("source", "seed")}
        assert any(
            (source, seed, kept["class"]) == (row["source"], row["seed"], row["class"])
            and all(float(mine[k]) == float(kept[k]) for k in kept if k != "class")
            for source, seed, kept in held
        )
    walked = 0
    for file in list_table_files(report, "-confusions.csv"):
        for row in read_csv(file):
            key = parse_task_name(file), row["source"], row["truth"]
            assert int(row["count"]) == counts[(*key, row["predicted"])]
            whole = sum(n for found, n in counts.items() if found[:3] == key)
            assert float(row["share"]) == pytest.approx(counts[(*key, row["predicted"])] / whole)
            walked += 1
    assert walked == 2 * 4 * 9


@pytest.mark.parametrize(
    ("file", "old", "new", "test"),
    [
        (
            "toy-detection-curves.csv",
            r"(?m)^infrared,0,car,0\.5,0\.25,0",
            "infrared,0,car,0.5,0.25,1",
            test_curves_and_confusions_are_the_files_beside_the_records,
        ),
        (
            "toy-detection-published.csv",
            "61.5",
            "61.6",
            test_published_numbers_are_those_of_the_paper_and_ours_those_of_our_means,
        ),
    ],
)
def test_a_number_that_is_changed_is_found(report, file, old, new, test):
    with edit_temporarily(report / "tables" / file, old, new), pytest.raises(AssertionError):
        test(report)
