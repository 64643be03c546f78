"""Two stores side by side: only what differs, tested where the images are the same.

python -m reports.compare runs-old runs              in the terminal
python -m reports.compare runs-old runs --to d.csv   every number that differs as a table too

Records are paired by task, source and seed. Shown are those that one side lacks, facts of the
protocol that differ, numbers that differ, and the mean difference per image with its interval.
"""

import argparse
import math
import sys
import textwrap
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from shutil import get_terminal_size

import pandas as pd

from bench import cli
from bench.errors import BenchError
from reports import paired, plain, protocol, sheets
from reports.numbers import MINUS, UNDEFINED
from reports.pairs import Finished, Key, Pairs, change, groups, numbers, per_image, read

COLUMNS = ("task", "source", "seed", "scene", "class", "metric", "A", "B", "difference")


def text(found: Pairs, width: int) -> str:
    """Everything that differs, task by task."""
    parts = [_count(found)]
    parts += [
        _alone(keys, side) for keys, side in ((found.only_a, "A"), (found.only_b, "B")) if keys
    ]
    for task, same in groupby(found.both, key=lambda pair: pair[0].task):
        pairs = list(same)
        prose = [*_facts(pairs), *_tests(pairs)]
        said = [line for words in prose for line in textwrap.wrap(words, max(width - 4, 40))]
        said += _values(pairs, width - 2)
        parts.append("\n".join([task, *(f"  {line}" for line in said or ["nothing differs"])]))
    return plain.printable("\n\n".join(parts))


def sheet(found: Pairs) -> pd.DataFrame:
    """Every number that differs, columns `COLUMNS`; fractions as in the records."""
    rows = [
        (key.task, key.source, key.seed, *name, *values, change(*values))
        for key, a, b in found.both
        for name, values in _differing(a, b)
    ]
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    floats = dict.fromkeys(("A", "B", "difference"), "float64")
    return table.astype({"seed": "Int64", **floats})


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
        for (scene, of, metric), values in _differing(a, b):
            if scene == "all":
                scale, decimals = _scale(a, b, metric)
                shown = [UNDEFINED if v is None else f"{v * scale:.{decimals}f}" for v in values]
                gap = change(*values)
                shown.append(UNDEFINED if gap is None else _signed(gap * scale, decimals))
                rows.append([key.run, of, metric, *shown])
    if not rows:
        return []
    return plain.aligned([["run", "class", "metric", "A", "B", "B - A"], *rows], width)


def _tests(pairs: Sequence[tuple[Key, Finished, Finished]]) -> list[str]:
    """Per source the mean difference per image, over the seeds that both stores have."""
    lines = []
    for source, same in groupby(pairs, key=lambda pair: pair[0].source):
        runs = list(same)
        _, a, b = runs[0]
        if not a.same_images(b):
            lines.append(f"{source}: other test images in A and B, not tested")
            continue
        first, second = per_image([one for _, one, _ in runs]), per_image([one for *_, one in runs])
        for name in first:
            if first[name] != second.get(name, {}):
                found = paired.compare(first[name], second.get(name, {}), groups(b))
                if found:
                    lines.append(f"{source}, {name}: {_said(found)}")
    return lines


def _said(found: paired.Difference) -> str:
    said = f"B - A {_signed(found.mean, 4)} on {found.images} images in {found.groups} groups"
    if found.interval is None:
        return f"{said}, too few groups for an interval"
    low, high = (_signed(end, 4) for end in found.interval)
    said += f", 95 % interval {low} to {high}"
    if found.p is not None:
        said += f", p = {found.p:.3f}" if found.p >= 0.001 else ", p < 0.001"
    shown = found.interval[0] > 0 or found.interval[1] < 0
    return said + (": a difference is shown" if shown else ": no difference shown")


def _differing(
    a: Finished, b: Finished
) -> Iterator[tuple[tuple[str, str, str], tuple[float | None, float | None]]]:
    one, other = numbers(a.record), numbers(b.record)
    for name in dict.fromkeys([*one, *other]):
        values = one.get(name), other.get(name)
        if not _same(*values):
            yield name, values


def _same(a: float | None, b: float | None) -> bool:
    """Whether two scores are one: the last digits are another machine's rounding."""
    return a is b if a is None or b is None else math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-12)


def _scale(a: Finished, b: Finished, metric: str) -> tuple[float, int]:
    column = a.record.columns.get(metric) or b.record.columns.get(metric)
    return (100.0, 2) if column and column.points and not column.unit else (1.0, 4)


def _signed(value: float, decimals: int) -> str:
    return f"{value:+.{decimals}f}".replace("-", MINUS)


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


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    args = _parser().parse_args(argv)
    try:
        found = read(args.a, args.b, args.task)
        print(text(found, get_terminal_size().columns))
        if args.to:
            sheets.write(sheet(found), args.to)
            print(f"\nTable: {args.to}")
    except (BenchError, OSError) as fault:
        print(f"reports.compare: {fault}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return cli.stopped("reports.compare")
    return 0


if __name__ == "__main__":
    sys.exit(main())
