import shutil
import subprocess

import pytest

from fusebench.storage.records import Column, Scores
from reports.document import sections
from reports.formats import latex
from reports.results.task_results import SourceResults, TaskResults
from tests.helpers.reports.latex_check import HOSTILE_NAMES, check_latex
from tests.helpers.reports.synthetic_records import (
    PROTOCOL,
    make_record,
    make_source_results,
    make_task_results,
)


def make_results_with_names(names):
    """Results whose sources, classes and conditions have these names, and a missing source."""
    sources = []
    for number, name in enumerate(names):
        by_class = {
            class_name: {"ap50": 0.1 * (number + i) / len(names)}
            for i, class_name in enumerate(names)
        }
        record = make_record(
            name,
            "folder",
            0,
            (0.5, 0.5),
            by_class=by_class,
            by_condition={name: Scores(values={"ap50": 0.5})},
            protocol=PROTOCOL | {"split": "rule\nwith % and \\end{table}"},
            columns={"ap50": Column(title=r"AP_{50}%", mean_title="mAP")},
        )
        sources.append(SourceResults(name, "folder", (0,), (record,), "run"))
    missing = SourceResults("missing", "method", (0,), (), "run")
    return TaskResults("toy-detection", "detection", "toy", (*sources, missing))


def render_tables(results):
    section = sections.build_section(results)
    return [
        latex.render_table(table, section)
        for table in (*section.main_tables, *section.collapsed_tables)
    ]


def test_best_is_bold_and_second_best_underlined():
    sources = (
        make_source_results("infrared", "infrared", [(0.5, 0.2)]),
        make_source_results("visible", "visible", [(0.4, 0.6)]),
        make_source_results("mine", "method", [(0.6, 0.5)]),
    )
    text = render_tables(make_task_results(*sources))[0]
    assert r"infrared & \underline{50.0} & 20.0 & 35.0 \\" in text
    assert r"mine & \textbf{60.0} & \underline{50.0} & \textbf{55.0} \\" in text
    assert r"mine & +10.0 & $-$10.0 & +5.0 \\" in text
    assert "split hash: abc123" in text.split(r"\begin{table}")[0]
    check_latex(text)


def test_special_characters_are_escaped():
    assert latex.escape(r"50% \input{a}") == r"50\% \textbackslash{}input\{a\}"
    assert latex.escape("a&b_c#d$e^f~g") == r"a\&b\_c\#d\$e\textasciicircum{}f\textasciitilde{}g"
    assert latex.escape("<x>|") == r"\textless{}x\textgreater{}\textbar{}"
    assert latex.escape("M\N{LATIN SMALL LETTER U WITH DIAERESIS}ller") == r"M{\"{u}}ller"
    assert latex.escape("52.0 \N{PLUS-MINUS SIGN} 1") == r"52.0 $\pm$ 1"
    assert latex.escape("\N{CJK UNIFIED IDEOGRAPH-4E2D}") == "U+4E2D"
    assert latex.escape("two\nlines") == "two lines"


@pytest.mark.parametrize(
    "names", [HOSTILE_NAMES, [f"{i} {name}" for i in range(3) for name in HOSTILE_NAMES]]
)
def test_tables_with_hostile_names_are_valid(names):
    for text in render_tables(make_results_with_names(names)):
        check_latex(text)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex (texlive-latex-base)")
def test_tables_compile(tmp_path):
    many_names = [f"{i} {name}" for i in range(3) for name in HOSTILE_NAMES]
    tables = [
        *render_tables(make_results_with_names(HOSTILE_NAMES)),
        *render_tables(make_results_with_names(many_names)),
    ]
    packages = "\\usepackage{booktabs}\\usepackage{graphicx}"
    text = "\n\\clearpage\n".join(tables)
    document = f"\\documentclass{{article}}{packages}\\begin{{document}}\n{text}\n\\end{{document}}"
    (tmp_path / "all.tex").write_text(document, encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "all"]
    process = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stdout[-2000:]
    assert "Output written on all.pdf" in process.stdout
