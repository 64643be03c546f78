"""The robustness section: numbers, sentence, tables, CSV files and curves, from made-up records."""

import numpy as np
import pandas as pd
import pytest

from fusebench.storage.records import Column, Record
from reports.document.robustness import curves, files
from reports.document.robustness.section import build_section
from reports.results.bootstrap_scores import BootstrapScores, ScoreKey, TaskBootstrap
from reports.results.robustness.collection import (
    CorruptionResults,
    RobustnessResults,
    ScoredRun,
)
from reports.results.task_results import SourceResults, TaskResults
from reports.tables import csv_files

UNITS, RESAMPLES = 20, 400
NOISE = np.random.default_rng(0).normal(0, 0.02, (4, RESAMPLES))


def make_run(source, score, seed=0, kind="method", noise=None):
    """A run whose AP50 is ``score`` and whose resamples scatter around it."""
    record = Record(
        task="toy",
        kind="detection",
        dataset="toy",
        source=source,
        source_kind=kind,
        seed=seed,
        classes=("a",),
        protocol={},
        columns={"AP50": Column(title="AP50", mean_title="mAP50")},
        spec={},
        provenance={},
        values={"AP50": score},
    )
    if noise is None:
        return ScoredRun(record, None)
    key = ScoreKey(None, None, "AP50")
    resampled = np.full(RESAMPLES, score) + noise
    shares = {(None, None): np.full(UNITS, 1 / UNITS)}
    return ScoredRun(record, BootstrapScores({key: resampled}, shares, 100, UNITS, True, UNITS))


def make_results(scores, *, with_resamples=True, missing=(), title="title of {}"):
    """Results from {source: (clean, {(corruption, severity): score})}; a single seed.

    Corruptions "dark" change the visible source, "cold" the infrared one, and both all others.
    """
    kinds = {"ir": "infrared", "vis": "visible"}
    levels = [("dark", 1), ("dark", 3), ("cold", 2)]
    noise = dict(zip(scores, NOISE, strict=False)) if with_resamples else {}

    def make(source, score, level=0):
        own = noise.get(source)
        # resamples of a level: those of the clean score, and a little noise of its own
        own = None if own is None else own + 0.2 * np.roll(own, 7 * level)
        return make_run(source, score, 0, kinds.get(source, "method"), own)

    clean = {source: {0: make(source, score)} for source, (score, _) in scores.items()}
    corrupted = tuple(
        CorruptionResults(
            name=name,
            title=title.format(name),
            severity=severity,
            description=f"{severity} lux",
            runs={
                source: {0: make(source, by_level[name, severity], number)}
                for source, (_, by_level) in scores.items()
                if (name, severity) in by_level and (source, name, severity) not in missing
            },
            planned_seeds={
                source: (0,)
                for source, (_, by_level) in scores.items()
                if (name, severity) in by_level
            },
        )
        for number, (name, severity) in enumerate(levels, 1)
    )
    fused = tuple(source for source in scores if source not in kinds)
    robustness = RobustnessResults(clean, corrupted, tuple(scores), fused, ("elsewhere",))
    sources = tuple(
        SourceResults(source, kinds.get(source, "method"), (0,), (runs[0].record,), "")
        for source, runs in clean.items()
    )
    bootstrap = TaskBootstrap({source: (runs[0].bootstrap,) for source, runs in clean.items()})
    return TaskResults(
        "toy",
        "detection",
        "toy",
        sources,
        bootstrap if with_resamples else None,
        robustness=robustness,
    )


def make_scores(good=0.9, bad=0.5):
    """Two fusions, and sensors that one of two corruptions reaches."""

    def spread(clean, dark, cold):
        levels = {}
        if dark is not None:
            levels |= {("dark", 1): dark, ("dark", 3): dark / 2}
        if cold is not None:
            levels |= {("cold", 2): cold}
        return clean, levels

    return {
        "ir": spread(0.5, None, 0.25),
        "vis": spread(0.8, 0.4, None),
        "good": spread(0.8, 0.8 * good, 0.8),
        "bad": spread(0.8, 0.8 * bad, 0.8),
    }


def test_means_are_over_severities_and_then_over_corruptions():
    section = build_section(make_results(make_scores()))
    (estimates,) = section.estimates
    assert estimates.by_level["dark", 1]["good"].value == pytest.approx(0.9)
    assert estimates.by_corruption["dark"]["good"].value == pytest.approx((0.9 + 0.45) / 2)
    assert estimates.by_corruption["cold"]["good"].value == pytest.approx(1.0)
    assert estimates.means["good"].value == pytest.approx((0.675 + 1) / 2)
    assert estimates.means["good"].score == pytest.approx(0.8 * (0.675 + 1) / 2)
    assert estimates.means["vis"].value == pytest.approx(((0.5 + 0.25) / 2 + 1) / 2)


def test_a_corruption_of_the_other_sensor_leaves_a_sensor_at_100_percent():
    section = build_section(make_results(make_scores()))
    (estimates,) = section.estimates
    dark = estimates.by_level["dark", 1]
    assert (dark["ir"].value, dark["ir"].is_unchanged, dark["ir"].estimate) == (1, True, None)
    assert not dark["vis"].is_unchanged
    notes = " ".join(section.tables[0].notes)
    assert "ir alone is not changed by title of dark: 100 % by definition." in notes
    assert "cannot be fused again: elsewhere." in notes


