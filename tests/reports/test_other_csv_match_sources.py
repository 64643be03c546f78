"""Every number of the report's other CSV files is in a record, a file beside one, or a paper."""

import csv
import itertools
import json
import statistics
from collections import defaultdict

import numpy as np
import pytest
from scipy import stats

from tests.helpers.reports.complete_report import COLUMNS, FUSION_METRICS
from tests.helpers.reports.report_files import (
    edit_temporarily,
    list_table_files,
    parse_number,
    parse_task_name,
    read_csv,
    read_records,
    read_run_folders,
    read_table_csv,
)


def read_quality_records(report):
    """The records of the quality task by source."""
    return {
        source: record
        for (task, source, _), record in read_records(report).items()
        if task == "toy-quality"
    }


def test_ranks_of_fusion_metrics_are_those_of_their_records(report):
    records = read_quality_records(report)
    ranks = {}
    for metric, column in FUSION_METRICS.items():
        sign = -1 if column.better == "higher" else 1
        values = [sign * record["values"][metric] for record in records.values()]
        by_source = zip(records, stats.rankdata(values, method="min"), strict=True)
        ranks[column.mean_title] = dict(by_source)
    for row in read_table_csv(report, "toy-quality-ranks.csv"):
        expected = [by_source[row["source"]] for by_source in ranks.values()]
        assert [float(row[title]) for title in ranks] == expected
        assert float(row["mean rank"]) == pytest.approx(statistics.fmean(expected), abs=1e-6)


def test_ranks_of_sources_are_those_of_their_means_and_within_their_sets(report):
    files = list_table_files(report, "-rank-sets.csv")
    assert len(files) >= 4
    for file in files:
        (table,) = (read_csv(file.with_name(file.name.replace("-rank-sets", ""))),)
        means = {row["source"]: row for row in table}
        columns = defaultdict(dict)
        for row in read_csv(file):
            columns[row["column"]][row["source"]] = row
        for title, rows in columns.items():
            better = -1 if "errors" not in file.name and "lost" not in file.name else 1
            scores = [better * float(means[source][title]) for source in rows]
            expected = dict(zip(rows, stats.rankdata(scores, method="min"), strict=True))
            for source, row in rows.items():
                assert int(row["rank"]) == expected[source], (file.name, title)
                assert int(row["rank_low"]) <= int(row["rank"]) <= int(row["rank_high"])
            letters = {source: set(row["group"]) for source, row in rows.items()}
            for first, second in itertools.combinations(rows, 2):
                # all ranks of one are better than those of the other: no common letter
                is_apart = int(rows[first]["rank_high"]) < int(rows[second]["rank_low"])
                assert not (is_apart and letters[first] & letters[second])


def test_intervals_of_fusion_metrics_are_those_of_their_records(report):
    records = read_quality_records(report)
    for row in read_table_csv(report, "toy-quality-intervals.csv"):
        for metric, column in FUSION_METRICS.items():
            interval = [float(row[f"{column.mean_title} {end}"]) for end in ("low", "high")]
            expected = records[row["source"]]["intervals"][metric]
            assert interval == pytest.approx(expected, abs=1e-6)


def test_correlations_are_rank_correlations_of_the_means(report):
    means = {
        (row["task"], row["metric"], row["source"]): float(row["mean"])
        for row in read_table_csv(report, "means.csv")
        if row["level"] == "mean" and row["mean"]
    }
    rows = read_table_csv(report, "metric-correlation.csv")
    assert len(rows) == len(FUSION_METRICS) * 2 * 2  # two tasks, two scores each
    for row in rows:
        values = []
        for task, title in (
            (row["quality_task"], row["metric"]),
            (row["task"], row["task_metric"]),
        ):
            metric, column = next((m, c) for m, c in COLUMNS.items() if c.mean_title == title)
            sign = 1 if column.better == "higher" else -1
            by_source = {s: sign * v for (t, m, s), v in means.items() if (t, m) == (task, metric)}
            values.append([by_source[source] for source in sorted(by_source)])
        assert int(row["sources"]) == len(values[0]) == len(values[1])
        rho = float(row["rho"])
        assert rho == pytest.approx(stats.spearmanr(*values).statistic)
        if row["low"]:  # Fisher's z with the standard error of Bonett and Wright, n - 3 = 1
            half = np.sqrt((1 + rho**2 / 2) / 1) * 1.959964
            expected = np.tanh([np.arctanh(rho) - half, np.arctanh(rho) + half])
            assert [float(row["low"]), float(row["high"])] == pytest.approx(expected, abs=1e-5)


