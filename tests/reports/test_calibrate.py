"""A/A tests of the statistics with few trials; `python -m reports.calibrate` runs many."""

import numpy as np
import pytest

from fusebench.evaluation import average_precision
from reports import calibrate
from reports.statistics import attribute_trials, calibration_trials, synthetic_detections
from reports.statistics.attribute_trials import AttributeModel
from reports.statistics.calibration_trials import ScorableSource, TrialOutcome
from reports.statistics.synthetic_detections import DetectorModel


def compute_rates(model, sizes, seeds, trial_count):
    """Compute the rates of false findings and of coverage by variant of the statistics."""
    truth = float(synthetic_detections.compute_true_average_precision(model)[0])
    trials = [
        calibration_trials.run_synthetic_trial(
            model, np.array(sizes), seeds, truth, np.random.default_rng((1, trial)), 100
        )
        for trial in range(trial_count)
    ]
    return {
        variant: (
            np.mean([trial[variant].is_false_finding for trial in trials]),
            np.mean([trial[variant].covers_true_value for trial in trials]),
        )
        for variant in trials[0]
    }


def test_the_true_average_precision_is_the_mean_over_large_samples():
    model = DetectorModel()
    values = []
    for rng in map(np.random.default_rng, range(12)):
        truth = synthetic_detections.generate_ground_truth(model, np.ones(4000, int), rng)
        matches = synthetic_detections.simulate_detections(model, truth, rng)
        values.append(average_precision.unweighted_average_precision(matches))
    assert synthetic_detections.compute_true_average_precision(model) == pytest.approx(
        np.mean(values, axis=0), abs=0.03
    )


def test_the_interval_covers_the_true_value_only_if_groups_are_resampled_as_a_whole():
    model = DetectorModel(group_std=1.2, seed_group_std=0.3, seed_std=0.02)
    rates = compute_rates(model, [10] * 16, 1, 60)
    assert rates["as reported"][1] > 0.85
    assert rates["groups ignored"][1] < 0.75


@pytest.mark.slow
def test_false_findings_and_coverage_are_near_their_nominal_rates():
    rates = compute_rates(DetectorModel(group_std=0.8, seed_group_std=0.3), [8] * 24, 3, 400)
    assert 0.03 <= rates["as reported"][0] <= 0.07
    assert 0.92 <= rates["as reported"][1] <= 0.975
    assert rates["groups ignored"][1] < 0.85
    assert rates["seeds ignored"][0] > 0.1


def test_halves_of_one_source_differ_at_the_nominal_rate():
    rng = np.random.default_rng(5)
    per_image = rng.normal(0.5, 0.2, (2, 60))
    score_functions = tuple(lambda w, x=x: (w @ x) / w.sum(axis=1) for x in per_image)
    groups = tuple(f"{i // 2:02}" for i in range(60))
    source = ScorableSource("toy", score_functions, groups, np.ones((1, 60)))
    outcomes = [
        calibration_trials.run_split_half_trial(source, np.random.default_rng(i), 100)
        for i in range(200)
    ]
    false_rate = np.mean([outcome.is_false_finding for outcome in outcomes])
    assert false_rate == pytest.approx(0.05, abs=0.045)


@pytest.mark.parametrize("flags", [["--trials", "1"], ["--resamples", "0"]])
def test_too_few_trials_are_refused_in_one_line(flags, capsys):
    assert calibrate.main(flags) == 2
    assert capsys.readouterr().err == (
        f"reports.calibrate: {flags[0]} {flags[1]}: expected at least 2, at most 1000000\n"
    )


def test_the_table_has_a_row_per_variant(monkeypatch, tmp_path, capsys):
    setting = calibrate.CalibrationSetting("few", DetectorModel(), np.full(6, 2), 2)
    monkeypatch.setattr(calibrate, "build_settings", lambda: [setting])
    monkeypatch.setattr(calibrate, "RANKED_SKILLS", {"2 equal sources": (1.0, 1.0)})
    calibrate.main(["--trials", "3", "--resamples", "10", "--out", str(tmp_path)])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["trials", "false", "covered"]
    assert [line.split(":")[1].split("  ")[0].strip() for line in lines[1:4]] == [
        "as reported",
        "seeds ignored",
        "groups ignored",
    ]
    assert [line.split("  ")[0] for line in lines[4:]][:2] == [
        "ranks, 3 seeds: 2 equal sources",
        "rank correlation, 24 sequences of 8, r 0",
    ]
    assert sum(line.startswith("A/A table of attributes") for line in lines) == 2
    assert lines[-1] == f"no records with saved matches or counts under {tmp_path}"


def test_rates_of_ranks_may_be_conservative_and_those_of_intervals_may_not():
    always = [TrialOutcome(False, True)] * 50
    assert calibrate.is_claim_in_range(always, is_conservative=True)
    assert not calibrate.is_claim_in_range(always, is_conservative=False)
    assert calibrate.is_claim_in_range([TrialOutcome(False)] * 50, is_conservative=False)
    often_false = [TrialOutcome(i < 5, True) for i in range(50)]
    assert not calibrate.is_claim_in_range(often_false, is_conservative=True)
    rarely_covered = [TrialOutcome(False, i >= 5) for i in range(50)]
    assert not calibrate.is_claim_in_range(rarely_covered, is_conservative=True)


@pytest.mark.parametrize("sizes", [[6] * 20, [10, 20, 11, 15, 13, 12]])
def test_a_table_of_unrelated_attributes_rarely_has_a_finding(sizes):
    model = AttributeModel(np.array(sizes))
    outcomes = [
        attribute_trials.run_table_trial(model, np.random.default_rng((1, trial)))
        for trial in range(25)
    ]
    assert np.mean([outcome.is_false_finding for outcome in outcomes]) <= 0.12
