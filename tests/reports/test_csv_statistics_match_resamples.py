"""Every interval, p-value and verdict of the CSV files follows from records and resamples.

The formulas themselves are tested in tests/reports/statistics.
"""

import json
from collections import defaultdict
from functools import cache

import numpy as np
import pytest

from reports.statistics import power
from reports.statistics.confidence_intervals import (
    Estimate,
    ScoreSample,
    estimate_difference,
    estimate_score,
)
from reports.statistics.equivalence import run_equivalence_test
from reports.statistics.power import SampleSizes
from tests.helpers.reports.complete_report import TASK_METRICS
from tests.helpers.reports.report_files import (
    adjust_holm,
    list_table_files,
    read_csv,
    read_table_csv,
)

SINGLE_SENSORS = ("infrared", "visible")
# title of a column, with {} for the mean over classes, to the class or mean of its score
CLASSES_AND_MEANS = {
    "person": "person",
    "car": "car",
    "{} without car": "without car",
    "{}": None,
}


@cache
def read_resamples(report):
    """Bootstrap scores and unit shares of the detection task.

    Returns:
        (source, condition, class or mean, metric) to seed to (scores, shares).
    """
    resamples = defaultdict(dict)
    for file in sorted((report.parent / "runs").glob("statistics/*/resampled.npz")):
        spec = json.loads((file.parent / "spec.json").read_text())["record"]["of"]
        if spec["kind"] != "detection":
            continue
        header = json.loads((file.parent / "resampled.json").read_text())
        arrays = np.load(file)
        shares = {
            tuple(key): row for key, row in zip(header["shares"], arrays["shares"], strict=True)
        }
        for key, row in zip(header["quantities"], arrays["scores"], strict=True):
            condition, name, _ = key
            # a mean over fewer classes has the shares of the mean
            unit_shares = shares.get((condition, name), shares[condition, None])
            by_seed = resamples[(spec["source"], *key)]
            by_seed[spec["seed"]] = row.astype(float), unit_shares.astype(float)
    return resamples


@cache
def build_samples(report, condition, name, metric):
    """Samples of one score from scores.csv and the resamples, by source."""
    level = {None: "mean", "without car": "mean over fewer"}.get(name, "class")
    level += " in condition" if condition else ""
    key = level, condition or "all", name or "mean", metric
    scores = {
        (row["source"], int(row["seed"])): float(row["value"])
        for row in read_table_csv(report, "scores.csv")
        if row["task"] == "toy-detection" and row["value"]
        if (row["level"], row["condition"], row["class"], row["metric"]) == key
    }
    samples = {}
    for (source, *other_key), by_seed in read_resamples(report).items():
        is_same = other_key == [condition, name, metric]
        if is_same and all((source, seed) in scores for seed in by_seed):
            seed_scores = np.array([scores[source, seed] for seed in by_seed])
            bootstrap_scores = np.stack([row for row, _ in by_seed.values()])
            unit_shares = next(iter(by_seed.values()))[1]
            samples[source] = ScoreSample(seed_scores, bootstrap_scores, unit_shares)
    return samples


def estimate_source(samples, source):
    """Estimate the score of one source; the others contribute to the variance over seeds."""
    others = [sample for other, sample in samples.items() if other != source]
    return estimate_score(samples[source], others)


def find_better_sensor(samples):
    means = {
        sensor: samples[sensor].seed_scores.mean() for sensor in SINGLE_SENSORS if sensor in samples
    }
    return max(means, key=means.get)


def check_interval(row, prefix, estimate, tolerance=1e-4):
    """Assert that a row has the interval of an estimate, in points."""
    interval = [float(row[f"{prefix}{end}"]) for end in ("low", "high")]
    assert interval == pytest.approx([100 * estimate.low, 100 * estimate.high], abs=tolerance)


@pytest.mark.parametrize(
    ("file", "condition", "metric"),
    [("AP50", None, "AP50"), ("AP", None, "AP"), ("AP50-night", "night", "AP50")],
)
def test_intervals_and_tests_of_a_table_follow_from_its_scores(report, file, condition, metric):
    rows = {row["source"]: row for row in read_table_csv(report, f"toy-detection-{file}.csv")}
    p_values, tested = [], []
    for template, name in CLASSES_AND_MEANS.items():
        title = template.format(TASK_METRICS[metric].mean_title)
        samples = build_samples(report, condition, name, metric)
        for source, sample in samples.items():
            row = rows[source]
            check_interval(row, f"{title} ", estimate_source(samples, source))
            if source in SINGLE_SENSORS:
                continue
            if condition and name is None:  # tested in the table by condition
                assert row.get(f"{title} p", "") == ""
                continue
            difference = estimate_difference(sample, samples[find_better_sensor(samples)])
            check_interval(row, f"{title} difference ", difference)
            assert float(row[f"{title} p"]) == pytest.approx(difference.p_value, abs=1e-5)
            p_values.append(difference.p_value)
            tested.append((row, title))
    assert len(p_values) > 3
    for (row, title), p_value in zip(tested, adjust_holm(p_values), strict=True):
        assert float(row[f"{title} p Holm"]) == pytest.approx(p_value, abs=1e-4)
        verdict = "better" if float(row[f"{title} difference"]) > 0 else "worse"
        expected = verdict if p_value < 0.05 else "no difference shown"
        assert row[f"{title} verdict"] == expected