def test_costs_are_those_of_the_profiles(report):
    files = (report.parent / "runs").glob("profile/*.json")
    profiles = {
        profile["source"]: profile for profile in (json.loads(file.read_text()) for file in files)
    }
    rows = read_table_csv(report, "efficiency.csv")
    assert len(rows) == len(profiles) == 2
    for row in rows:
        for name in (
            *("parameters", "macs", "median_seconds", "min_seconds", "max_seconds"),
            "peak_memory_bytes",
        ):
            assert parse_number(row[name]) == profiles[row["source"]][name]


def test_training_times_are_those_of_the_records(report):
    records = read_records(report)
    rows = read_table_csv(report, "training-times.csv")
    assert len(rows) == 22
    for row in rows:
        record = records[row["task"], row["source"], int(row["seed"])]
        assert float(row["seconds"]) == record["provenance"]["training"]["seconds"]


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
        if row["origin"] == "published":
            assert row["value"] == printed[row["method"]][row["column"]]
            assert row["comparable"] == ("no" if row["method"] == "Large" else "yes")
        else:
            mean = float(means[row["method"], row["class"]])
            assert row["value"] == f"{100 * mean:.2f}"


def test_curves_are_those_of_the_first_seed(report):
    files = {}
    for folder, record in read_run_folders(report):
        if record["kind"] == "detection":
            rows = read_csv(folder / "curves.csv")
            files.setdefault(record["source"], (str(record["seed"]), rows))
    expected = [(source, seed, row) for source, (seed, rows) in files.items() for row in rows]
    plotted = read_table_csv(report, "toy-detection-curves.csv")
    assert len(plotted) == len(expected) == 40
    for row in plotted:
        key = row["source"], row["seed"], row["class"]
        assert any(
            (source, seed, original["class"]) == key
            and all(
                float(row[name]) == float(original[name]) for name in original if name != "class"
            )
            for source, seed, original in expected
        )


def sum_confusion_counts(report):
    """Counts over all seeds by task, source, true class and predicted class."""
    counts = defaultdict(int)
    for folder, record in read_run_folders(report):
        task, source = record["task"], record["source"]
        if record["kind"] == "detection":
            for row in read_csv(folder / "confusion.csv"):
                counts[task, source, row["truth"], row["predicted"]] += int(row["boxes"])
        elif record["kind"] == "segmentation":
            names = ("unlabelled", "person", "car")
            matrix = np.load(folder / "confusion.npz")["counts"].sum(axis=0)
            for i, j in np.ndindex(matrix.shape):
                counts[task, source, names[i], names[j]] += int(matrix[i, j])
    return counts


def test_confusion_matrices_are_the_sums_of_the_files_beside_the_records(report):
    counts, row_count = sum_confusion_counts(report), 0
    for file in list_table_files(report, "-confusion-matrices.csv"):
        for row in read_csv(file):
            key = parse_task_name(file), row["source"], row["truth"]
            count = counts[(*key, row["predicted"])]
            total = sum(number for other, number in counts.items() if other[:3] == key)
            assert int(row["count"]) == count
            assert float(row["share"]) == pytest.approx(count / total)
            row_count += 1
    assert row_count == 2 * 4 * 9


@pytest.mark.parametrize(
    ("file", "pattern", "replacement", "test"),
    [
        (
            "toy-detection-curves.csv",
            r"(?m)^infrared,0,car,0\.5,0\.25,0",
            "infrared,0,car,0.5,0.25,1",
            test_curves_are_those_of_the_first_seed,
        ),
        (
            "toy-detection-published.csv",
            "61.5",
            "61.6",
            test_published_numbers_are_those_of_the_paper_and_ours_those_of_our_means,
        ),
    ],
)
def test_a_changed_number_is_detected(report, file, pattern, replacement, test):
    path = report / "tables" / file
    with edit_temporarily(path, pattern, replacement), pytest.raises(AssertionError):
        test(report)
