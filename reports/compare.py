"""Two stores side by side: only what differs, tested where the images are the same.

python -m reports.compare runs-old runs              in the terminal
python -m reports.compare runs-old runs --to d.csv   what differs and the tests as a table

Records are paired by task, source and seed. Shown are those that one side lacks, facts of the
protocol that differ, numbers that differ, and what the differences are worth: of AP and IoU by
resampling the saved matches and counts as the report does, of fusion metrics by image.
"""

import argparse
import sys
import textwrap
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from shutil import get_terminal_size

import pandas as pd

from bench import cli
from bench.errors import BenchError
from reports.formats import plain
from reports.records import places, protocol
from reports.scores import sheets
from reports.scores.numbers import UNDEFINED
from reports.stores import tested
from reports.stores.pairs import Finished, Key, Pairs, change, differing, read
from reports.stores.tested import Tested, signed

COLUMNS = (
    *("task", "source", "seed", "level", "scene", "class", "metric", "A", "B", "difference"),
    *("low", "high", "p", "p Holm", "verdict", "test"),
)
Tests = Mapping[str, tuple[list[Tested], list[str]]]  # task to its tests, and to what has none


def tests(found: Pairs) -> Tests:
    """What the differences are worth, task by task."""
    return {
        task: tested.of(list(same))
        for task, same in groupby(found.both, key=lambda pair: pair[0].task)
    }


def text(found: Pairs, worth: Tests, width: int) -> str:
    """Everything that differs, task by task."""
    parts = [_count(found)]
    parts += [
        _alone(keys, side) for keys, side in ((found.only_a, "A"), (found.only_b, "B")) if keys
    ]
    for task, same in groupby(found.both, key=lambda pair: pair[0].task):
        pairs = list(same)
        made, untested = worth[task]
        prose = [*_facts(pairs), *untested, *(one.said for one in made)]
        said = [line for words in prose for line in textwrap.wrap(words, max(width - 4, 40))]
        said += _values(pairs, width - 2)
        parts.append("\n".join([task, *(f"  {line}" for line in said or ["nothing differs"])]))
    return plain.printable("\n\n".join(parts))


def sheet(found: Pairs, worth: Tests) -> pd.DataFrame:
    """Every number that differs, columns `COLUMNS`; fractions as in the records.

    A row is one score of one run, or one tested difference over the seeds that both stores have;
    the latter has no seed, the ends of its 95 % interval, and which ``test`` it is of.
    """
    rows: list[tuple[object, ...]] = []
    for key, a, b in found.both:
        seed = None if key.seed < 0 else key.seed
        rows += [
            (key.task, key.source, seed, *place.said, *values, change(*values))
            for place, values in differing(a.record, b.record)
        ]
    rows += [_worth(task, one) for task, (made, _) in worth.items() for one in made]
    full = [(*row, *[None] * (len(COLUMNS) - len(row))) for row in rows]
    table = pd.DataFrame(full, columns=list(COLUMNS))
    floats = dict.fromkeys(("A", "B", "difference", "low", "high", "p", "p Holm"), "float64")
    return table.astype({"seed": "Int64", **floats})


def _worth(task: str, of: Tested) -> tuple[object, ...]:
    low, high = of.interval or (None, None)
    where = (task, of.source, None, *places.simple(None, of.name, of.metric).said)
    ends = (low, high, of.p, of.adjusted, of.verdict, of.how)
    return (*where, of.a, of.b, of.b - of.a, *ends)


def _count(found: Pairs) -> str:
    said = f"Runs in both stores: {len(found.both)}"
    stale = found.stale
    return said + (f" (older records of the same runs, left out: {stale})" if stale else "")


def _alone(keys: Sequence[Key], side: str) -> str:
    lines = [f"  {key.name}" for key in keys]
    return "\n".join([f"Only in {side} ({len(keys)}):", *lines])


def _facts(pairs: Sequence[tuple[Key, Finished, Finished]]) -> list[str]:
    """Facts that differ, each once for all the runs in which it changes alike."""
    seen: dict[tuple[str, str, str], list[str]] = {}
    for key, a, b in pairs:
        one, other = protocol.facts(a.record), protocol.facts(b.record)
        for name in dict.fromkeys([*one, *other]):
            change = one.get(name, "not said"), other.get(name, "not said")
            if change[0] != change[1]:
                seen.setdefault((name, *change), []).append(key.run)
    lines = []
    for (name, one_says, other_says), runs in seen.items():
        who = "" if len(runs) == len(pairs) else f" ({', '.join(runs)})"
        lines.append(f"{name}: {one_says} | {other_says}{who}")
    return lines


def _values(pairs: Sequence[tuple[Key, Finished, Finished]], width: int) -> list[str]:
    """Scores on all images that differ, one line each; those of conditions are in the table."""
    rows = []
    for key, a, b in pairs:
        for place, values in differing(a.record, b.record):
            if place.scene is None:
                scale, decimals = _scale(a, b, place.metric)
                shown = [UNDEFINED if v is None else f"{v * scale:.{decimals}f}" for v in values]
                gap = change(*values)
                shown.append(UNDEFINED if gap is None else signed(gap * scale, decimals))
                rows.append([key.run, place.name or places.MEAN, place.metric, *shown])
    if not rows:
        return []
    return plain.aligned([["run", "class", "metric", "A", "B", "B - A"], *rows], width)


def _scale(a: Finished, b: Finished, metric: str) -> tuple[float, int]:
    column = a.record.columns.get(metric) or b.record.columns.get(metric)
    return (100.0, 2) if column and column.points and not column.unit else (1.0, 4)


def _parser() -> argparse.ArgumentParser:
    flags = argparse.ArgumentParser(
        prog="python -m reports.compare",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    flags.add_argument("a", type=Path, metavar="RUNS_A", help="a folder of results (--out)")
    flags.add_argument("b", type=Path, metavar="RUNS_B", help="another one")
    flags.add_argument("--task", action="append", help="only this task (may be repeated)")
    flags.add_argument("--to", type=Path, metavar="FILE", help="a CSV file for what differs")
    return flags


def _check_place(file: Path) -> None:
    """Refuse a place for the table before the work, not after it."""
    if file.is_dir():
        raise BenchError(f"--to {file}: is a folder; name a file")
    if not file.parent.is_dir():
        raise BenchError(f"--to {file}: there is no folder {file.parent}; make it first")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    args = _parser().parse_args(argv)
    try:
        if args.to:
            _check_place(args.to)
        found = read(args.a, args.b, args.task)
        worth = tests(found)
        print(text(found, worth, get_terminal_size().columns))
        if args.to:
            sheets.write(sheet(found, worth), args.to)
            print(f"\nTable: {args.to}")
    except (BenchError, OSError) as fault:
        print(f"reports.compare: {fault}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return cli.stopped("reports.compare")
    return 0


if __name__ == "__main__":
    sys.exit(main())