def test_intervals_of_means_and_conditions_follow_from_their_scores(report):
    columns = [("means", c.mean_title, None, metric) for metric, c in TASK_METRICS.items()]
    columns += [
        (f"{metric}-by-condition", title, None if title == "all" else title, metric)
        for metric in ("AP50", "AP")
        for title in ("day", "night", "all")
    ]
    count = 0
    for file, title, condition, metric in columns:
        rows = {row["source"]: row for row in read_table_csv(report, f"toy-detection-{file}.csv")}
        samples = build_samples(report, condition, None, metric)
        for source in samples:
            check_interval(rows[source], f"{title} ", estimate_source(samples, source))
            count += 1
    assert count >= 28


def test_interval_tables_have_the_csv_file_of_their_table(report):
    count = 0
    for file in list_table_files(report, "-intervals.csv"):
        if file.name != "toy-quality-intervals.csv":
            table = file.with_name(file.name.replace("-intervals.csv", ".csv"))
            assert file.read_bytes() == table.read_bytes()
            count += 1
    assert count == 4


def locate_pairwise_column(file, title):
    """Condition, class or mean, and metric of a column in a file of pairwise differences."""
    metric = file.name.split("-")[2]
    if "by-condition" in file.name:
        return None if title == "all" else title, None, metric
    columns = {
        template.format(column.mean_title): (None, name, metric_name)
        for template, name in CLASSES_AND_MEANS.items()
        if "{}" in template
        for metric_name, column in TASK_METRICS.items()
    }
    return columns.get(title, (None, title, metric))


def test_pairwise_differences_follow_from_their_scores(report):
    count = 0
    for file in list_table_files(report, "-pairwise.csv"):
        table = file.with_name(file.name.replace("-pairwise", ""))
        rows = {row["source"]: row for row in read_csv(table)}
        pairs = read_csv(file)
        for pair in pairs:
            scores = [float(rows[pair[name]][pair["column"]]) for name in ("source", "other")]
            assert float(pair["difference"]) == pytest.approx(scores[0] - scores[1], abs=1e-5)
            samples = build_samples(report, *locate_pairwise_column(file, pair["column"]))
            difference = estimate_difference(samples[pair["source"]], samples[pair["other"]])
            check_interval(pair, "", difference, tolerance=1e-3)
            assert float(pair["p"]) == pytest.approx(difference.p_value, abs=1e-5)
            count += 1
        adjusted = adjust_holm([float(pair["p"]) for pair in pairs])
        assert [float(pair["p Holm"]) for pair in pairs] == pytest.approx(adjusted, abs=1e-4)
    assert count > 20


def test_equivalences_follow_from_the_scores_and_the_table_that_tests_a_difference(report):
    samples = build_samples(report, None, None, "AP50")
    sensor = find_better_sensor(samples)
    rows = read_table_csv(report, "toy-detection-equivalence.csv")
    assert len(rows) == 6  # pairs of four sources
    tested = {row["source"]: row for row in read_table_csv(report, "toy-detection-AP50.csv")}
    own_p_values = {}
    for row in rows:
        difference = estimate_difference(samples[row["source"]], samples[row["other"]])
        check_interval(row, "", difference, tolerance=1e-3)
        assert float(row["difference"]) == pytest.approx(100 * difference.value, abs=1e-3)
        test = run_equivalence_test(difference, 0.01)
        check_interval(row, "equivalence ", test, tolerance=1e-3)
        assert float(row["p equivalence"]) == pytest.approx(test.p_value, abs=1e-5)
        pair = {row["source"], row["other"]}
        (fused, *rest) = sorted(pair - {sensor})
        if sensor in pair and not rest and fused not in SINGLE_SENSORS:
            assert row["p Holm"] == tested[fused]["mAP@.5 p Holm"]
        else:
            own_p_values[len(own_p_values)] = (float(row["p"]), float(row["p Holm"]))
    adjusted = adjust_holm([p for p, _ in own_p_values.values()])
    assert [p for _, p in own_p_values.values()] == pytest.approx(adjusted, abs=1e-4)
    adjusted = adjust_holm([float(row["p equivalence"]) for row in rows])
    assert [float(row["p equivalence Holm"]) for row in rows] == pytest.approx(adjusted, abs=1e-4)


def test_the_power_table_follows_from_one_of_the_differences(report):
    samples = build_samples(report, None, None, "AP50")
    baseline = samples[find_better_sensor(samples)]
    differences = [
        estimate_difference(sample, baseline)
        for source, sample in samples.items()
        if source not in SINGLE_SENSORS
    ]
    (file,) = list_table_files(report, "-power.csv")
    rows = read_csv(file)
    assert [row["seeds"] for row in rows] == ["2", "3", "5", "10"]
    for row in rows:
        components = [
            float(row[f"variance of {part}"]) for part in ("images", "interaction", "seeds")
        ]
        assert any(
            components
            == pytest.approx(
                [
                    difference.image_variance - difference.interaction_variance,
                    difference.interaction_variance,
                    difference.seed_variance,
                ],
                abs=1e-6,
            )
            for difference in differences
        )
        assert (row["units"], row["images"]) == ("4", "4")
        assert float(row["measured seeds"]) == 11 / 4
        images, interaction, seeds = components
        estimate = Estimate(0, 0, 0, 0, 1, 1, images + interaction, interaction, seeds)
        sizes, seed_count = SampleSizes(4, 4, 11 / 4), int(row["seeds"])
        detectable = power.minimum_detectable_difference(estimate, sizes, 4, seed_count)
        assert float(row["detectable difference"]) == pytest.approx(detectable, abs=1e-5)
        required = power.find_required_groups(estimate, sizes, seed_count)
        assert row["units for 0.01"] == str(required or "")
