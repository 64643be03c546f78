"""A source against itself: few trials here; `python -m reports.calibrate` makes many."""

import numpy as np
import pytest

from reports import calibrate
from reports.statistics import calibration_trials, synthetic_detections
from reports.statistics.calibration_trials import ScorableSource
from reports.statistics.synthetic_detections import DetectorModel


def rates(world, sizes, seeds, number):
    truth = float(synthetic_detections.compute_true_average_precision(world)[0])
    every = [
        calibration_trials.run_synthetic_trial(
            world, np.array(sizes), seeds, truth, np.random.default_rng((1, i)), 100
        )
        for i in range(number)
    ]
    return {
        way: (
            np.mean([e[way].is_false_finding for e in every]),
            np.mean([e[way].covers_true_value for e in every]),
        )
        for way in every[0]
    }


def test_the_true_value_is_what_large_samples_come_to():
    world = DetectorModel()
    values = [
        calibration_trials.average_precision.plain(
            synthetic_detections.simulate_detections(
                world,
                synthetic_detections.generate_ground_truth(world, np.ones(4000, int), rng),
                rng,
            )
        )
        for rng in map(np.random.default_rng, range(12))
    ]
    expected = np.mean(values, axis=0)
    assert synthetic_detections.compute_true_average_precision(world) == pytest.approx(
        expected, abs=0.03
    )


def test_without_groups_the_interval_misses_and_with_them_it_holds():
    found = rates(DetectorModel(group_std=1.2, seed_group_std=0.3, seed_std=0.02), [10] * 16, 1, 60)
    assert found["as reported"][1] > 0.85
    assert found["groups ignored"][1] < 0.75


@pytest.mark.slow
def test_rates_hold_what_they_promise():
    found = rates(DetectorModel(group_std=0.8, seed_group_std=0.3), [8] * 24, 3, 400)
    assert 0.03 <= found["as reported"][0] <= 0.07
    assert 0.92 <= found["as reported"][1] <= 0.975
    assert found["groups ignored"][1] < 0.85
    assert found["seeds ignored"][0] > 0.1


def test_halves_of_saved_results_are_found_apart_as_rarely_as_promised():
    rng = np.random.default_rng(5)
    per_image = rng.normal(0.5, 0.2, (2, 60))
    scores = tuple(lambda w, x=x: (w @ x) / w.sum(axis=1) for x in per_image)
    groups = tuple(f"{i // 2:02}" for i in range(60))
    of = ScorableSource("toy", scores, groups, np.ones((1, 60)))
    found = [
        calibration_trials.run_split_half_trial(of, np.random.default_rng(i), 100)
        for i in range(200)
    ]
    assert np.mean([each.is_false_finding for each in found]) == pytest.approx(0.05, abs=0.045)


@pytest.mark.parametrize("flags", [["--trials", "1"], ["--resamples", "0"]])
def test_too_few_trials_are_refused_in_one_line(flags, capsys):
    assert calibrate.main(flags) == 2
    assert capsys.readouterr().err == (
        f"reports.calibrate: {flags[0]} {flags[1]}: expected at least 2\n"
    )


def test_the_table_says_rates_and_their_errors(monkeypatch, tmp_path, capsys):
    one = calibrate.CalibrationSetting("few", DetectorModel(), np.full(6, 2), 2)
    monkeypatch.setattr(calibrate, "build_settings", lambda: [one])
    calibrate.main(["--trials", "3", "--resamples", "10", "--out", str(tmp_path)])
    out = capsys.readouterr().out.splitlines()
    assert out[0].split() == ["trials", "false", "covered"]
    assert [line.split(":")[1].split("  ")[0].strip() for line in out[1:4]] == [
        "as reported",
        "seeds ignored",
        "groups ignored",
    ]
    assert out[-1] == f"no records with saved matches under {tmp_path}"
