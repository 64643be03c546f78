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

from bench import progress
from bench.errors import BenchError
from reports.records import saved
from reports.significance import synthetic, trials
from reports.significance.synthetic import World
from reports.significance.trials import Outcome, Saved, Whole

FALSE, COVERED = (0.03, 0.07), (0.92, 0.975)
HEAD = f"{'':44}{'trials':>7}{'false':>15}{'covered':>15}"


@dataclass(frozen=True)
class Setting:
    """Drawn detections.

    Attributes:
        sizes: Images per group.
        seeds: Trainings per pretended source.
        least: The lowest rate of false verdicts that is asked for.
    """

    name: str
    world: World
    sizes: Whole
    seeds: int
    least: float = FALSE[0]


def settings() -> list[Setting]:
    """What is tried: with and without sequences, few and unequal ones, one seed that decides."""
    clustered = World(group=0.8, group_luck=0.3)
    unequal = np.array([4, 6, 8, 12, 16, 20, 24, 32, 10, 14])
    alike = World(group=0.8, group_luck=0.3, seed=0.0)
    lone = World(group=0.0, group_luck=0.0)
    return [
        Setting("24 sequences of 8, 3 seeds", clustered, np.full(24, 8), 3),
        Setting("10 unequal sequences, 3 seeds", clustered, unequal, 3, least=0.0),
        Setting("192 single images, 3 seeds", lone, np.full(192, 1), 3),
        Setting("24 sequences of 8, 1 seed, none differ", alike, np.full(24, 8), 1),
    ]


def on_drawn(setting: Setting, number: int, resamples: int) -> dict[str, list[Outcome]]:
    """The outcomes of a setting by way of reckoning."""
    truth = float(synthetic.true_value(setting.world)[0])
    found: dict[str, list[Outcome]] = {}
    for trial in progress.each(range(number), setting.name):
        rng = np.random.default_rng((1, trial))
        each = trials.with_known_value(
            setting.world, setting.sizes, setting.seeds, truth, rng, resamples
        )
        for name, outcome in each.items():
            found.setdefault(name, []).append(outcome)
    if setting.seeds == 1:
        del found["seeds ignored"]
    if len(setting.sizes) == setting.sizes.sum():
        del found["groups ignored"]
    return found


def on_records(every: Sequence[Saved], number: int, resamples: int) -> Iterator[
    tuple[str, list[Outcome]]
]:  # fmt: skip
    """The outcomes on saved results, trial by trial another source."""
    several = [one for one in every if len(one.trainings) > 1]
    tried: list[tuple[str, Callable[..., Outcome | None], Sequence[Saved]]] = [
        (f"halves, {len(every)} source(s)", trials.halves, every),
        (f"seeds, {len(several)} source(s)", trials.seeds, several),
    ]
    for name, judge, sources in tried:
        if sources:
            found = [
                judge(sources[trial % len(sources)], np.random.default_rng((2, trial)), resamples)
                for trial in progress.each(range(number), name)
            ]
            yield name, [outcome for outcome in found if outcome]


def line(name: str, outcomes: Sequence[Outcome]) -> str:
    """A row of the table: rates in per cent, with their own standard errors."""
    known = [outcome.covered for outcome in outcomes if outcome.covered is not None]
    cells = _rate([outcome.false for outcome in outcomes]), _rate(known) if known else "-"
    return f"{name:44}{len(outcomes):7}{cells[0]:>15}{cells[1]:>15}"


def inside(outcomes: Sequence[Outcome], least: float) -> bool:
    """Whether both rates lie where they have to."""
    false = np.mean([outcome.false for outcome in outcomes])
    covered = np.mean([bool(outcome.covered) for outcome in outcomes])
    return bool(least <= false <= FALSE[1] and COVERED[0] <= covered <= COVERED[1])


def _rate(found: Sequence[bool]) -> str:
    share = float(np.mean(found)) if found else 0.0
    error = math.sqrt(share * (1 - share) / max(1, len(found)))
    return f"{100 * share:.1f} ± {100 * error:.1f} %"


def _flags() -> argparse.ArgumentParser:
    flags = argparse.ArgumentParser(
        prog="python -m reports.calibrate",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    flags.add_argument("--out", type=Path, default=Path("runs"), metavar="DIR")
    flags.add_argument("--trials", type=int, default=1000, metavar="N")
    flags.add_argument("--resamples", type=int, default=200, metavar="N", help="per trial")
    flags.add_argument("--no-records", action="store_true", help="drawn detections alone")
    return flags


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    args = _flags().parse_args(argv)
    try:
        for name in ("trials", "resamples"):
            if getattr(args, name) < 2:
                raise BenchError(f"--{name} {getattr(args, name)}: expected at least 2")
        every = [] if args.no_records else saved.sources(args.out)
    except (BenchError, OSError) as fault:
        sys.stderr.write(f"reports.calibrate: {fault}\n")
        return 2
    failed = False
    sys.stdout.write(f"{HEAD}\n")
    for setting in settings():
        for way, outcomes in on_drawn(setting, args.trials, args.resamples).items():
            mark = ""
            if way == "as reported" and not inside(outcomes, setting.least):
                failed, mark = True, "  outside"
            sys.stdout.write(f"{line(f'{setting.name}: {way}', outcomes)}{mark}\n")
            sys.stdout.flush()
    for name, outcomes in on_records(every, args.trials, args.resamples):
        sys.stdout.write(f"{line(name, outcomes)}\n")
    if not every and not args.no_records:
        sys.stdout.write(f"no records with saved matches under {args.out}\n")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
