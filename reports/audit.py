"""What is wrong with published tables, found by recomputing them.

python -m reports.audit                   every finding as a table
python -m reports.audit --csv found.csv   the same as a file
"""

import argparse
import csv
import sys
import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path
from shutil import get_terminal_size

from fusebench.errors import UserError
from fusebench.runtime import command_name
from reports.literature import published_tables
from reports.literature.audit_rows import Finding
from reports.literature.published_tables import PublishedTable
from reports.literature.run_audits import collect_findings, format_location

COLUMNS = ("table", "check", "method", "metric", "columns", "read by eye", "finding")
BY_EYE_NOTE = "(read by eye: the fault may be the reader's)"


def format_findings(found: Iterable[Finding], tables: Sequence[PublishedTable], width: int) -> str:
    """The findings under the title of their table, wrapped to ``width`` characters."""
    heads = {table.name: table.metadata for table in tables}
    parts, last = [], ""
    for finding in found:
        if finding.table != last:
            last = finding.table
            parts.append(
                f"\n{heads[last].title}" + (f" {BY_EYE_NOTE}" if heads[last].by_eye else "")
            )
        line = f"{finding.check}: {format_location(finding)}: {finding.message}"
        parts.append(textwrap.fill(line, width, initial_indent="  ", subsequent_indent="    "))
    return "\n".join(parts).strip()


def write_csv(found: Iterable[Finding], path: Path) -> None:
    """The findings as a CSV file."""
    with path.open("w", newline="", encoding="utf-8") as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow(COLUMNS)
        for f in found:
            eye = "yes" if f.by_eye else "no"
            lines.writerow(
                (f.table, f.check, f.method, f.metric, "; ".join(f.columns), eye, f.message)
            )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    flags = argparse.ArgumentParser(
        prog=command_name.get_command_name("reports.audit"),
        description=command_name.format_description("reports.audit", __doc__),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    flags.add_argument("--csv", type=Path, metavar="FILE", help="write the findings there too")
    args = flags.parse_args(argv)
    try:
        tables = published_tables.read_tables()
        found = collect_findings(tables)
        if args.csv:
            write_csv(found, args.csv)
    except (UserError, OSError) as fault:
        sys.stderr.write(f"reports.audit: {fault}\n")
        return 2
    rows = sum(len(table.rows) for table in tables)
    shown = format_findings(found, tables, max(get_terminal_size().columns, 40))
    sys.stdout.write(f"{shown}\n\n{len(found)} findings in {rows} rows of {len(tables)} tables\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
