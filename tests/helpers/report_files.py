"""What a report says and what it was made of: its page, its CSV files, the records beside it."""

import csv
import json
import re
from contextlib import contextmanager
from fnmatch import fnmatch
from html.parser import HTMLParser
from pathlib import Path

import numpy as np

OTHER_CSV_PATTERNS = (  # all but the tables of sources: what is in them is walked file by file
    *("scores.csv", "means.csv", "protocol.csv", "relations.csv", "efficiency.csv"),
    *("trainings.csv", "*-power.csv", "*-pairs.csv", "*-published.csv", "*-curves.csv"),
    *("*-confusions.csv", "toy-quality-ranks.csv", "toy-quality-intervals.csv"),
)
CELL_PART_OF_CLASS = {"sure": "sure", "remark": "remark", "said": "remark", "sup": "remark"}


class ReportPage(HTMLParser):
    """Every table of a page, and its answers.

    Attributes:
        tables: Per table the caption, the rows (number of the body, 0 of the head, and cells: the
            text, what it says on demand, a remark), and the CSV file that is named behind it.
        answers: The paragraphs that answer a task.
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
                self.tables[-1]["rows"][-1][1].append({"text": "", "sure": "", "remark": ""})
        elif tag == "a" and attrs["href"].endswith(".csv") and self.tables:
            self.tables[-1]["csv"] = self.tables[-1]["csv"] or attrs["href"]
        elif tag == "p":
            self.element = attrs.get("class", "")
            self.answers += [""] if self.element == "answer" else []
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
    """The page as it is read: spaces as one, numbers with a plain minus."""
    text = (report / "index.html").read_text(encoding="utf-8")
    found = ReportPage(re.sub(r"\s+", " ", text).replace("\N{MINUS SIGN}", "-"))
    for table in found.tables:
        for _, row in table["rows"]:
            for cell in row:
                cell.update({part: text.strip() for part, text in cell.items()})
    return found


def read_csv(file: Path) -> list[dict[str, str]]:
    """The rows of a CSV file by column."""
    with file.open(newline="", encoding="utf-8") as text:
        return list(csv.DictReader(text))


def read_table_csv(report, name):
    return read_csv(report / "tables" / name)


def list_table_files(report, ending):
    return sorted((report / "tables").glob(f"*{ending}"))


def list_source_tables(report):
    """The files of tables whose columns are scores, differences and how sure they are."""
    every = list_table_files(report, ".csv")
    return [f for f in every if not any(fnmatch(f.name, pattern) for pattern in OTHER_CSV_PATTERNS)]


def parse_task_name(file):
    return "-".join(file.name.split("-")[:2])


def read_run_folders(report):
    """Folder and record of every run that is finished."""
    found = (report.parent / "runs").glob("*/*/record.json")
    return [(file.parent, json.loads(file.read_text())) for file in sorted(found)]


def read_records(report):
    """The records by task, source and seed."""
    return {(r["task"], r["source"], r["seed"]): r for _, r in read_run_folders(report)}


def parse_number(cell):
    return None if cell == "" else float(cell)


def adjust_holm(chances):
    """Holm's adjustment, step by step."""
    found, held = [0.0] * len(chances), 0.0
    for place, index in enumerate(np.argsort(chances, kind="stable")):
        held = max(held, min(1.0, (len(chances) - place) * chances[index]))
        found[index] = held
    return found


@contextmanager
def edit_temporarily(path, old, new):
    """A file within the block with one thing changed in it."""
    kept = path.read_text(encoding="utf-8")
    text = re.sub(old, new, kept, count=1)
    assert text != kept
    path.write_text(text, encoding="utf-8")
    try:
        yield
    finally:
        path.write_text(kept, encoding="utf-8")
