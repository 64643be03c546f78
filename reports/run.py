"""Write the report of what is finished: tables, charts, sample pictures.

python -m reports.run                 report/index.html, report.md, tables/*.csv, figures
python -m reports.run --to elsewhere  into another folder
python -m reports.run --plan          which records are there, and stop

Nothing is trained or measured for it: what has not been run yet is shown as missing, with its
command. What is computed is how sure the numbers are, from saved results; it is kept under
statistics/ of --out.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from shutil import get_terminal_size

from bench import cli, digest, failures, names, profiles, tasks
from bench.errors import BenchError
from bench.plan import Absent, Plan
from bench.store import Store
from reports.contents import chapters, efficiency, illustrations, printing, tidy_means
from reports.contents.chapters import Chapter, Report
from reports.contents.efficiency import Efficiency
from reports.formats import commands, folder, latex, markdown, page, plain
from reports.papers import beside_sheet
from reports.pictures import choice, figures, studio
from reports.records import protocol, resamples, rescoring
from reports.records.results import Results, Row
from reports.records.shown import made_at
from reports.scores import against, appendix, relations, sheets, tables, tidy, wording
from reports.significance import resampling

TITLE = "Does the fused image help?"


def collect(found: Plan, store: Store, args: argparse.Namespace) -> list[Results]:
    """What the store has of every planned task."""
    every = []
    for name, mine in groupby(found.cells, key=lambda cell: cell.name):
        cells = list(mine)
        rows = []
        for source, same in groupby(cells, key=lambda cell: cell.source_name):
            group = list(same)
            records = [cell.record(store) for cell in group]
            faults = [(cell.seed, failures.read(cell, store)) for cell in group]
            lacking = [cell for cell, record in zip(group, records, strict=True) if not record]
            others = [store.like(cell.task.kind, cell.label) for cell in lacking]
            rows.append(
                Row(
                    source=source,
                    kind=group[0].source.kind,
                    planned=tuple(cell.seed for cell in group),
                    records=tuple(record for record in records if record is not None),
                    command=commands.one_row(args, group[0].task.kind, name, source),
                    failed=tuple((seed, fault) for seed, fault in faults if fault is not None),
                    others=sum(map(len, others)),
                )
            )
        kind, dataset = cells[0].task.kind, cells[0].test.dataset
        drawn = resamples.gather(cells, store)
        preset = cells[0].task.preset or ""
        every.append(Results(name, kind, dataset, tuple(rows), drawn, preset))
    return every


def write(found: Report, every: Sequence[Results], to: Path) -> None:
    """Write the page, the text and the numbers; pictures are there already."""
    (to / "index.html").write_text(page.html(found), encoding="utf-8")
    (to / "report.md").write_text(markdown.text(found), encoding="utf-8")
    (to / "tables").mkdir(exist_ok=True)
    records = [record for results in every for record in results.records]
    sheets.write(tidy.scores(records), to / folder.SCORES)
    sheets.write(protocol.sheet(records), to / "tables" / "protocol.csv")
    if found.efficiency:
        efficiency.write(found.efficiency, to)
    if found.relations:
        sheets.write(relations.sheet(found.relations), to / "tables" / "relations.csv")
    tabled = []
    for chapter in found.chapters:
        shown, folded = chapters.chosen(chapter.results)
        every_table, grids = [*shown, *folded], [*chapter.main, *chapter.more]
        tabled.append((chapter.results, every_table))
        for table, grid in zip(every_table, grids, strict=False):  # those of the appendix follow
            sheets.write(tables.wide(table), to / grid.file)
        for table in shown:
            between = against.pairs(table, chapter.results.evidence)
            if between is not None:
                file = printing.file_name(table).removesuffix(".csv")
                sheets.write(between, to / f"{file}-pairs.csv")
        if chapter.published:
            sheets.write(beside_sheet.sheet(chapter.published), to / chapter.published_file)
        for file, sheet in appendix.sheets(chapter.results, shown, grids[len(every_table) :]):
            sheets.write(sheet, to / file)
        for grid in grids:
            (to / grid.tex).write_text(latex.text(grid, chapter), encoding="utf-8")
    sheets.write(tidy_means.sheet(tabled), to / "tables" / "means.csv")


def report(found: Plan, every: Sequence[Results], made: Sequence[Chapter], command: str) -> Report:
    """The whole report."""
    undrawn = [gone.name for gone in found.absent if gone.undrawn]
    whole = not undrawn and all(len(one.records) == one.planned for one in every)
    return Report(
        title=TITLE,
        status=wording.status(every, undrawn),
        command="" if whole else command,
        absent=tuple((gone.name, _reason(gone)) for gone in found.absent if not gone.undrawn),
        chapters=tuple(made),
        rule=choice.RULE,
        relations=tuple(relations.of(every)),
    )


def cost(
    found: Plan, store: Store, every: Sequence[Results], args: argparse.Namespace
) -> Efficiency | None:
    """What fusing and training cost, as far as it was measured; None where nothing is fused."""
    fused = {
        cell.source_name: cell.source
        for cell in found.cells
        if isinstance(cell.source, tasks.Method)
    }
    if not fused:
        return None
    costs = efficiency.measured(store.root, fused)
    known = {source for source, _ in costs}
    missing = tuple(name for name in fused if name not in known)
    command = commands.profile(args, missing if known else ())
    return Efficiency(tuple(costs), tuple(efficiency.trainings(every)), missing, command)


def _reason(gone: Absent) -> str:
    return f"{gone.reason} (sources: {', '.join(gone.task.sources)})"


def _bring_up_to_date(found: Plan, store: Store, args: argparse.Namespace) -> str:
    """Write the report unless it is there already; return what the terminal shows."""
    every = collect(found, store, args)
    command = commands.everything(args)
    looks = figures.styles({name: source.kind for name, source in found.file.sources.items()})
    bare = [chapters.of(results, "", ()) for results in every]

    def work(to: Path) -> None:
        # matplotlib would keep its list of fonts in the user's home
        os.environ.setdefault("MPLCONFIGDIR", str(store.root.resolve() / ".matplotlib"))
        with studio.opened() as draw:
            costs = cost(found, store, every, args)
            if costs:
                drawn = efficiency.charted(costs.costs, every, looks, to, draw)
                costs = replace(costs, charts=tuple(drawn))
            made = [
                illustrations.of(
                    chapter,
                    [cell for cell in found.cells if cell.name == chapter.results.name],
                    *(store, looks, to, draw),
                )
                for chapter in bare
            ]
            whole = replace(report(found, every, made, command), efficiency=costs)
            write(whole, every, to)

    _check_store(store, every, args.to)
    spec = _spec(found, store, every, command)
    if not folder.up_to_date(args.to, spec):
        folder.replace(args.to, spec, work)
    return plain.text(report(found, every, bare, command), get_terminal_size().columns)


def _check_store(store: Store, every: Sequence[Results], to: Path) -> None:
    """Keep a report that has results from being replaced because of a mistyped ``--out``."""
    known = any(row.records or row.failed for results in every for row in results.rows)
    if not known and folder.has_scores(to) and not any(store.root.glob(f"*/*/{names.SPEC}")):
        what = "holds no results" if store.root.is_dir() else "no such folder"
        raise BenchError(
            f"--out {store.root}: {what}, but the report {to} has some and is kept; name the "
            "folder of its results, or another one for the report (--to)"
        )
    _say_if_absent(store)


def _say_if_absent(store: Store) -> None:
    if not store.root.is_dir():
        said = f"--out {store.root}: no such folder, so every run is missing"
        print(f"reports.run: {said}", file=sys.stderr)


def _spec(found: Plan, store: Store, every: Sequence[Results], command: str) -> str:
    """Digest of everything the report is made from: records, plan, and these files themselves."""
    here = Path(__file__).parent
    patterns = ("*.py", "formats/templates/*", "published/*")
    code = sorted(file for pattern in patterns for file in here.rglob(pattern))
    return digest.digest(
        {
            "records": [r.model_dump(mode="json") for results in every for r in results.records],
            "failed": [
                [results.name, row.source, seed, fault.model_dump(mode="json")]
                for results in every
                for row in results.rows
                for seed, fault in row.failed
            ],
            "cells": [str(cell.place(store)) for cell in found.cells],
            "pictures": [made_at(cell, store) for cell in found.cells],
            "others": [row.others for results in every for row in results.rows],
            "absent": [[gone.name, gone.reason] for gone in found.absent],
            "command": command,
            "profiles": [one.model_dump(mode="json") for one in profiles.read(store.root)],
            "evidence": [rescoring.VERSION, resampling.RESAMPLES, resampling.SEED],
            "code": [digest.sha256(file) for file in code if file.is_file()],
        }
    )


def _show_plan(found: Plan, store: Store) -> None:
    for cell in found.cells:
        fault = failures.read(cell, store)
        lacking = f"failed: {fault.reason} ({fault.where})" if fault else "missing"
        print(f"{cell.label}: {'there' if cell.record(store) else lacking}")
    for gone in found.absent:
        print(f"{gone.name}: {'missing' if gone.undrawn else 'left out'}: {gone.reason}")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    args = cli.parser("reports.run", __doc__ or "").parse_args(argv)
    store = Store(args.out)
    try:
        found = cli.planned(args, tuple(tasks.KINDS), draw=False)
        if args.plan:
            _say_if_absent(store)
            _show_plan(found, store)
            return 0
        print(_bring_up_to_date(found, store, args))
    except (BenchError, OSError) as fault:
        print(f"reports.run: {fault}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return cli.stopped("reports.run")
    print(f"\nReport: {args.to / 'index.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
