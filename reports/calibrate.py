"""Calibrate the report's statistics: compare a source with itself, many times (A/A test).

python -m reports.calibrate                  simulated detections, then the records under --out
python -m reports.calibrate --trials 4000    instead of 1000
python -m reports.calibrate --no-records     simulated detections only

false: share of trials in which a source is called better or worse than itself (nominal 5 %).
covered: share of 95 % intervals that contain the true value, which is known for simulated
detections. "as reported" must give 3 to 7 % (below 7 % with few unequal sequences) and 92 to
97.5 %; "groups ignored" and "seeds ignored" show what ignoring them costs. Exit status 1 if a
required rate is out of range.

Ranks: several detectors whose order is known. false: two equal ones have no letter in common
(required: at most 7 %); covered: all rank sets hold the true ranks (at least 92.5 %; where sources
differ clearly, more). Attributes: false is a correlation that is shown where there is none, and
"A/A table" any finding in a table of 9 attributes and 3 sources (at most 7 %).

Records: "halves" compares the same trained models on two random halves of the sequences; "seeds"
compares seeds of a source with other seeds of it, on a random half.
"""

import argparse
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from fusebench import cli
from fusebench.config.paths import expand_home
from fusebench.errors import UserError
from fusebench.runtime import command_name, printable, progress
from fusebench.runtime.printable import ArgumentParser
from fusebench.runtime.program import run_program
from reports.results import calibration_data
from reports.statistics import (
    attribute_trials,
    calibration_trials,
    rank_trials,
    synthetic_detections,
)
from reports.statistics.attribute_trials import AttributeModel
from reports.statistics.calibration_trials import IntArray, ScorableSource, TrialOutcome
from reports.statistics.synthetic_detections import DetectorModel

FALSE_VERDICT_RANGE, COVERAGE_RANGE = (0.03, 0.07), (0.92, 0.975)
CLAIM_COVERAGE_RANGE = (0.925, 0.975)
RANKED_SKILLS = {  # mean skills of the sources
    "5 equal sources": (1.0, 1.0, 1.0, 1.0, 1.0),
    "3 equal, 2 equal and worse": (1.0, 1.0, 1.0, 0.6, 0.6),
    "4 in order": (1.2, 1.0, 0.9, 0.5),
}
TrialFunction = Callable[[np.random.Generator], TrialOutcome | None]
MAX_COUNT = 1_000_000  # of trials, and of resamples in each
TABLE_HEADER = f"{'':44}{'trials':>7}{'false':>15}{'covered':>15}"


@dataclass(frozen=True)
class CalibrationSetting:
    """Simulated detections of one kind.

    Attributes:
        name: Printed in the table.
        detector_model: Distribution of the simulated detections.
        sequence_sizes: Images per sequence.
        seed_count: Seeds per simulated source.
        min_false_rate: Lowest accepted rate of false verdicts.
    """

    name: str
    detector_model: DetectorModel
    sequence_sizes: IntArray
    seed_count: int
    min_false_rate: float = FALSE_VERDICT_RANGE[0]


def build_settings() -> list[CalibrationSetting]:
    """Build the settings: with and without sequences, few unequal ones, a single seed."""
    clustered = DetectorModel(group_std=0.8, seed_group_std=0.3)
    unequal = np.array([4, 6, 8, 12, 16, 20, 24, 32, 10, 14])
    without_seed_variance = DetectorModel(group_std=0.8, seed_group_std=0.3, seed_std=0.0)
    unclustered = DetectorModel(group_std=0.0, seed_group_std=0.0)
    return [
        CalibrationSetting("24 sequences of 8, 3 seeds", clustered, np.full(24, 8), 3),
        CalibrationSetting(
            "10 unequal sequences, 3 seeds", clustered, unequal, 3, min_false_rate=0.0
        ),
        CalibrationSetting("192 single images, 3 seeds", unclustered, np.full(192, 1), 3),
        CalibrationSetting(
            "24 sequences of 8, 1 seed, no seed variance", without_seed_variance, np.full(24, 8), 1
        ),
    ]


