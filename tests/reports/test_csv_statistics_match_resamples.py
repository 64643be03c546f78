"""Every interval, p-value and verdict of a report's CSV files follows from records and resamples.

What the formulas themselves give is tested where they are: test_verdicts.py, test_power.py.
"""

import json
from collections import defaultdict
from functools import cache

import numpy as np
import pytest

from reports.statistics import confidence_intervals, power
from reports.statistics.confidence_intervals import Estimate
from reports.statistics.power import SampleSizes
from tests.helpers.complete_report import TASK_METRICS, build_report
from tests.helpers.report_files import adjust_holm, list_table_files, read_csv, read_table_csv

SINGLES = ("infrared", "visible")


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    return build_report(tmp_path_factory.getbasetemp())


@cache
def resampled(report):
    """What the store has resampled: scores by source, condition, class and metric, seed by seed."""
    found = defaultdict(dict)
    for file in sorted((report.parent / "runs").glob("statistics/*/resampled.npz")):
        of = json.loads((file.parent / "spec.json").read_text())["record"]["of"]
        if of["kind"] != "detection":
            continue
        said = json.loads((file.parent / "resampled.json").read_text())
        saved = np.load(file)
        shares = {tuple(key): row for key, row in zip(said["shares"], saved["shares"], strict=True)}
        for key, row in zip(said["quantities"], saved["scores"], strict=True):
            drawn = (
                row.astype(float),
                shares[key[0], key[1] if (key[0], key[1]) in shares else None],
            )
            found[(of["source"], *key)][of["seed"]] = drawn[0], drawn[1].astype(float)
    return found


@cache
def samples(report, scene, name, metric):
    """Source to what its records and resamples say of one score."""
    level = {None: "mean", "without car": "mean over fewer"}.get(name, "class")
    where = level + (" in condition" if scene else ""), scene or "all", name or "mean", metric
    scores = {
        (row["source"], int(row["seed"])): float(row["value"])
        for row in read_table_csv(report, "scores.csv")
        if row["task"] == "toy-detection" and row["value"]
        if (row["level"], row["condition"], row["class"], row["metric"]) == where
    }
    found = {}
    for (source, *key), seeds in resampled(report).items():
        if key == [scene, name, metric] and all((source, seed) in scores for seed in seeds):
            mine = np.array([scores[source, seed] for seed in seeds])
            drawn = np.stack([row for row, _ in seeds.values()])
            found[source] = confidence_intervals.ScoreSample(
                mine, drawn, next(iter(seeds.values()))[1]
            )
    return found


NAMES = (("person",) * 2, ("car",) * 2, ("{} without car", "without car"), ("{}", None))


@pytest.mark.parametrize(
    ("file", "scene", "metric"),
    [("AP50", None, "AP50"), ("AP", None, "AP"), ("AP50-night", "night", "AP50")],
)
def test_every_interval_follows_from_the_records_and_their_resamples(report, file, scene, metric):
    rows = {row["source"]: row for row in read_table_csv(report, f"toy-detection-{file}.csv")}
    chances, held = [], []
    for head, name in NAMES:
        title = head.format(TASK_METRICS[metric].mean_title)
        known = samples(report, scene, name, metric)
        for source, mine in known.items():
            others = [each for other, each in known.items() if other != source]
            one, row = confidence_intervals.estimate_score(mine, others), rows[source]
            got = [float(row[f"{title} {end}"]) for end in ("low", "high")]
            assert got == pytest.approx([100 * one.low, 100 * one.high], abs=1e-4)
            if source in SINGLES:
                continue
            if scene and name is None:  # is judged in the table by condition
                assert row.get(f"{title} p", "") == ""
                continue
            singles = {s: known[s].scores.mean() for s in SINGLES if s in known}
            gap = confidence_intervals.estimate_difference(
                mine, known[max(singles, key=singles.get)]
            )
            got = [float(row[f"{title} difference {end}"]) for end in ("low", "high")]
            assert got == pytest.approx([100 * gap.low, 100 * gap.high], abs=1e-4)
            assert float(row[f"{title} p"]) == pytest.approx(gap.p_value, abs=1e-5)
            chances.append(gap.p_value)
            held.append((row, title))
    assert len(chances) > 3
    for (row, title), p in zip(held, adjust_holm(chances), strict=True):
        assert float(row[f"{title} p Holm"]) == pytest.approx(p, abs=1e-4)
        better = "better" if float(row[f"{title} difference"]) > 0 else "worse"
        assert row[f"{title} verdict"] == (better if p < 0.05 else "no difference shown")


