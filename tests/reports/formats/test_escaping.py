"""Names that are code in HTML, Markdown, LaTeX, CSV or a terminal: escaped, and not lost."""

import contextlib
import csv
import io
import re

import pytest

from fusebench.config import schema
from fusebench.errors import UserError
from fusebench.runtime import file_names
from fusebench.storage.records import Column, Scores
from fusebench.storage.store import Store
from reports import run
from reports.tables import csv_files
from tests.helpers.reports.html_text import TagsAndTexts
from tests.helpers.reports.latex_check import HOSTILE_NAMES, check_latex
from tests.helpers.reports.synthetic_records import (
    PROTOCOL,
    finish_run,
    make_runs,
    patch_plan,
    write_split,
)

FORMULAS = ("=1+1", "+x", "-x", "@SUM(A1)", "\N{FULLWIDTH EQUALS SIGN}1")
SOURCES = (
    *HOSTILE_NAMES[:3],
    *HOSTILE_NAMES[4:],
    "=1+1",
    "a|b",
    "```",
    "$x^{$",
    "source",
    "_hidden",
)
CLASSES = (*HOSTILE_NAMES, *FORMULAS, "source", "n", "mAP", "a\tb\nc\x1b[2J")
CONDITIONS = ("a&b", "a|b", "day/../../x", *FORMULAS, "x" * 300)


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """The report of a task whose sources, classes and conditions have hostile names."""
    folder = tmp_path_factory.mktemp("hostile")
    store = Store(folder / "runs")
    runs = make_runs("detection", write_split(folder / "data"), folder, fused=SOURCES)
    scores = Scores(
        values={"ap50": 0.5},
        by_class={name: {"ap50": (i + 1) / 40} for i, name in enumerate(CLASSES)},
    )
    for planned_run in runs:
        finish_run(
            planned_run,
            store,
            (0.5, 0.5),
            values=scores.values,
            by_class=scores.by_class,
            by_condition=dict.fromkeys(CONDITIONS, scores),
            columns={"ap50": Column(title="AP", mean_title="mAP")},
            protocol=PROTOCOL | {"split": "<b>=1</b>\n% \\end{table}"},
        )
    stdout = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(stdout):
        patch_plan(patch, runs)
        patch.setenv("COLUMNS", "80")
        patch.chdir(folder)
        assert run.main([]) == 0
    (folder / "stdout").write_text(stdout.getvalue(), encoding="utf-8")
    return folder / "report"


def test_hostile_names_are_text_on_the_page(report):
    page = TagsAndTexts((report / "index.html").read_text(encoding="utf-8"))
    assert [tag for tag, _ in page.tags].count("script") == 1
    attributes = {name for _, attrs in page.tags for name in attrs}
    assert not {name for name in attributes if name.startswith("on")}
    assert {tag for tag, _ in page.tags}.isdisjoint({"b", "iframe", "base", "form"})
    assert set(SOURCES) <= set(page.texts)
    assert {" ".join(name.split()) for name in CLASSES} <= set(page.texts)


def test_hostile_names_are_text_in_markdown_and_latex(report):
    text = (report / "report.md").read_text(encoding="utf-8")
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    tex_files = sorted((report / "tables").glob("*.tex"))
    for file in tex_files:
        check_latex(file.read_text(encoding="utf-8"))
    names = {file.name.lower() for file in tex_files}
    assert len(tex_files) == len(names) == 3 + len(CONDITIONS) - 1


def test_hostile_names_do_not_control_the_terminal(report):
    printed = (report.parent / "stdout").read_text(encoding="utf-8")
    assert "\x1b" not in printed
    table = printed.split("* best")[0].splitlines()[1:]
    assert max(map(len, table)) <= 80
    assert sum("xxxxxxxxxx" in line for line in table) > 2


def test_no_csv_cell_is_a_formula_and_numbers_stay_numbers(report):
    files = sorted((report / "tables").glob("*.csv"))
    for file in files:
        with file.open(newline="", encoding="utf-8") as text:
            rows = list(csv.reader(text))
        assert len({len(row) for row in rows}) == 1
        assert len(set(rows[0])) == len(rows[0])
        for cell in (cell for row in rows for cell in row):
            assert not re.match(r"\s*[=+@\-\uff1d]", cell) or float(cell) < 0
    with (report / "tables" / "scores.csv").open(newline="", encoding="utf-8") as text:
        scores = {row["class"]: float(row["value"]) for row in csv.DictReader(text)}
    assert scores["'=1+1"] == pytest.approx((CLASSES.index("=1+1") + 1) / 40)
    assert csv_files.escape_formula(-1.5) == -1.5


def test_file_names_are_plain_and_every_source_has_its_own_record(report):
    for path in report.parent.rglob("*"):
        assert re.fullmatch(r"[\w.-]+", path.name, re.ASCII), path.name
    records = list((report.parent / "runs" / "detection").iterdir())
    assert len(records) == len(SOURCES) + 2


def test_different_texts_have_different_file_names_and_plain_ones_do_not_change():
    texts = ["a&b", "a|b", "a-b", "a b", "a/b", "..", ".", "-", "", "\u0430", "a" * 300, "a" * 301]
    names = [file_names.make_safe_file_name(text) for text in texts]
    assert len(set(names)) == len(texts)
    assert all(len(name) < 120 and name[0] not in ".-" for name in names)
    plain = "scenes-detection-dmfuse-seed0"
    assert file_names.make_safe_file_name(plain) == plain


@pytest.mark.parametrize("name", ["", " a", "/a", "../a", "-a", ".a", "a\nb", "a\u202eb", "a" * 81])
def test_a_task_file_rejects_names_that_cannot_be_shown_or_typed(tmp_path, name):
    file = tmp_path / "tasks.yaml"
    quoted = '"' + name.replace("\n", "\\n") + '"'
    file.write_text(
        f"sources: {{{quoted}: {{kind: visible}}}}\n"
        f"tasks: {{t: {{kind: quality, dataset: scenes, sources: [{quoted}]}}}}\n",
        encoding="utf-8",
    )
    with pytest.raises(UserError, match="the name"):
        schema.load_task_file(file)


def test_a_task_file_accepts_every_other_name(tmp_path):
    file = tmp_path / "tasks.yaml"
    quoted = ["'" + name.replace("'", "''") + "'" for name in SOURCES]
    file.write_text(
        "sources:\n"
        + "".join(f"  {name}: {{kind: visible}}\n" for name in quoted)
        + f"tasks: {{t: {{kind: quality, dataset: scenes, sources: [{', '.join(quoted)}]}}}}\n",
        encoding="utf-8",
    )
    assert tuple(schema.load_task_file(file).sources) == SOURCES