def run_simulated_trials(
    setting: CalibrationSetting, trial_count: int, resample_count: int
) -> dict[str, list[TrialOutcome]]:
    """Run trials on simulated detections; return the outcomes by method of analysis."""
    model = setting.detector_model
    truth = float(synthetic_detections.compute_true_average_precision(model)[0])
    outcomes: dict[str, list[TrialOutcome]] = {}
    for trial in progress.track_progress(range(trial_count), setting.name):
        by_method = calibration_trials.run_synthetic_trial(
            model,
            setting.sequence_sizes,
            setting.seed_count,
            truth,
            np.random.default_rng((1, trial)),
            resample_count,
        )
        for method, outcome in by_method.items():
            outcomes.setdefault(method, []).append(outcome)
    # methods that ignore what the setting does not have
    if setting.seed_count == 1:
        del outcomes["seeds ignored"]
    if len(setting.sequence_sizes) == setting.sequence_sizes.sum():
        del outcomes["groups ignored"]
    return outcomes


def build_claim_trials(resample_count: int) -> dict[str, tuple[TrialFunction, bool]]:
    """Build the trials of ranks and attributes.

    Returns:
        Name to trial, and whether its coverage may be above the nominal one: sets of ranks are
        conservative.
    """
    clustered = DetectorModel(group_std=0.8, seed_group_std=0.3)
    even, uneven = np.full(24, 8), np.array([4, 6, 8, 12, 16, 20, 24, 32, 10, 14])
    trials: dict[str, tuple[TrialFunction, bool]] = {}
    for name, skills in RANKED_SKILLS.items():
        trials[f"ranks, 3 seeds: {name}"] = (
            partial(_run_rank_trial, clustered, skills, even, resample_count),
            True,
        )
    for name, sizes in (("24 sequences of 8", even), ("10 unequal sequences", uneven)):
        for correlation in (0.0, 0.6):
            model = AttributeModel(sizes, correlation=correlation)
            trials[f"rank correlation, {name}, r {correlation:g}"] = (
                partial(attribute_trials.run_correlation_trial, model),
                False,
            )
        null = AttributeModel(sizes)
        trials[f"mean over images, {name}"] = (
            partial(attribute_trials.run_mean_trial, null),
            False,
        )
        trials[f"A/A table of attributes, {name}"] = (
            partial(attribute_trials.run_table_trial, null),
            False,
        )
    return trials


def is_claim_in_range(outcomes: Sequence[TrialOutcome], *, is_conservative: bool) -> bool:
    """Return whether false findings and coverage of ranks or attributes are in range."""
    false_rate = np.mean([outcome.is_false_finding for outcome in outcomes])
    covered = [
        outcome.covers_true_value for outcome in outcomes if outcome.covers_true_value is not None
    ]
    highest = 1.0 if is_conservative else CLAIM_COVERAGE_RANGE[1]
    is_covered = not covered or CLAIM_COVERAGE_RANGE[0] <= np.mean(covered) <= highest
    return bool(false_rate <= FALSE_VERDICT_RANGE[1] and is_covered)


def _run_rank_trial(
    model: DetectorModel,
    skills: Sequence[float],
    sizes: IntArray,
    resample_count: int,
    rng: np.random.Generator,
) -> TrialOutcome:
    return rank_trials.run_rank_trial(model, skills, sizes, 3, rng, resample_count)


def _run_claims(trial_count: int, resample_count: int) -> bool:
    """Run and print the trials of ranks and attributes; return whether all are in range."""
    all_in_range = True
    for name, (run_trial, is_conservative) in build_claim_trials(resample_count).items():
        outcomes = [
            outcome
            for trial in progress.track_progress(range(trial_count), name)
            if (outcome := run_trial(np.random.default_rng((3, trial)))) is not None
        ]
        is_in_range = is_claim_in_range(outcomes, is_conservative=is_conservative)
        all_in_range &= is_in_range
        remark = "" if is_in_range else "  out of range"
        printable.print_text(f"{format_row(name, outcomes)}{remark}")
        sys.stdout.flush()
    return all_in_range


