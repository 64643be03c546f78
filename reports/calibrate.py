"""Check the statistics of the report: a source against itself, many times.

python -m reports.calibrate                  drawn detections, then the records under --out
python -m reports.calibrate --trials 4000    more trials than 1000
python -m reports.calibrate --no-records     drawn detections alone

false: how often a source was called better or worse than itself at a nominal 5 %. covered: how
often the 95 % interval held the true value, which is known for drawn detections. "as reported"
has to lie within 3 to 7 % (few unequal sequences: below 7 %) and 92 to 97.5 %; "groups ignored"
and "seeds ignored" show what is lost without them. Exit status 1 if a rate that is asked for lies
outside.

Records: "halves" compares the same trainings on two random halves of the sequences; "seeds"
trainings of a source with others of it, on a random half.
"""

import argparse
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fusebench.errors import UserError
from fusebench.runtime import command_name, progress
from reports.results import calibration_data
from reports.statistics import calibration_trials, synthetic_detections
from reports.statistics.calibration_trials import IntArray, ScorableSource, TrialOutcome
from reports.statistics.synthetic_detections import DetectorModel

FALSE_VERDICT_RANGE, COVERAGE_RANGE = (0.03, 0.07), (0.92, 0.975)
TABLE_HEADER = f"{'':44}{'trials':>7}{'false':>15}{'covered':>15}"


@dataclass(frozen=True)
class CalibrationSetting:
    """Drawn detections.

    Attributes:
        sizes: Images per group.
        seeds: Trainings per pretended source.
        least: The lowest rate of false verdicts that is asked for.
    """

    name: str
    detector_model: DetectorModel
    sequence_sizes: IntArray
    seed_count: int
    min_false_rate: float = FALSE_VERDICT_RANGE[0]


def build_settings() -> list[CalibrationSetting]:
    """What is tried: with and without sequences, few and unequal ones, one seed that decides."""
    clustered = DetectorModel(group_std=0.8, seed_group_std=0.3)
    unequal = np.array([4, 6, 8, 12, 16, 20, 24, 32, 10, 14])
    alike = DetectorModel(group_std=0.8, seed_group_std=0.3, seed_std=0.0)
    lone = DetectorModel(group_std=0.0, seed_group_std=0.0)
    return [
        CalibrationSetting("24 sequences of 8, 3 seeds", clustered, np.full(24, 8), 3),
        CalibrationSetting(
            "10 unequal sequences, 3 seeds", clustered, unequal, 3, min_false_rate=0.0
        ),
        CalibrationSetting("192 single images, 3 seeds", lone, np.full(192, 1), 3),
        CalibrationSetting("24 sequences of 8, 1 seed, none differ", alike, np.full(24, 8), 1),
    ]


def run_simulated_trials(
    setting: CalibrationSetting, number: int, resamples: int
) -> dict[str, list[TrialOutcome]]:
    """The outcomes of a setting by way of reckoning."""
    truth = float(synthetic_detections.compute_true_average_precision(setting.detector_model)[0])
    found: dict[str, list[TrialOutcome]] = {}
    for trial in progress.track_progress(range(number), setting.name):
        rng = np.random.default_rng((1, trial))
        each = calibration_trials.run_synthetic_trial(
            setting.detector_model,
            setting.sequence_sizes,
            setting.seed_count,
            truth,
            rng,
            resamples,
        )
        for name, outcome in each.items():
            found.setdefault(name, []).append(outcome)
    if setting.seed_count == 1:
        del found["seeds ignored"]
    if len(setting.sequence_sizes) == setting.sequence_sizes.sum():
        del found["groups ignored"]
    return found


def run_resampled_trials(every: Sequence[ScorableSource], number: int, resamples: int) -> Iterator[
    tuple[str, list[TrialOutcome]]
]:  # fmt: skip
    """The outcomes on saved results, trial by trial another source."""
    several = [one for one in every if len(one.score_functions) > 1]
    tried: list[tuple[str, Callable[..., TrialOutcome | None], Sequence[ScorableSource]]] = [
        (f"halves, {len(every)} source(s)", calibration_trials.run_split_half_trial, every),
        (f"seeds, {len(several)} source(s)", calibration_trials.run_seed_trial, several),
    ]
    for name, judge, sources in tried:
        if sources:
            found = [
                judge(sources[trial % len(sources)], np.random.default_rng((2, trial)), resamples)
                for trial in progress.track_progress(range(number), name)
            ]
            yield name, [outcome for outcome in found if outcome]


def format_row(name: str, outcomes: Sequence[TrialOutcome]) -> str:
    """A row of the table: rates in per cent, with their own standard errors."""
    known = [
        outcome.covers_true_value for outcome in outcomes if outcome.covers_true_value is not None
    ]
    cells = (
        _format_rate([outcome.is_false_finding for outcome in outcomes]),
        _format_rate(known) if known else "-",
    )
    return f"{name:44}{len(outcomes):7}{cells[0]:>15}{cells[1]:>15}"


def are_rates_in_range(outcomes: Sequence[TrialOutcome], least: float) -> bool:
    """Whether both rates lie where they have to."""
    false = np.mean([outcome.is_false_finding for outcome in outcomes])
    covered = np.mean([bool(outcome.covers_true_value) for outcome in outcomes])
    return bool(
        least <= false <= FALSE_VERDICT_RANGE[1]
        and COVERAGE_RANGE[0] <= covered <= COVERAGE_RANGE[1]
    )


def _format_rate(found: Sequence[bool]) -> str:
    share = float(np.mean(found)) if found else 0.0
    error = math.sqrt(share * (1 - share) / max(1, len(found)))
    return f"{100 * share:.1f} ± {100 * error:.1f} %"


def _build_parser() -> argparse.ArgumentParser:
    flags = argparse.ArgumentParser(
        prog=command_name.get_command_name("reports.calibrate"),
        description=command_name.format_description("reports.calibrate", __doc__),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    flags.add_argument("--out", type=Path, default=Path("runs"), metavar="DIR")
    flags.add_argument("--trials", type=int, default=1000, metavar="N")
    flags.add_argument("--resamples", type=int, default=200, metavar="N", help="per trial")
    flags.add_argument("--no-records", action="store_true", help="drawn detections alone")
    return flags


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    args = _build_parser().parse_args(argv)
    try:
        for name in ("trials", "resamples"):
            if getattr(args, name) < 2:
                raise UserError(f"--{name} {getattr(args, name)}: expected at least 2")
        every = [] if args.no_records else calibration_data.load_scorable_sources(args.out)
    except (UserError, OSError) as fault:
        sys.stderr.write(f"reports.calibrate: {fault}\n")
        return 2
    failed = False
    sys.stdout.write(f"{TABLE_HEADER}\n")
    for setting in build_settings():
        for way, outcomes in run_simulated_trials(setting, args.trials, args.resamples).items():
            mark = ""
            if way == "as reported" and not are_rates_in_range(outcomes, setting.min_false_rate):
                failed, mark = True, "  outside"
            sys.stdout.write(f"{format_row(f'{setting.name}: {way}', outcomes)}{mark}\n")
            sys.stdout.flush()
    for name, outcomes in run_resampled_trials(every, args.trials, args.resamples):
        sys.stdout.write(f"{format_row(name, outcomes)}\n")
    if not every and not args.no_records:
        sys.stdout.write(f"no records with saved matches under {args.out}\n")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
