"""Data-set doctor: reads a data set whole and reports its faults; see docs/doctor.md.

The pixels of each pair are measured once (`measurement`, in worker processes), the checks in
`checks` turn the measurements into findings, and `text_report` and `html_page` format them.
"""

from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    from fusebench.doctor import program  # worker processes import this package, not the program

    return program.main(argv)
