"""Every score of the report's CSV files is in a record, and every mean is that of such scores.

Intervals and tests are checked in test_csv_statistics_match_resamples.py, all other files in
test_other_csv_match_sources.py.
"""

import re
import statistics
from collections import defaultdict
from fnmatch import fnmatch

import pytest

from fusebench.storage import hashing
from tests.helpers.reports.complete_report import COLUMNS, FUSION_METRICS, TASK_METRICS
from tests.helpers.reports.report_files import (
    OTHER_CSV_PATTERNS,
    edit_temporarily,
    list_source_tables,
    list_table_files,
    parse_number,
    parse_task_name,
    read_csv,
    read_records,
    read_table_csv,
)

SINGLE_SENSORS = ("infrared", "visible")
STATISTIC_SUFFIXES = (" low", " high", " p", " p Holm", " verdict")
TEXT_COLUMNS = ("source", "n", "protocol")
SCORE_KEY = ("task", "source", "level", "condition", "class", "metric")


def get_score(record, row):
    """The score of a record that a row of a tidy table is about."""
    condition = row["condition"]
    part = record if condition == "all" else record["by_condition"][condition]
    level = row["level"].removesuffix(" in condition")
    if level == "mean":
        return part["values"][row["metric"]]
    field = {
        "class": "by_class",
        "mean over fewer": "subset_means",
        "convention": "by_convention",
    }[level]
    return part[field][row["class"]][row["metric"]]


def is_scaled(wide, tidy, scale):
    """Whether a cell of a wide table is ``scale`` times one of a tidy table, or both are empty."""
    if "" in (wide, tidy):
        return wide == tidy
    return float(wide) == pytest.approx(float(tidy) * scale, abs=scale * 1e-6)


def test_every_number_of_scores_csv_is_in_a_record(report):
    records = read_records(report)
    rows = read_table_csv(report, "scores.csv")
    trained_count = sum(record["kind"] != "quality" for record in records.values())
    # (all, day, night) x (2 classes, mean, mean over fewer, convention); quality: (all, day)
    expected_count = trained_count * 3 * 5 * len(TASK_METRICS) + 4 * 2 * len(FUSION_METRICS)
    assert len(rows) == expected_count
    for row in rows:
        seed = int(row["seed"]) if row["seed"] else None
        record = records[row["task"], row["source"], seed]
        assert parse_number(row["value"]) == get_score(record, row)
        for column, fact in (
            ("simulated", "simulated"),
            ("split_hash", "split hash"),
            ("fingerprint", "fingerprint"),
        ):
            value = record["protocol"].get(fact)
            assert row[column] == ("" if value is None else str(value))


def test_every_row_has_the_key_of_its_protocol(report):
    facts = {}
    for row in read_table_csv(report, "protocol.csv"):
        facts.setdefault(row["protocol"], {})[row["field"]] = row["value"]
    assert all(hashing.content_hash(values)[:8] == key for key, values in facts.items())
    records = {record["task"]: record for record in read_records(report).values()}
    used_keys = set()
    for row in [*read_table_csv(report, "scores.csv"), *read_table_csv(report, "means.csv")]:
        values, record = facts[row["protocol"]], records[row["task"]]
        assert values["split hash"] == "abc123"
        assert values["device"] == record["provenance"]["device"]
        assert values.get("luminance") == record["protocol"].get("luminance")
        used_keys.add(row["protocol"])
    assert used_keys == set(facts)
    assert len(used_keys) == 2


def test_every_mean_is_that_of_scores_csv(report):
    scores = defaultdict(list)
    for row in read_table_csv(report, "scores.csv"):
        scores[tuple(row[column] for column in SCORE_KEY)].append(row["value"])
    rows = read_table_csv(report, "means.csv")
    assert [tuple(row[column] for column in SCORE_KEY) for row in rows] == list(scores)
    for row in rows:
        values = [
            float(value) for value in scores[tuple(row[column] for column in SCORE_KEY)] if value
        ]
        assert int(row["seeds"]) == len(values)
        mean = round(statistics.fmean(values), 6) if values else None
        assert parse_number(row["mean"]) == mean
        deviation = round(statistics.stdev(values), 6) if len(values) > 1 else None
        assert parse_number(row["sd"]) == deviation


def test_intervals_of_fusion_metrics_are_those_of_their_records(report):
    records, count = read_records(report), 0
    for row in read_table_csv(report, "means.csv"):
        if row["kind"] != "quality":
            continue
        record = records[row["task"], row["source"], None]
        interval = record["intervals"][row["metric"]] if row["condition"] == "all" else ()
        expected = [round(end, 6) for end in interval] or [None, None]
        assert [parse_number(row["low"]), parse_number(row["high"])] == expected
        count += 1
    assert count == 4 * 2 * len(FUSION_METRICS)


def list_possible_titles(row):
    """Titles that the column of a score may have in a wide table."""
    mean_title = COLUMNS[row["metric"]].mean_title
    return {
        "mean": (mean_title, row["condition"]),
        "class": (row["class"], mean_title),
        "mean over fewer": (f"{mean_title} {row['class']}",),
        "convention": (row["class"],),
    }[row["level"].removesuffix(" in condition")]


