"""Every score of a report's CSV files is in a record, every mean that of scores.

See test_reports_walk_statistics.py for intervals and test_reports_walk_others.py for the rest.
"""

import re
import statistics
from collections import defaultdict
from fnmatch import fnmatch

import pytest

from fusebench.storage import hashing
from tests.helpers.complete_report import COLUMNS, FUSION_METRICS, TASK_METRICS, build_report
from tests.helpers.report_files import (
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

SINGLES = ("infrared", "visible")
SURE = (" low", " high", " p", " p Holm", " verdict")
TEXT = ("source", "n", "protocol")


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    return build_report(tmp_path_factory.getbasetemp())


def score(record, row):
    """The score of a record that a row of a tidy table says."""
    part = record if row["condition"] == "all" else record["by_condition"][row["condition"]]
    held = {
        "mean": lambda: part["values"],
        "class": lambda: part["by_class"][row["class"]],
        "mean over fewer": lambda: part["subset_means"][row["class"]],
        "convention": lambda: part["conventions"][row["class"]],
    }
    return held[row["level"].removesuffix(" in condition")]()[row["metric"]]


def test_every_number_of_the_long_table_is_in_a_record(report):
    made = read_records(report)
    rows = read_table_csv(report, "scores.csv")
    trained = [r for r in made.values() if r["kind"] != "quality"]
    # (all, day, night) x (2 classes, mean, mean over fewer, convention); quality: (all, day)
    assert len(rows) == len(trained) * 3 * 5 * len(TASK_METRICS) + 4 * 2 * len(FUSION_METRICS)
    for row in rows:
        record = made[row["task"], row["source"], int(row["seed"]) if row["seed"] else None]
        assert parse_number(row["value"]) == score(record, row)
        facts = (record["protocol"].get(n) for n in ("simulated", "split hash", "fingerprint"))
        said = ["" if fact is None else str(fact) for fact in facts]
        assert [row[name] for name in ("simulated", "split_hash", "fingerprint")] == said


def test_every_row_says_how_it_was_made(report):
    made = {}
    for row in read_table_csv(report, "protocol.csv"):
        made.setdefault(row["protocol"], {})[row["field"]] = row["value"]
    assert all(hashing.content_hash(said)[:8] == key for key, said in made.items())
    kept = {record["task"]: record for record in read_records(report).values()}
    used = set()
    for row in [*read_table_csv(report, "scores.csv"), *read_table_csv(report, "means.csv")]:
        said, record = made[row["protocol"]], kept[row["task"]]
        assert (said["split hash"], said["device"]) == ("abc123", record["made"]["device"])
        assert said.get("luminance") == record["protocol"].get("luminance")
        used.add(row["protocol"])
    assert used == set(made)
    assert len(used) == 2


def test_every_mean_is_that_of_the_long_table(report):
    long = defaultdict(list)
    name = ("task", "source", "level", "condition", "class", "metric")
    for row in read_table_csv(report, "scores.csv"):
        long[tuple(row[part] for part in name)].append(row["value"])
    rows = read_table_csv(report, "means.csv")
    assert [tuple(row[part] for part in name) for row in rows] == list(long)
    for row in rows:
        values = [float(v) for v in long[tuple(row[part] for part in name)] if v]
        assert int(row["seeds"]) == len(values)
        mean = round(statistics.fmean(values), 6) if values else None
        assert parse_number(row["mean"]) == mean
        spread = round(statistics.stdev(values), 6) if len(values) > 1 else None
        assert parse_number(row["sd"]) == spread


def test_intervals_and_differences_of_the_means_are_those_of_the_wide_tables(report):
    count, made = 0, read_records(report)
    every = {
        file.name: {row["source"]: row for row in read_csv(file)}
        for file in list_source_tables(report)
    }
    for row in read_table_csv(report, "means.csv"):
        scale = 1 if COLUMNS[row["metric"]].unit or row["kind"] == "quality" else 100
        if row["kind"] == "quality":
            record = made[row["task"], row["source"], None]
            known = record["intervals"][row["metric"]] if row["condition"] == "all" else ()
            ends = [round(end, 6) for end in known] or [None, None]
            assert [parse_number(row["low"]), parse_number(row["high"])] == ends
            continue
        if not row["table"]:
            assert not any(row[n] for n in ("difference", "p", "p Holm", "compared with"))
            assert row["verdict"] in ("", "not compared")
            continue
        shown = every[row["table"]][row["source"]]
        level = row["level"].removesuffix(" in condition")
        column = COLUMNS[row["metric"]]
        heads = {
            "mean": (column.mean_title, row["condition"]),
            "class": (row["class"], column.mean_title),
            "mean over fewer": (f"{column.mean_title} {row['class']}",),
            "convention": (row["class"],),
        }
        title = next(
            t for t in heads[level] if shown.get(t) and close(shown[t], row["mean"], scale)
        )
        for end in ("low", "high", "difference", "difference low", "difference high"):
            assert close(shown.get(f"{title} {end}", ""), row[end], scale), (row, end)
            count += row[end] != ""
        for end in ("p", "p Holm"):
            assert close(shown.get(f"{title} {end}", ""), row[end], 1)
        said = "" if row["verdict"] == "seeds differ" else row["verdict"]
        assert shown.get(f"{title} verdict", "") == said
        if row["verdict"] == "seeds differ":
            assert (row["source"], row["difference"]) == ("mine", "")
        if row["difference"]:
            assert row["compared with"] in SINGLES
    assert count > 200


def close(shown, value, scale):
    """Whether a cell of a wide table is a fraction, or both are empty."""
    if "" in (shown, value):
        return shown == value
    return float(shown) == pytest.approx(float(value) * scale, abs=scale * 1e-6)


def test_every_score_is_judged_once(report):
    rows = [row for row in read_table_csv(report, "means.csv") if row["p Holm"]]
    judged = sum(
        bool(cell)
        for file in list_source_tables(report)
        if not file.name.endswith("-intervals.csv")  # the same tables again
        for row in read_csv(file)
        for title, cell in row.items()
        if title.endswith(" p Holm")
    )
    assert len(rows) == judged > 10


def expected(report):
    """The means and deviations over seeds that follow from the long table, by task and source."""
    long = defaultdict(list)
    for row in read_table_csv(report, "scores.csv"):
        name = (
            row["task"],
            row["source"],
            row["level"],
            row["condition"],
            row["class"],
            row["metric"],
        )
        if row["value"]:
            long[name].append(float(row["value"]))
    means, spreads = defaultdict(set), defaultdict(set)
    for (task, source, *_, metric), values in long.items():
        scale = 1 if COLUMNS[metric].unit or not COLUMNS[metric].is_fraction else 100
        means[task, source].add(round(statistics.fmean(values) * scale, 6))
        if len(values) > 1:
            spreads[task, source].add(round(statistics.stdev(values) * scale, 6))
    return means, spreads


def test_every_number_of_the_wide_tables_follows_from_the_long_one(report):
    means, spreads = expected(report)
    count = 0
    for file in list_source_tables(report):
        for row in read_csv(file):
            who = parse_task_name(file), row["source"]
            for title, cell in row.items():
                if title in TEXT or not cell or title.endswith(SURE):
                    continue
                value = float(cell)
                count += 1
                if title.endswith(" sd"):
                    assert value in spreads[who], (file.name, title)
                elif title.endswith(" difference"):
                    mine = float(row[title.removesuffix(" difference")])
                    others = [means[parse_task_name(file), single] for single in SINGLES]
                    assert any(
                        abs(mine - value - other) < 1e-5 for those in others for other in those
                    )
                else:
                    assert value in means[who], (file.name, title)
    assert count > 800


def test_every_file_is_walked(report):
    names = [file.name for file in list_table_files(report, ".csv")]
    assert all(any(fnmatch(name, pattern) for name in names) for pattern in OTHER_CSV_PATTERNS)
    rest = {file.name for file in list_source_tables(report)}
    assert all(re.fullmatch(r"toy-(detection|segmentation|quality)-[\w-]+\.csv", n) for n in rest)
    assert len(rest) == 38


@pytest.mark.parametrize(
    ("file", "old", "new", "test"),
    [
        ("scores.csv", r"0\.5", "0.6", test_every_number_of_the_long_table_is_in_a_record),
        ("means.csv", r",0\.5", ",0.6", test_every_mean_is_that_of_the_long_table),
        (
            "means.csv",
            r",no difference shown,",
            ",better,",
            test_intervals_and_differences_of_the_means_are_those_of_the_wide_tables,
        ),
        (
            "toy-segmentation-AP50-conventions.csv",
            r"(?m)^mine,2,\d",
            "mine,2,9",
            test_every_number_of_the_wide_tables_follows_from_the_long_one,
        ),
        ("protocol.csv", "tiny", "huge", test_every_row_says_how_it_was_made),
    ],
)
def test_a_number_that_is_changed_is_found(report, file, old, new, test):
    with edit_temporarily(report / "tables" / file, old, new), pytest.raises(AssertionError):
        test(report)