def test_what_is_shown_to_degrade_least_is_said():
    section = build_section(make_results(make_scores()))
    assert "mean retained mAP50: good 83.8 %" in section.sentence
    assert "good is shown to degrade least (adjusted p at most" in section.sentence
    assert "ir" not in section.sentence.split()
    equal = build_section(make_results(make_scores(0.9, 0.899)))
    assert "No fused source is shown to degrade least." in equal.sentence
    assert "is shown to degrade least (" not in equal.sentence
    assert section.plain_sentence.startswith(
        "Under 2 corruptions, good is shown to keep the largest share of its clean mAP50 "
        "(good 83.8 %"
    )
    assert "no fused source is shown to keep the largest share" in equal.plain_sentence
    assert "[" not in section.plain_sentence + equal.plain_sentence


def test_an_interval_ends_at_0():
    section = build_section(make_results(make_scores(bad=0.01)))
    low, high = ((e := section.estimates[0].by_level["dark", 3]["bad"].estimate).low, e.high)
    assert low == 0
    assert high > 0.005


def test_without_resamples_there_are_numbers_and_no_tests():
    section = build_section(make_results(make_scores(), with_resamples=False))
    (estimates,) = section.estimates
    assert estimates.means["good"].value == pytest.approx((0.675 + 1) / 2)
    assert estimates.means["good"].estimate is None
    assert estimates.comparisons == ()
    assert "No fused source is shown to degrade least." in section.sentence


def test_a_source_with_a_missing_run_is_missing_and_the_section_says_how_many():
    section = build_section(make_results(make_scores(), missing={("good", "cold", 2)}))
    rows = {row.label: row for row in section.tables[0].rows}
    assert (rows["good"].cells, rows["good"].absence_label) == ((), "missing")
    assert rows["bad"].cells
    assert section.missing.startswith("1 of 9 runs on corrupted pairs are missing")
    assert build_section(make_results(make_scores())).missing == ""


def test_tables_have_a_column_per_corruption_and_per_severity():
    means, levels = build_section(make_results(make_scores())).tables
    assert [title for title, _ in means.headers] == [
        *("clean", "corrupted", "title of dark", "title of cold", "mean"),
    ]
    row = {row.label: [text for text, _ in row.cells] for row in means.rows}["good"]
    assert row == ["80.0", "67.0", "67.5", "100.0", "83.8"]
    assert levels.short_headers == (("1", "1 lux"), ("3", "3 lux"), ("2", "2 lux"))
    assert levels.header_groups == (("title of dark", 2), ("title of cold", 1))


def test_csv_files_have_the_numbers_of_the_tables(tmp_path):
    (tmp_path / "tables").mkdir()
    section = build_section(make_results(make_scores()))
    files.write_csv_files(section, tmp_path, csv_files.write_csv)
    by_severity = pd.read_csv(tmp_path / "tables/toy-robustness.csv")
    row = by_severity.query("source == 'good' and corruption == 'dark' and severity == 3").iloc[0]
    assert (row.clean, row.score, row.retained) == pytest.approx((80, 36, 45))
    assert row.low < 45 < row.high
    unchanged = by_severity.query("source == 'ir' and corruption == 'dark'")
    assert unchanged.retained.tolist() == [100, 100]
    assert unchanged.low.isna().all()
    means = pd.read_csv(tmp_path / "tables/toy-robustness-means.csv")
    mean = means.query("source == 'good' and corruption == 'mean'").iloc[0]
    assert mean.retained == pytest.approx(83.75)
    pairs = pd.read_csv(tmp_path / "tables/toy-robustness-pairwise.csv")
    assert len(pairs) == 6
    pair = pairs.query("source == 'good' and other == 'bad'").iloc[0]
    assert pair.difference == pytest.approx(15.0)
    assert pair["p Holm"] >= pair.p


def test_curves_leave_out_what_is_unchanged():
    built = curves.build_curves(build_section(make_results(make_scores())))
    assert list(built) == ["title of dark", "title of cold"]
    assert list(built["title of dark"]) == ["vis", "good", "bad"]
    assert list(built["title of cold"]) == ["ir", "good", "bad"]
    assert [point.severity for point in built["title of dark"]["good"]] == [1, 3]
    assert [point.retained for point in built["title of dark"]["good"]] == pytest.approx([90, 45])


def test_two_corruptions_of_one_title_stay_apart():
    section = build_section(make_results(make_scores(), title="mine"))
    assert list(curves.build_curves(section)) == ["mine (dark)", "mine (cold)"]


def test_a_column_where_lower_is_better_has_no_kept_share():
    results = make_results(make_scores())
    for record in results.records:
        record.columns["AP50"] = record.columns["AP50"].model_copy(update={"better": "lower"})
    assert build_section(results) is None


def test_a_task_without_corruptions_has_no_section():
    results = make_results(make_scores())
    assert build_section(TaskResults("toy", "detection", "toy", results.sources)) is None
