"""Audit published tables by recomputing them: print every inconsistency.

python -m reports.audit                      print all findings
python -m reports.audit --csv findings.csv   write them to a file, too
"""

import argparse
import csv
import textwrap
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path
from shutil import get_terminal_size

from fusebench import cli
from fusebench.config.paths import expand_home
from fusebench.runtime import command_name, printable
from fusebench.runtime.printable import ArgumentParser
from fusebench.runtime.program import run_program
from reports.literature import published_tables
from reports.literature.audit_rows import Finding
from reports.literature.published_tables import PublishedTable
from reports.literature.run_audits import collect_findings

COLUMNS = ("table", "check", "method", "metric", "columns", "read by eye", "finding")
BY_EYE_NOTE = "(read by eye: the error may be the reader's)"
MIN_WIDTH = 40  # characters


def format_findings(
    findings: Iterable[Finding], tables: Sequence[PublishedTable], width: int
) -> str:
    """Format findings below the title of their table, wrapped to ``width`` characters."""
    metadata = {table.name: table.metadata for table in tables}
    blocks = []
    for table, group in groupby(findings, key=lambda finding: finding.table):
        lines = [metadata[table].title + (f" {BY_EYE_NOTE}" if metadata[table].by_eye else "")]
        for finding in group:
            text = f"{finding.check}: {format_location(finding)}: {finding.message}"
            lines.append(textwrap.fill(text, width, initial_indent="  ", subsequent_indent="    "))
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def format_location(finding: Finding) -> str:
    """Format row and metric of a finding; "text" if it is not about a single row."""
    return ", ".join(filter(None, (finding.method, finding.metric))) or "text"


def write_csv(findings: Iterable[Finding], path: Path) -> None:
    """Write the findings with the columns `COLUMNS`."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for finding in findings:
            writer.writerow(
                (
                    *(finding.table, finding.check, finding.method, finding.metric),
                    "; ".join(finding.columns),
                    "yes" if finding.by_eye else "no",
                    finding.message,
                )
            )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    parser = ArgumentParser(
        prog=command_name.get_command_name("reports.audit"),
        description=command_name.format_description("reports.audit", __doc__),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--csv", type=expand_home, metavar="FILE", help="write the findings there, too"
    )
    args = parser.parse_args(argv)
    try:
        tables = published_tables.read_tables()
        findings = collect_findings(tables)
        if args.csv:
            write_csv(findings, args.csv)
    except Exception as error:  # noqa: BLE001 - a bug is raised again
        return cli.report_error("reports.audit", error)
    row_count = sum(len(table.rows) for table in tables)
    text = format_findings(findings, tables, max(get_terminal_size().columns, MIN_WIDTH))
    count = f"{len(findings)} findings in {row_count} rows of {len(tables)} tables"
    printable.print_text(f"{text}\n\n{count}")
    return 0


if __name__ == "__main__":
    run_program(main)
