"""Compare two result stores: list and test what differs.

python -m reports.compare runs-old runs               in the terminal
python -m reports.compare runs-old runs --to d.csv    differences and tests as a table, too

Records are matched by task, source and seed. The output lists runs that only one store has, and
protocol facts and scores that differ. Differences on the same test images are tested: AP and IoU
by bootstrap of the saved matches and counts, as in the report; fusion metrics by a paired test
over images.
"""

import argparse
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from shutil import get_terminal_size

import pandas as pd

from fusebench import cli
from fusebench.config.paths import expand_home
from fusebench.errors import UserError, escape_controls
from fusebench.runtime import command_name, printable
from fusebench.runtime.printable import ArgumentParser
from fusebench.runtime.program import run_program
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
TestsByTask = Mapping[str, tuple[list[ChangeTestResult], list[str]]]  # (tests, why not tested)
RunPair = tuple[RunKey, StoredRun, StoredRun]  # the same run in store A and in store B


def run_tests(matched: MatchedRuns) -> TestsByTask:
    """Test the differences of every task."""
    return {
        task: tested_changes.run_change_tests(list(pairs))
        for task, pairs in groupby(matched.in_both, key=lambda pair: pair[0].task)
    }


def format_comparison(matched: MatchedRuns, tests: TestsByTask, width: int) -> str:
    """Format everything that differs, task by task, for a terminal of ``width`` characters."""
    parts = [_format_run_count(matched)]
    parts += [
        _format_unmatched_runs(keys, store)
        for keys, store in ((matched.only_in_a, "A"), (matched.only_in_b, "B"))
        if keys
    ]
    for task, group in groupby(matched.in_both, key=lambda pair: pair[0].task):
        pairs = list(group)
        results, untested = tests[task]
        paragraphs = [
            *_format_protocol_changes(pairs),
            *untested,
            *(result.description for result in results),
        ]
        lines = [
            line
            for paragraph in paragraphs
            for line in textwrap.wrap(paragraph, max(width - 4, terminal.MIN_PROSE_WIDTH))
        ]
        lines += _format_score_changes(pairs, width - 2)
        parts.append("\n".join([task, *(f"  {line}" for line in lines or ["no difference"])]))
    return escape_controls("\n\n".join(parts))


def build_dataframe(matched: MatchedRuns, tests: TestsByTask) -> pd.DataFrame:
    """Build a table of all scores that differ, with the columns `COLUMNS`; fractions as recorded.

    A row is either one score of one run, or one tested difference over the seeds that both stores
    have. The latter has no seed, but both ends of its 95 % interval and the name of its ``test``.
    """
    rows: list[tuple[object, ...]] = []
    for key, a, b in matched.in_both:
        seed = None if key.seed < 0 else key.seed
        rows += [
            (key.task, key.source, seed, *location.labels, *values, subtract_scores(*values))
            for location, values in find_differing_scores(a.record, b.record)
        ]
    rows += [
        _build_test_row(task, result) for task, (results, _) in tests.items() for result in results
    ]
    padded = [(*row, *[None] * (len(COLUMNS) - len(row))) for row in rows]
    table = pd.DataFrame(padded, columns=list(COLUMNS))
    floats = dict.fromkeys(("A", "B", "difference", "low", "high", "p", "p Holm"), "float64")
    return table.astype({"seed": "Int64", **floats})


def _build_test_row(task: str, result: ChangeTestResult) -> tuple[object, ...]:
    location = score_index.locate_score(None, result.class_name, result.metric)
    low, high = result.interval or (None, None)
    return (
        *(task, result.source, None, *location.labels),
        *(result.score_a, result.score_b, result.score_b - result.score_a, low, high),
        *(result.p_value, result.adjusted_p_value, result.verdict, result.test_name),
    )


def _format_run_count(matched: MatchedRuns) -> str:
    text = f"Runs in both stores: {len(matched.in_both)}"
    superseded = matched.superseded_count
    return text + (
        f" (older records of the same runs, ignored: {superseded})" if superseded else ""
    )