def run_resampled_trials(
    sources: Sequence[ScorableSource], trial_count: int, resample_count: int
) -> Iterator[tuple[str, list[TrialOutcome]]]:
    """Run trials on stored results, in turn on every source; yield name and outcomes."""
    with_seeds = [source for source in sources if len(source.score_functions) > 1]
    trials: list[tuple[str, Callable[..., TrialOutcome | None], Sequence[ScorableSource]]] = [
        (f"halves, {len(sources)} source(s)", calibration_trials.run_split_half_trial, sources),
        (f"seeds, {len(with_seeds)} source(s)", calibration_trials.run_seed_trial, with_seeds),
    ]
    for name, run_trial, candidates in trials:
        if candidates:
            outcomes = [
                run_trial(
                    candidates[trial % len(candidates)],
                    np.random.default_rng((2, trial)),
                    resample_count,
                )
                for trial in progress.track_progress(range(trial_count), name)
            ]
            yield name, [outcome for outcome in outcomes if outcome]


def format_row(name: str, outcomes: Sequence[TrialOutcome]) -> str:
    """Format a row of the table: both rates in percent, with their standard errors."""
    false = _format_rate([outcome.is_false_finding for outcome in outcomes])
    coverage = [
        outcome.covers_true_value for outcome in outcomes if outcome.covers_true_value is not None
    ]
    covered = _format_rate(coverage) if coverage else "-"
    return f"{name:44}{len(outcomes):7}{false:>15}{covered:>15}"


def are_rates_in_range(outcomes: Sequence[TrialOutcome], min_false_rate: float) -> bool:
    """Return whether the rate of false verdicts and the coverage are in the required range."""
    false_rate = np.mean([outcome.is_false_finding for outcome in outcomes])
    coverage = np.mean([bool(outcome.covers_true_value) for outcome in outcomes])
    return bool(
        min_false_rate <= false_rate <= FALSE_VERDICT_RANGE[1]
        and COVERAGE_RANGE[0] <= coverage <= COVERAGE_RANGE[1]
    )


def _format_rate(events: Sequence[bool]) -> str:
    """Format the share p of true events, and its standard error sqrt(p (1 - p) / n)."""
    share = float(np.mean(events)) if events else 0.0
    error = math.sqrt(share * (1 - share) / max(1, len(events)))
    return f"{100 * share:.1f} ± {100 * error:.1f} %"


def _build_parser() -> argparse.ArgumentParser:
    parser = ArgumentParser(
        prog=command_name.get_command_name("reports.calibrate"),
        description=command_name.format_description("reports.calibrate", __doc__),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--out", type=expand_home, default=Path("runs"), metavar="DIR")
    parser.add_argument("--trials", type=int, default=1000, metavar="N")
    parser.add_argument("--resamples", type=int, default=200, metavar="N", help="per trial")
    parser.add_argument("--no-records", action="store_true", help="simulated detections only")
    return parser


def _run_settings(trial_count: int, resample_count: int) -> bool:
    """Run and print all settings; return whether all required rates are in range."""
    all_in_range = True
    for setting in build_settings():
        by_method = run_simulated_trials(setting, trial_count, resample_count)
        for method, outcomes in by_method.items():
            remark = ""
            if method == "as reported" and not are_rates_in_range(outcomes, setting.min_false_rate):
                all_in_range, remark = False, "  out of range"
            printable.print_text(f"{format_row(f'{setting.name}: {method}', outcomes)}{remark}")
            sys.stdout.flush()
    return all_in_range


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    args = _build_parser().parse_args(argv)
    try:
        for name in ("trials", "resamples"):
            if not 2 <= getattr(args, name) <= MAX_COUNT:
                raise UserError(
                    f"--{name} {getattr(args, name)}: expected at least 2, at most {MAX_COUNT}"
                )
        sources = [] if args.no_records else calibration_data.load_scorable_sources(args.out)
    except Exception as error:  # noqa: BLE001 - a bug is raised again
        return cli.report_error("reports.calibrate", error)
    printable.print_text(TABLE_HEADER)
    all_in_range = _run_settings(args.trials, args.resamples)
    all_in_range &= _run_claims(args.trials, args.resamples)
    for name, outcomes in run_resampled_trials(sources, args.trials, args.resamples):
        printable.print_text(f"{format_row(name, outcomes)}")
    if not sources and not args.no_records:
        printable.print_text(f"no records with saved matches or counts under {args.out}")
    return int(not all_in_range)


if __name__ == "__main__":
    run_program(main)
