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

from fusebench import cli
from fusebench.errors import UserError
from fusebench.runtime import command_name
from reports.formats import terminal
from reports.results import protocol, score_index
from reports.run_comparison import tested_changes
from reports.run_comparison.matched_records import (
    MatchedRuns,
    RunKey,
    StoredRun,
    find_differing_scores,
    read_matched_runs,
    subtract_scores,
)
from reports.run_comparison.tested_changes import ChangeTestResult, format_signed_number
from reports.tables import csv_files
from reports.tables.number_format import UNDEFINED

COLUMNS = (
    *("task", "source", "seed", "level", "condition", "class", "metric", "A", "B", "difference"),
    *("low", "high", "p", "p Holm", "verdict", "test"),
)
TestsByTask = Mapping[
    str, tuple[list[ChangeTestResult], list[str]]
]  # task to its tests, and to what has none


def run_tests(found: MatchedRuns) -> TestsByTask:
    """What the differences are worth, task by task."""
    return {
        task: tested_changes.run_change_tests(list(same))
        for task, same in groupby(found.in_both, key=lambda pair: pair[0].task)
    }


def format_comparison(found: MatchedRuns, worth: TestsByTask, width: int) -> str:
    """Everything that differs, task by task."""
    parts = [_format_run_count(found)]
    parts += [
        _format_unmatched_runs(keys, side)
        for keys, side in ((found.only_in_a, "A"), (found.only_in_b, "B"))
        if keys
    ]
    for task, same in groupby(found.in_both, key=lambda pair: pair[0].task):
        pairs = list(same)
        made, untested = worth[task]
        prose = [*_format_protocol_changes(pairs), *untested, *(one.description for one in made)]
        said = [line for words in prose for line in textwrap.wrap(words, max(width - 4, 40))]
        said += _format_score_changes(pairs, width - 2)
        parts.append("\n".join([task, *(f"  {line}" for line in said or ["nothing differs"])]))
    return terminal.replace_control_characters("\n\n".join(parts))


def build_dataframe(found: MatchedRuns, worth: TestsByTask) -> pd.DataFrame:
    """Every number that differs, columns `COLUMNS`; fractions as in the records.

    A row is one score of one run, or one tested difference over the seeds that both stores have;
    the latter has no seed, the ends of its 95 % interval, and which ``test`` it is of.
    """
    rows: list[tuple[object, ...]] = []
    for key, a, b in found.in_both:
        seed = None if key.seed < 0 else key.seed
        rows += [
            (key.task, key.source, seed, *place.labels, *values, subtract_scores(*values))
            for place, values in find_differing_scores(a.record, b.record)
        ]
    rows += [_build_test_row(task, one) for task, (made, _) in worth.items() for one in made]
    full = [(*row, *[None] * (len(COLUMNS) - len(row))) for row in rows]
    table = pd.DataFrame(full, columns=list(COLUMNS))
    floats = dict.fromkeys(("A", "B", "difference", "low", "high", "p", "p Holm"), "float64")
    return table.astype({"seed": "Int64", **floats})


def _build_test_row(task: str, of: ChangeTestResult) -> tuple[object, ...]:
    low, high = of.interval or (None, None)
    where = (
        task,
        of.source,
        None,
        *score_index.locate_score(None, of.class_name, of.metric).labels,
    )
    ends = (low, high, of.p_value, of.adjusted_p_value, of.verdict, of.test_name)
    return (*where, of.score_a, of.score_b, of.score_b - of.score_a, *ends)


def _format_run_count(found: MatchedRuns) -> str:
    said = f"Runs in both stores: {len(found.in_both)}"
    stale = found.superseded_count
    return said + (f" (older records of the same runs, left out: {stale})" if stale else "")


def _format_unmatched_runs(keys: Sequence[RunKey], side: str) -> str:
    lines = [f"  {key.full_name}" for key in keys]
    return "\n".join([f"Only in {side} ({len(keys)}):", *lines])


def _format_protocol_changes(pairs: Sequence[tuple[RunKey, StoredRun, StoredRun]]) -> list[str]:
    """Facts that differ, each once for all the runs in which it changes alike."""
    seen: dict[tuple[str, str, str], list[str]] = {}
    for key, a, b in pairs:
        one, other = protocol.list_facts(a.record), protocol.list_facts(b.record)
        for name in dict.fromkeys([*one, *other]):
            change = one.get(name, "not said"), other.get(name, "not said")
            if change[0] != change[1]:
                seen.setdefault((name, *change), []).append(key.source_and_seed)
    lines = []
    for (name, one_says, other_says), runs in seen.items():
        who = "" if len(runs) == len(pairs) else f" ({', '.join(runs)})"
        lines.append(f"{name}: {one_says} | {other_says}{who}")
    return lines


def _format_score_changes(
    pairs: Sequence[tuple[RunKey, StoredRun, StoredRun]], width: int
) -> list[str]:
    """Scores on all images that differ, one line each; those of conditions are in the table."""
    rows = []
    for key, a, b in pairs:
        for place, values in find_differing_scores(a.record, b.record):
            if place.condition is None:
                scale, decimals = _choose_scale(a, b, place.metric)
                shown = [UNDEFINED if v is None else f"{v * scale:.{decimals}f}" for v in values]
                gap = subtract_scores(*values)
                shown.append(
                    UNDEFINED if gap is None else format_signed_number(gap * scale, decimals)
                )
                rows.append(
                    [
                        key.source_and_seed,
                        place.class_or_mean or score_index.MEAN,
                        place.metric,
                        *shown,
                    ]
                )
    if not rows:
        return []
    return terminal.align_to_width([["run", "class", "metric", "A", "B", "B - A"], *rows], width)


def _choose_scale(a: StoredRun, b: StoredRun, metric: str) -> tuple[float, int]:
    column = a.record.columns.get(metric) or b.record.columns.get(metric)
    return (100.0, 2) if column and column.is_fraction and not column.unit else (1.0, 4)


def _build_parser() -> argparse.ArgumentParser:
    flags = argparse.ArgumentParser(
        prog=command_name.get_command_name("reports.compare"),
        description=command_name.format_description("reports.compare", __doc__),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    flags.add_argument("a", type=Path, metavar="RUNS_A", help="a folder of results (--out)")
    flags.add_argument("b", type=Path, metavar="RUNS_B", help="another one")
    flags.add_argument("--task", action="append", help="only this task (may be repeated)")
    flags.add_argument("--to", type=Path, metavar="FILE", help="a CSV file for what differs")
    return flags


def _check_output_file(file: Path) -> None:
    """Refuse a place for the table before the work, not after it."""
    if file.is_dir():
        raise UserError(f"--to {file}: is a folder; name a file")
    if not file.parent.is_dir():
        raise UserError(f"--to {file}: there is no folder {file.parent}; make it first")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    args = _build_parser().parse_args(argv)
    try:
        if args.to:
            _check_output_file(args.to)
        found = read_matched_runs(args.a, args.b, args.task)
        worth = run_tests(found)
        print(format_comparison(found, worth, get_terminal_size().columns))
        if args.to:
            csv_files.write_csv(build_dataframe(found, worth), args.to)
            print(f"\nTable: {args.to}")
    except (UserError, OSError) as fault:
        print(f"reports.compare: {fault}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return cli.report_interrupt("reports.compare")
    return 0


if __name__ == "__main__":
    sys.exit(main())
