"""Names that would be code where they are shown: nothing they say is obeyed, and none is lost."""

import contextlib
import csv
import io
import re
from html.parser import HTMLParser

import pytest
from report_toys import FACTS, cells, finish, planned, split
from test_reports_latex import HOSTILE, check

from bench import names, tasks
from bench.errors import BenchError
from bench.records import Column, Slice
from bench.store import Store
from reports import run
from reports.scores import sheets

FORMULAS = ("=1+1", "+x", "-x", "@SUM(A1)", "\N{FULLWIDTH EQUALS SIGN}1")
SOURCES = (*HOSTILE[:3], *HOSTILE[4:], "=1+1", "a|b", "```", "$x^{$", "source", "_hidden")
CLASSES = (*HOSTILE, *FORMULAS, "source", "n", "mAP", "a\tb\nc\x1b[2J")
SCENES = ("a&b", "a|b", "day/../../x", *FORMULAS, "x" * 300)


class Page(HTMLParser):
    """Tags, their attributes, and the text outside of scripts and styles."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.words, self.code = [], [], False
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.code = tag in ("script", "style")

    def handle_endtag(self, tag):
        self.code = False

    def handle_data(self, text):
        if not self.code:
            self.words.append(" ".join(text.split()))


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """The report of a task whose sources, classes and conditions have hostile names."""
    tmp_path = tmp_path_factory.mktemp("hostile")
    store = Store(tmp_path / "runs")
    mine = cells("detection", split(tmp_path / "data"), tmp_path, fused=SOURCES)
    part = Slice(
        values={"ap50": 0.5},
        by_class={name: {"ap50": (i + 1) / 40} for i, name in enumerate(CLASSES)},
    )
    for cell in mine:
        finish(
            cell,
            store,
            (0.5, 0.5),
            values=part.values,
            by_class=part.by_class,
            by_scene=dict.fromkeys(SCENES, part),
            columns={"ap50": Column(title="AP", mean="mAP")},
            protocol=FACTS | {"split": "<b>=1</b>\n% \\end{table}"},
        )
    said = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(said):
        planned(patch, mine)
        patch.setenv("COLUMNS", "80")
        patch.chdir(tmp_path)
        assert run.main([]) == 0
    (tmp_path / "said").write_text(said.getvalue(), encoding="utf-8")
    return tmp_path / "report"


def test_hostile_names_come_out_as_text_everywhere(report):
    page = Page((report / "index.html").read_text(encoding="utf-8"))
    assert [tag for tag, _ in page.tags].count("script") == 1
    assert not {a for _, attrs in page.tags for a in attrs if a.startswith("on")}
    assert {tag for tag, _ in page.tags}.isdisjoint({"b", "iframe", "base", "form"})
    assert set(SOURCES) <= set(page.words)
    assert {" ".join(name.split()) for name in CLASSES} <= set(page.words)
    text = (report / "report.md").read_text(encoding="utf-8")
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    tex = sorted((report / "tables").glob("*.tex"))
    for file in tex:
        check(file.read_text(encoding="utf-8"))
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
    assert sheets.text(-1.5) == -1.5


def test_file_names_are_plain_and_the_store_keeps_sources_apart(report):
    for path in report.parent.rglob("*"):
        assert re.fullmatch(r"[\w.-]+", path.name, re.ASCII), path.name
    records = list((report.parent / "runs" / "detection").iterdir())
    assert len(records) == len(SOURCES) + 2


def test_other_texts_never_share_a_file_name_and_plain_ones_are_kept():
    texts = ["a&b", "a|b", "a-b", "a b", "a/b", "..", ".", "-", "", "\u0430", "a" * 300, "a" * 301]
    assert len({names.safe(text) for text in texts}) == len(texts)
    assert names.safe("scenes-detection-dmfuse-seed0") == "scenes-detection-dmfuse-seed0"
    assert all(len(names.safe(text)) < 120 and names.safe(text)[0] not in ".-" for text in texts)


@pytest.mark.parametrize("name", ["", " a", "/a", "../a", "-a", ".a", "a\nb", "a\u202eb", "a" * 81])
def test_a_task_file_refuses_names_that_cannot_be_shown_or_typed(tmp_path, name):
    file = tmp_path / "tasks.yaml"
    quoted = '"' + name.replace("\n", "\\n") + '"'
    file.write_text(
        f"sources: {{{quoted}: {{kind: visible}}}}\n"
        f"tasks: {{t: {{kind: quality, dataset: scenes, sources: [{quoted}]}}}}\n",
        encoding="utf-8",
    )
    with pytest.raises(BenchError, match="the name"):
        tasks.load(file)


def test_a_task_file_takes_every_other_name(tmp_path):
    file = tmp_path / "tasks.yaml"
    listed = ", ".join("'" + name.replace("'", "''") + "'" for name in SOURCES)
    file.write_text(
        "sources:\n"
        + "".join(f"  {name}: {{kind: visible}}\n" for name in re.findall("'[^']*'", listed))
        + f"tasks: {{t: {{kind: quality, dataset: scenes, sources: [{listed}]}}}}\n",
        encoding="utf-8",
    )
    assert tuple(tasks.load(file).sources) == SOURCES
