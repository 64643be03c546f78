"""Names that would be code where they are shown: nothing they say is obeyed, and none is lost."""

import contextlib
import csv
import io
import re
from html.parser import HTMLParser

import pytest

from fusebench.config import schema
from fusebench.errors import UserError
from fusebench.runtime import file_names
from fusebench.storage.records import Column, Scores
from fusebench.storage.store import Store
from reports import run
from reports.tables import csv_files
from tests.helpers.synthetic_records import PROTOCOL, finish_run, make_runs, patch_plan, write_split
from tests.reports.formats.test_latex import HOSTILE_NAMES, check_latex

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
SCENES = ("a&b", "a|b", "day/../../x", *FORMULAS, "x" * 300)


class TagsAndTexts(HTMLParser):
    """Tags, their attributes, and the text outside of scripts and styles."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.texts, self.is_code = [], [], False
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.is_code = tag in ("script", "style")

    def handle_endtag(self, tag):
        self.is_code = False

    def handle_data(self, text):
        if not self.is_code:
            self.texts.append(" ".join(text.split()))


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """The report of a task whose sources, classes and conditions have hostile names."""
    tmp_path = tmp_path_factory.mktemp("hostile")
    store = Store(tmp_path / "runs")
    mine = make_runs("detection", write_split(tmp_path / "data"), tmp_path, fused=SOURCES)
    part = Scores(
        values={"ap50": 0.5},
        by_class={name: {"ap50": (i + 1) / 40} for i, name in enumerate(CLASSES)},
    )
    for cell in mine:
        finish_run(
            cell,
            store,
            (0.5, 0.5),
            values=part.values,
            by_class=part.by_class,
            by_condition=dict.fromkeys(SCENES, part),
            columns={"ap50": Column(title="AP", mean_title="mAP")},
            protocol=PROTOCOL | {"split": "<b>=1</b>\n% \\end{table}"},
        )
    said = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(said):
        patch_plan(patch, mine)
        patch.setenv("COLUMNS", "80")
        patch.chdir(tmp_path)
        assert run.main([]) == 0
    (tmp_path / "said").write_text(said.getvalue(), encoding="utf-8")
    return tmp_path / "report"


def test_hostile_names_come_out_as_text_everywhere(report):
    page = TagsAndTexts((report / "index.html").read_text(encoding="utf-8"))
    assert [tag for tag, _ in page.tags].count("script") == 1
    assert not {a for _, attrs in page.tags for a in attrs if a.startswith("on")}
    assert {tag for tag, _ in page.tags}.isdisjoint({"b", "iframe", "base", "form"})
    assert set(SOURCES) <= set(page.texts)
    assert {" ".join(name.split()) for name in CLASSES} <= set(page.texts)
    text = (report / "report.md").read_text(encoding="utf-8")
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    tex = sorted((report / "tables").glob("*.tex"))
    for file in tex:
        check_latex(file.read_text(encoding="utf-8"))
    assert len(tex) == len({file.name.lower() for file in tex}) == 3 + len(SCENES) - 1
    printed = (report.parent / "said").read_text(encoding="utf-8")
    assert "\x1b" not in printed
    table = printed.split("* best")[0].splitlines()[1:]
    assert max(map(len, table)) <= 80
    assert sum("xxxxxxxxxx" in line for line in table) > 2


def test_no_cell_of_a_spreadsheet_is_a_formula_and_numbers_stay_numbers(report):
    files = sorted((report / "tables").glob("*.csv"))
    for file in files:
        with file.open(newline="", encoding="utf-8") as text:
            rows = list(csv.reader(text))
        assert len({len(row) for row in rows}) == 1
        assert len(set(rows[0])) == len(rows[0])
        for cell in (cell for row in rows for cell in row):
            assert not re.match(r"\s*[=+@\-\uff1d]", cell) or float(cell) < 0
    with (report / "tables" / "scores.csv").open(newline="", encoding="utf-8") as text:
        scores = list(csv.DictReader(text))
    found = {row["class"]: float(row["value"]) for row in scores}
    assert found["'=1+1"] == pytest.approx((CLASSES.index("=1+1") + 1) / 40)
    assert csv_files.escape_formula(-1.5) == -1.5


def test_file_names_are_plain_and_the_store_keeps_sources_apart(report):
    for path in report.parent.rglob("*"):
        assert re.fullmatch(r"[\w.-]+", path.name, re.ASCII), path.name
    records = list((report.parent / "runs" / "detection").iterdir())
    assert len(records) == len(SOURCES) + 2


def test_other_texts_never_share_a_file_name_and_plain_ones_are_kept():
    texts = ["a&b", "a|b", "a-b", "a b", "a/b", "..", ".", "-", "", "\u0430", "a" * 300, "a" * 301]
    assert len({file_names.make_safe_file_name(text) for text in texts}) == len(texts)
    assert (
        file_names.make_safe_file_name("scenes-detection-dmfuse-seed0")
        == "scenes-detection-dmfuse-seed0"
    )
    assert all(
        len(file_names.make_safe_file_name(text)) < 120
        and file_names.make_safe_file_name(text)[0] not in ".-"
        for text in texts
    )


@pytest.mark.parametrize("name", ["", " a", "/a", "../a", "-a", ".a", "a\nb", "a\u202eb", "a" * 81])
def test_a_task_file_refuses_names_that_cannot_be_shown_or_typed(tmp_path, name):
    file = tmp_path / "tasks.yaml"
    quoted = '"' + name.replace("\n", "\\n") + '"'
    file.write_text(
        f"sources: {{{quoted}: {{kind: visible}}}}\n"
        f"tasks: {{t: {{kind: quality, dataset: scenes, sources: [{quoted}]}}}}\n",
        encoding="utf-8",
    )
    with pytest.raises(UserError, match="the name"):
        schema.load_task_file(file)


def test_a_task_file_takes_every_other_name(tmp_path):
    file = tmp_path / "tasks.yaml"
    listed = ", ".join("'" + name.replace("'", "''") + "'" for name in SOURCES)
    file.write_text(
        "sources:\n"
        + "".join(f"  {name}: {{kind: visible}}\n" for name in re.findall("'[^']*'", listed))
        + f"tasks: {{t: {{kind: quality, dataset: scenes, sources: [{listed}]}}}}\n",
        encoding="utf-8",
    )
    assert tuple(schema.load_task_file(file).sources) == SOURCES
