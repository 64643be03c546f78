import re
import shutil
import subprocess

import pytest

from fusebench.storage.records import Column, Scores
from reports.document import sections
from reports.formats import latex
from reports.results.task_results import SourceResults, TaskResults
from tests.helpers.synthetic_records import (
    PROTOCOL,
    make_record,
    make_source_results,
    make_task_results,
)

HOSTILE_NAMES = (
    "<script>alert(1)</script>",
    "a&b",
    r"50% \input{/etc/passwd}",
    "[2em] *x* \\\\ ~^_#$ {}",
    "\N{CJK UNIFIED IDEOGRAPH-4E2D} na\N{LATIN SMALL LETTER I WITH DIAERESIS}ve "
    "\N{GREEK SMALL LETTER ALPHA}",
    "x" * 80,
)
KNOWN_COMMANDS = {
    *("begin", "end", "caption", "label", "centering", "toprule", "midrule", "bottomrule"),
    *("multicolumn", "textbf", "underline", "emph", "resizebox", "textwidth", "i", "char"),
    *("textbackslash", "textasciitilde", "textasciicircum", "textless", "textgreater"),
    *("textbar", "pm", "alpha", "ldots"),
}


def named(names):
    """Sources and classes with these names, and a missing one."""
    rows = []
    for number, name in enumerate(names):
        part = {c: {"ap50": 0.1 * (number + i) / len(names)} for i, c in enumerate(names)}
        changes = {"by_class": part, "by_condition": {name: Scores(values={"ap50": 0.5})}}
        changes["protocol"] = PROTOCOL | {"split": "rule\nwith % and \\end{table}"}
        changes["columns"] = {"ap50": Column(title=r"AP_{50}%", mean_title="mAP")}
        made = make_record(name, "folder", 0, (0.5, 0.5), **changes)
        rows.append(SourceResults(name, "folder", (0,), (made,), "run"))
    gone = make_source_results("gone", "method", [None]).__class__(
        "gone", "method", (0,), (), "run"
    )
    return TaskResults("toy-detection", "detection", "toy", (*rows, gone))


def files(found):
    chapter = sections.build_section(found, "", ())
    return [
        latex.render_table(grid, chapter)
        for grid in (*chapter.main_tables, *chapter.collapsed_tables)
    ]


def check_latex(text):
    """Refuse what pdflatex would: by hand, so that it needs no TeX."""
    body = "\n".join(line for line in text.splitlines() if not line.startswith("%"))
    assert body.isascii()
    assert set(re.findall(r"\\([a-zA-Z]+)", body)) <= KNOWN_COMMANDS
    bare = re.sub(r"\\(?:[a-zA-Z]+|.)", "", body.replace("\\\\", "\n").replace("{!}{%\n", "{!}{"))
    assert not re.search(r"[%#~]", bare)
    assert not re.search(r"[\^_]", re.sub(r"\$[^$\n]*\$", "", bare))
    assert all(line.count("$") % 2 == 0 for line in bare.splitlines())
    depth = 0
    for sign in re.sub(r"\\[{}\\]", "", body):
        depth += {"{": 1, "}": -1}.get(sign, 0)
        assert depth >= 0
    assert depth == 0
    open_ones = []
    for what, name in re.findall(r"\\(begin|end)\{([^}]*)\}", body):
        if what == "begin":
            open_ones.append(name)
        else:
            assert open_ones.pop() == name
    assert not open_ones
    columns = len(re.search(r"\\begin\{tabular\}\{([lr|]+)\}", body)[1].replace("|", ""))
    for line in body.split("\\toprule")[1].split("\\bottomrule")[0].splitlines():
        if line.strip() and not line.startswith("\\midrule"):
            assert line.endswith("\\\\")
            spanned = sum(int(n) - 1 for n in re.findall(r"\\multicolumn\{(\d+)\}", line))
            assert len(re.findall(r"(?<!\\)&", line)) + 1 + spanned == columns, line


def test_the_best_is_bold_and_the_second_underlined():
    rows = (
        make_source_results("infrared", "infrared", [(0.5, 0.2)]),
        make_source_results("visible", "visible", [(0.4, 0.6)]),
        make_source_results("mine", "method", [(0.6, 0.5)]),
    )
    text = files(make_task_results(*rows))[0]
    assert r"infrared & \underline{50.0} & 20.0 & 35.0 \\" in text
    assert r"mine & \textbf{60.0} & \underline{50.0} & \textbf{55.0} \\" in text
    assert r"mine & +10.0 & $-$10.0 & +5.0 \\" in text
    assert "split hash: abc123" in text.split(r"\begin{table}")[0]
    check_latex(text)


def test_every_special_character_is_printed_and_none_obeyed():
    assert latex.escape(r"50% \input{a}") == r"50\% \textbackslash{}input\{a\}"
    assert latex.escape("a&b_c#d$e^f~g") == r"a\&b\_c\#d\$e\textasciicircum{}f\textasciitilde{}g"
    assert latex.escape("<x>|") == r"\textless{}x\textgreater{}\textbar{}"
    assert latex.escape("M\N{LATIN SMALL LETTER U WITH DIAERESIS}ller") == r"M{\"{u}}ller"
    assert latex.escape("52.0 \N{PLUS-MINUS SIGN} 1") == r"52.0 $\pm$ 1"
    assert latex.escape("\N{CJK UNIFIED IDEOGRAPH-4E2D}") == "U+4E2D"
    assert latex.escape("two\nlines") == "two lines"


@pytest.mark.parametrize(
    "names", [HOSTILE_NAMES, [f"{i} {n}" for i in range(3) for n in HOSTILE_NAMES]]
)
def test_hostile_names_leave_a_table_whole(names):
    for text in files(named(names)):
        check_latex(text)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex (texlive-latex-base)")
def test_tables_compile(tmp_path):
    tables = files(named(HOSTILE_NAMES)) + files(
        named([f"{i} {n}" for i in range(3) for n in HOSTILE_NAMES])
    )
    packages = "\\usepackage{booktabs}\\usepackage{graphicx}"
    text = "\n\\clearpage\n".join(tables)
    document = f"\\documentclass{{article}}{packages}\\begin{{document}}\n{text}\n\\end{{document}}"
    (tmp_path / "all.tex").write_text(document, encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "all"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    assert "Output written on all.pdf" in done.stdout