def test_statistics_of_means_csv_are_those_of_the_wide_tables(report):
    count = 0
    wide_tables = {
        file.name: {row["source"]: row for row in read_csv(file)}
        for file in list_source_tables(report)
    }
    for row in read_table_csv(report, "means.csv"):
        if row["kind"] == "quality":
            continue
        if not row["table"]:
            assert not any(row[name] for name in ("difference", "p", "p Holm", "compared with"))
            assert row["verdict"] in ("", "not compared")
            continue
        scale = 1 if COLUMNS[row["metric"]].unit else 100
        wide = wide_tables[row["table"]][row["source"]]
        title = next(
            title
            for title in list_possible_titles(row)
            if wide.get(title) and is_scaled(wide[title], row["mean"], scale)
        )
        for column in ("low", "high", "difference", "difference low", "difference high"):
            assert is_scaled(wide.get(f"{title} {column}", ""), row[column], scale), (row, column)
            count += row[column] != ""
        for column in ("p", "p Holm"):
            assert is_scaled(wide.get(f"{title} {column}", ""), row[column], 1)
        verdict = "" if row["verdict"] == "seeds differ" else row["verdict"]
        assert wide.get(f"{title} verdict", "") == verdict
        if row["verdict"] == "seeds differ":
            assert (row["source"], row["difference"]) == ("mine", "")
        if row["difference"]:
            assert row["compared with"] in SINGLE_SENSORS
    assert count > 200


def test_every_difference_is_tested_once(report):
    rows = [row for row in read_table_csv(report, "means.csv") if row["p Holm"]]
    tested_count = sum(
        bool(cell)
        for file in list_source_tables(report)
        if not file.name.endswith("-intervals.csv")  # copies of other tables
        for row in read_csv(file)
        for title, cell in row.items()
        if title.endswith(" p Holm")
    )
    assert len(rows) == tested_count > 10


def compute_means_and_deviations(report):
    """Scaled means and standard deviations over seeds from scores.csv, by (task, source)."""
    scores = defaultdict(list)
    for row in read_table_csv(report, "scores.csv"):
        if row["value"]:
            scores[tuple(row[column] for column in SCORE_KEY)].append(float(row["value"]))
    means, deviations = defaultdict(set), defaultdict(set)
    for (task, source, *_, metric), values in scores.items():
        is_points = COLUMNS[metric].is_fraction and not COLUMNS[metric].unit
        scale = 100 if is_points else 1
        means[task, source].add(round(statistics.fmean(values) * scale, 6))
        if len(values) > 1:
            deviations[task, source].add(round(statistics.stdev(values) * scale, 6))
    return means, deviations


def test_every_number_of_the_wide_tables_follows_from_scores_csv(report):
    means, deviations = compute_means_and_deviations(report)
    count = 0
    for file in list_source_tables(report):
        task = parse_task_name(file)
        for row in read_csv(file):
            key = task, row["source"]
            for title, cell in row.items():
                if title in TEXT_COLUMNS or not cell or title.endswith(STATISTIC_SUFFIXES):
                    continue
                value = float(cell)
                count += 1
                if title.endswith(" sd"):
                    assert value in deviations[key], (file.name, title)
                elif title.endswith(" difference"):
                    mean = float(row[title.removesuffix(" difference")])
                    sensor_means = means[task, "infrared"] | means[task, "visible"]
                    assert any(abs(mean - value - other) < 1e-5 for other in sensor_means)
                else:
                    assert value in means[key], (file.name, title)
    assert count > 800


def test_every_csv_file_has_a_test(report):
    names = [file.name for file in list_table_files(report, ".csv")]
    assert all(any(fnmatch(name, pattern) for name in names) for pattern in OTHER_CSV_PATTERNS)
    source_tables = {file.name for file in list_source_tables(report)}
    pattern = r"toy-(detection|segmentation|quality)-[\w-]+\.csv"
    assert all(re.fullmatch(pattern, name) for name in source_tables)
    assert len(source_tables) == 38  # the tables of rank sets are not counted


@pytest.mark.parametrize(
    ("file", "pattern", "replacement", "test"),
    [
        ("scores.csv", r"0\.5", "0.6", test_every_number_of_scores_csv_is_in_a_record),
        ("means.csv", r",0\.5", ",0.6", test_every_mean_is_that_of_scores_csv),
        (
            "means.csv",
            r",no difference shown,",
            ",better,",
            test_statistics_of_means_csv_are_those_of_the_wide_tables,
        ),
        (
            "toy-segmentation-AP50-conventions.csv",
            r"(?m)^mine,2,\d",
            "mine,2,9",
            test_every_number_of_the_wide_tables_follows_from_scores_csv,
        ),
        ("protocol.csv", "tiny", "huge", test_every_row_has_the_key_of_its_protocol),
    ],
)
def test_a_changed_number_is_detected(report, file, pattern, replacement, test):
    path = report / "tables" / file
    with edit_temporarily(path, pattern, replacement), pytest.raises(AssertionError):
        test(report)
