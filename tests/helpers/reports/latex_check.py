"""Names that break LaTeX unless they are escaped, and a check of LaTeX tables without TeX."""

import re

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


def check_latex(text):
    """Assert that pdflatex would compile a file with one table."""
    body = "\n".join(line for line in text.splitlines() if not line.startswith("%"))
    assert body.isascii()
    assert set(re.findall(r"\\([a-zA-Z]+)", body)) <= KNOWN_COMMANDS
    _check_special_characters(body)
    _check_braces(body)
    _check_environments(body)
    _check_column_counts(body)


def _check_special_characters(body):
    """Assert that special characters are escaped, and mathematics is closed on its line."""
    without_commands = re.sub(
        r"\\(?:[a-zA-Z]+|.)", "", body.replace("\\\\", "\n").replace("{!}{%\n", "{!}{")
    )
    assert not re.search(r"[%#~]", without_commands)
    assert not re.search(r"[\^_]", re.sub(r"\$[^$\n]*\$", "", without_commands))
    assert all(line.count("$") % 2 == 0 for line in without_commands.splitlines())


def _check_braces(body):
    depth = 0
    for character in re.sub(r"\\[{}\\]", "", body):
        depth += {"{": 1, "}": -1}.get(character, 0)
        assert depth >= 0
    assert depth == 0


def _check_environments(body):
    open_environments = []
    for command, name in re.findall(r"\\(begin|end)\{([^}]*)\}", body):
        if command == "begin":
            open_environments.append(name)
        else:
            assert open_environments.pop() == name
    assert not open_environments


def _check_column_counts(body):
    """Assert that every row of the table has as many cells as the table has columns."""
    alignment = re.search(r"\\begin\{tabular\}\{([lr|]+)\}", body)[1]
    column_count = len(alignment.replace("|", ""))
    for line in body.split("\\toprule")[1].split("\\bottomrule")[0].splitlines():
        if line.strip() and not line.startswith("\\midrule"):
            assert line.endswith("\\\\")
            spanned = sum(int(span) - 1 for span in re.findall(r"\\multicolumn\{(\d+)\}", line))
            separators = len(re.findall(r"(?<!\\)&", line))
            assert separators + 1 + spanned == column_count, line
