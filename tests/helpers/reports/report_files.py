"""Readers of a report's page and CSV files, and of the records beside it."""

import csv
import json
import re
from contextlib import contextmanager
from fnmatch import fnmatch
from html.parser import HTMLParser
from pathlib import Path

import numpy as np

OTHER_CSV_PATTERNS = (  # all but the tables of sources; each has a test of its own
    *("scores.csv", "means.csv", "protocol.csv", "metric-correlation.csv", "efficiency.csv"),
    *("training-times.csv", "*-power.csv", "*-pairwise.csv", "*-published.csv", "*-curves.csv"),
    *(
        "*-confusion-matrices.csv",
        "*-equivalence.csv",
        "*-rank-sets.csv",
        "toy-quality-ranks.csv",
        "toy-quality-intervals.csv",
    ),
)
CELL_PART_OF_CLASS = {
    "uncertainty": "uncertainty",
    "remark": "remark",
    "visually-hidden": "remark",
    "sup": "remark",
    "letters": "letters",
    "ticks": "remark",  # labels of a plot's scale
    "tick": "remark",
}


class ReportPage(HTMLParser):
    """Parser of a page's tables and answers.

    Attributes:
        tables: Per table the caption, the rows and the CSV file that is linked below it. A row is
            the number of its body (0 for the head) and its cells; a cell has its ``text``, its
            ``uncertainty``, its ``remark`` and its ``letters``.
        answers: Paragraphs that answer a task's question, each with its statistics.
    """

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tables, self.answers = [], []
        self.element, self.body_number, self.cell_part = "", 0, "text"
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag == "table":
            self.tables.append({"caption": "", "rows": [], "csv": ""})
            self.body_number = 0
        elif tag == "tbody":
            self.body_number += 1
        elif tag == "tr":
            self.tables[-1]["rows"].append((self.body_number, []))
        elif tag in ("td", "th", "caption"):
            self.element = tag
            if tag != "caption":
                parts = ("text", "uncertainty", "remark", "letters")
                self.tables[-1]["rows"][-1][1].append(dict.fromkeys(parts, ""))
        elif tag == "a" and attrs["href"].endswith(".csv") and self.tables:
            self.tables[-1]["csv"] = self.tables[-1]["csv"] or attrs["href"]
        elif tag == "p":
            self.element = attrs.get("class", "")
            self.answers += [""] if self.element == "answer" else []
            self.element = "answer" if self.element == "statistics" else self.element
        elif tag in ("span", "sup"):
            self.cell_part = CELL_PART_OF_CLASS.get(attrs.get("class", tag), "text")

    def handle_endtag(self, tag):
        if tag in ("td", "th", "caption", "p"):
            self.element = ""
        if tag in ("span", "sup"):
            self.cell_part = "text"

    def handle_data(self, text):
        if self.element == "answer":
            self.answers[-1] += text
        elif self.element == "caption":
            self.tables[-1]["caption"] += text
        elif self.element in ("td", "th"):
            self.tables[-1]["rows"][-1][1][-1][self.cell_part] += text


def read_page(report: Path) -> ReportPage:
    """Parse the page, with single spaces and ASCII minus signs."""
    html = (report / "index.html").read_text(encoding="utf-8")
    page = ReportPage(re.sub(r"\s+", " ", html).replace("\N{MINUS SIGN}", "-"))
    for table in page.tables:
        for _, row in table["rows"]:
            for cell in row:
                cell.update({part: text.strip() for part, text in cell.items()})
    return page


def read_csv(file: Path) -> list[dict[str, str]]:
    """Read the rows of a CSV file as mappings from column to text."""
    with file.open(newline="", encoding="utf-8") as text:
        return list(csv.DictReader(text))


def read_table_csv(report, name):
    """Read a CSV file of the report by its name."""
    return read_csv(report / "tables" / name)


def list_table_files(report, suffix):
    """List the CSV files of the report whose names end with ``suffix``."""
    return sorted((report / "tables").glob(f"*{suffix}"))


def list_source_tables(report):
    """List the CSV files with one row per source: scores, differences and their statistics."""
    return [
        file
        for file in list_table_files(report, ".csv")
        if not any(fnmatch(file.name, pattern) for pattern in OTHER_CSV_PATTERNS)
    ]


def parse_task_name(file):
    """Return the task that a CSV file's name starts with."""
    return "-".join(file.name.split("-")[:2])


def read_run_folders(report):
    """Read folder and record of every finished run."""
    files = (report.parent / "runs").glob("*/*/record.json")
    return [(file.parent, json.loads(file.read_text())) for file in sorted(files)]


def read_records(report):
    """Read the records by task, source and seed."""
    return {
        (record["task"], record["source"], record["seed"]): record
        for _, record in read_run_folders(report)
    }


def parse_number(text):
    """Parse a number of a CSV file; None for an empty cell."""
    return None if text == "" else float(text)


def adjust_holm(p_values):
    """Adjust p-values by Holm's method, step by step."""
    adjusted, running_maximum = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(np.argsort(p_values, kind="stable")):
        running_maximum = max(running_maximum, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = running_maximum
    return adjusted


@contextmanager
def edit_temporarily(path, pattern, replacement):
    """Replace the first match of a pattern in a file for the duration of the block."""
    original = path.read_text(encoding="utf-8")
    edited = re.sub(pattern, replacement, original, count=1)
    assert edited != original
    path.write_text(edited, encoding="utf-8")
    try:
        yield
    finally:
        path.write_text(original, encoding="utf-8")