def test_the_intervals_of_the_means_and_conditions_are_those_of_their_quantities(report):
    metrics = {column.mean_title: metric for metric, column in TASK_METRICS.items()}
    wanted = [("means", title, None, metric) for title, metric in metrics.items()]
    wanted += [
        (f"{metric}-by-condition", scene, None if scene == "all" else scene, metric)
        for metric in ("AP50", "AP")
        for scene in ("day", "night", "all")
    ]
    walked = 0
    for file, title, scene, metric in wanted:
        rows = {row["source"]: row for row in read_table_csv(report, f"toy-detection-{file}.csv")}
        known = samples(report, scene, None, metric)
        for source, mine in known.items():
            others = [each for other, each in known.items() if other != source]
            one = confidence_intervals.estimate_score(mine, others)
            got = [float(rows[source][f"{title} {end}"]) for end in ("low", "high")]
            assert got == pytest.approx([100 * one.low, 100 * one.high], abs=1e-4)
            walked += 1
    assert walked >= 28


def test_folded_intervals_are_those_of_the_tables(report):
    walked = 0
    for file in list_table_files(report, "-intervals.csv"):
        if file.name != "toy-quality-intervals.csv":
            bare = file.with_name(file.name.replace("-intervals.csv", ".csv"))
            assert file.read_bytes() == bare.read_bytes()
            walked += 1
    assert walked == 4


def test_every_difference_of_two_sources_follows_from_their_scores_and_resamples(report):
    walked = 0
    for file in list_table_files(report, "-pairs.csv"):
        rows = {
            row["source"]: row for row in read_csv(file.with_name(file.name.replace("-pairs", "")))
        }
        metric = file.name.split("-")[2]
        every = read_csv(file)
        for pair in every:
            one, other = (float(rows[pair[w]][pair["column"]]) for w in ("source", "other"))
            assert float(pair["difference"]) == pytest.approx(one - other, abs=1e-5)
            by_condition = "by-condition" in file.name
            scene = pair["column"] if by_condition and pair["column"] != "all" else None
            titles = {c.mean_title: (None, m) for m, c in TASK_METRICS.items()} | {
                "all": (None, metric)
            }
            titles |= {"person": ("person", metric), "car": ("car", metric)}
            titles |= {
                f"{c.mean_title} without car": ("without car", m) for m, c in TASK_METRICS.items()
            }
            name, of = titles.get(pair["column"], (None, metric))
            known = samples(report, scene, name, of)
            gap = confidence_intervals.estimate_difference(
                known[pair["source"]], known[pair["other"]]
            )
            got = [float(pair[end]) for end in ("low", "high")]
            assert got == pytest.approx([100 * gap.low, 100 * gap.high], abs=1e-3)
            assert float(pair["p"]) == pytest.approx(gap.p_value, abs=1e-5)
            walked += 1
        chances = [float(pair["p"]) for pair in every]
        assert [float(pair["p Holm"]) for pair in every] == pytest.approx(
            adjust_holm(chances), abs=1e-4
        )
    assert walked > 20


def test_what_it_takes_follows_from_one_of_the_differences(report):
    known = samples(report, None, None, "AP50")
    better = max(SINGLES, key=lambda single: known[single].scores.mean())
    gaps = [
        confidence_intervals.estimate_difference(known[s], known[better])
        for s in known
        if s not in SINGLES
    ]
    (file,) = list_table_files(report, "-power.csv")
    rows = read_csv(file)
    assert [row["seeds"] for row in rows] == ["2", "3", "5", "10"]
    for row in rows:
        images, luck, seeds = (
            float(row[f"variance of {part}"]) for part in ("images", "interaction", "seeds")
        )
        assert any(
            (images, luck, seeds)
            == pytest.approx(
                (
                    g.image_variance - g.interaction_variance,
                    g.interaction_variance,
                    g.seed_variance,
                ),
                abs=1e-6,
            )
            for g in gaps
        )
        assert (row["units"], row["images"]) == ("4", "4")
        assert float(row["measured seeds"]) == 11 / 4
        of = Estimate(0, 0, 0, 0, 1, 1, images + luck, luck, seeds)
        at, count = SampleSizes(4, 4, 11 / 4), int(row["seeds"])
        assert float(row["detectable difference"]) == pytest.approx(
            power.minimum_detectable_difference(of, at, 4, count), abs=1e-5
        )
        assert row["units for 0.01"] == str(power.find_required_groups(of, at, count) or "")