def _format_unmatched_runs(keys: Sequence[RunKey], store: str) -> str:
    lines = [f"  {key.full_name}" for key in keys]
    return "\n".join([f"Only in {store} ({len(keys)}):", *lines])


def _format_protocol_changes(pairs: Sequence[RunPair]) -> list[str]:
    """Format each changed protocol fact once, with the runs in which it changes the same way."""
    runs_by_change: dict[tuple[str, str, str], list[str]] = {}
    for key, a, b in pairs:
        facts_a, facts_b = protocol.list_facts(a.record), protocol.list_facts(b.record)
        for name in dict.fromkeys([*facts_a, *facts_b]):
            value_a, value_b = (
                facts_a.get(name, protocol.NOT_RECORDED),
                facts_b.get(name, protocol.NOT_RECORDED),
            )
            if value_a != value_b:
                runs_by_change.setdefault((name, value_a, value_b), []).append(key.source_and_seed)
    lines = []
    for (name, value_a, value_b), runs in runs_by_change.items():
        subset = "" if len(runs) == len(pairs) else f" ({', '.join(runs)})"
        lines.append(f"{name}: {value_a} | {value_b}{subset}")
    return lines


def _format_score_changes(pairs: Sequence[RunPair], width: int) -> list[str]:
    """Format the scores on all images that differ; those by condition are in the CSV file."""
    rows = [row for key, a, b in pairs for row in _build_score_rows(key, a, b)]
    if not rows:
        return []
    return terminal.align_to_width([["run", "class", "metric", "A", "B", "B - A"], *rows], width)


def _build_score_rows(key: RunKey, a: StoredRun, b: StoredRun) -> Iterator[list[str]]:
    for location, values in find_differing_scores(a.record, b.record):
        if location.condition is not None:
            continue
        scale, decimals = _choose_scale(a, b, location.metric)
        scores = [
            UNDEFINED if value is None else f"{value * scale:.{decimals}f}" for value in values
        ]
        difference = subtract_scores(*values)
        scores.append(
            UNDEFINED if difference is None else format_signed_number(difference * scale, decimals)
        )
        name = location.class_or_mean or score_index.MEAN
        yield [key.source_and_seed, name, location.metric, *scores]


def _choose_scale(a: StoredRun, b: StoredRun, metric: str) -> tuple[float, int]:
    """Choose factor and decimals: points with two for fractions, else four decimals."""
    column = a.record.columns.get(metric) or b.record.columns.get(metric)
    return (100.0, 2) if column and column.is_in_points else (1.0, 4)


def _build_parser() -> argparse.ArgumentParser:
    parser = ArgumentParser(
        prog=command_name.get_command_name("reports.compare"),
        description=command_name.format_description("reports.compare", __doc__),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("a", type=expand_home, metavar="RUNS_A", help="folder of results (--out)")
    parser.add_argument("b", type=expand_home, metavar="RUNS_B", help="another one")
    parser.add_argument("--task", action="append", help="only this task (may be repeated)")
    parser.add_argument(
        "--to", type=expand_home, metavar="FILE", help="CSV file of the differences"
    )
    return parser


def _check_output_file(file: Path) -> None:
    """Check the path of the CSV file before the work starts."""
    if file.is_dir():
        raise UserError(f"--to {file}: is a folder, expected a file; name a file")
    if not file.parent.is_dir():
        raise UserError(f"--to {file}: no such folder: {file.parent}; create it first")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    args = _build_parser().parse_args(argv)
    try:
        if args.to:
            _check_output_file(args.to)
        matched = read_matched_runs(args.a, args.b, args.task)
        tests = run_tests(matched)
        printable.print_text(format_comparison(matched, tests, get_terminal_size().columns))
        if args.to:
            csv_files.write_csv(build_dataframe(matched, tests), args.to)
            printable.print_text(f"\nTable: {args.to}")
    except Exception as error:  # noqa: BLE001 - a bug is raised again
        return cli.report_error("reports.compare", error)
    except KeyboardInterrupt:
        return cli.report_interrupt("reports.compare")
    return 0


if __name__ == "__main__":
    run_program(main)
