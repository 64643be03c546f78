r"""Tables to paste into a paper: booktabs, the best bold, the second underlined.

Everything is ASCII, so that a table compiles under every TeX: accents become commands, symbols
mathematics, and what pdfTeX has no letter for stands as its number (U+4E2D).
"""

import unicodedata
from collections.abc import Iterable

from fusebench.runtime import file_names
from reports.document.sections import TaskSection
from reports.tables.text_table import TextRow, TextTable

MAX_UNSCALED_COLUMNS = (
    8  # columns from which a table spans both columns of a page and is scaled to fit
)

SPECIAL_CHARACTERS = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "`": r"{\char96}",
    '"': r"{\char34}",
    "'": "{'}",  # two of them would become one mark
    "-": "{-}",  # and two hyphens a dash
    "[": "{[}",  # behind \\ it would be a length,
    "]": "{]}",
    "*": "{*}",  # and this forbids a page break
    **{sign: rf"\{sign}" for sign in "{}$&#%_"},
}
SYMBOLS = {
    "\N{PLUS-MINUS SIGN}": r"$\pm$",
    "\N{MINUS SIGN}": "$-$",
    "\N{MULTIPLICATION SIGN}": r"$\times$",
    "\N{EN DASH}": "--",
    "\N{EM DASH}": "---",
    "\N{HORIZONTAL ELLIPSIS}": r"\ldots{}",
    "\N{DEGREE SIGN}": r"$^\circ$",
    "\N{MICRO SIGN}": r"$\mu$",
    "\N{LESS-THAN OR EQUAL TO}": r"$\le$",
    "\N{GREATER-THAN OR EQUAL TO}": r"$\ge$",
    "\N{RIGHTWARDS ARROW}": r"$\to$",
    "\N{UPWARDS ARROW}": r"$\uparrow$",
    "\N{DOWNWARDS ARROW}": r"$\downarrow$",
    "\N{RIGHT SINGLE QUOTATION MARK}": "{'}",
    "\N{LATIN SMALL LETTER SHARP S}": r"{\ss}",
    "\N{LATIN SMALL LETTER O WITH STROKE}": r"{\o}",
    "\N{LATIN CAPITAL LETTER O WITH STROKE}": r"{\O}",
    "\N{LATIN SMALL LETTER AE}": r"{\ae}",
    "\N{LATIN CAPITAL LETTER AE}": r"{\AE}",
    "\N{LATIN SMALL LETTER L WITH STROKE}": r"{\l}",
    "\N{LATIN CAPITAL LETTER L WITH STROKE}": r"{\L}",
}
ACCENTS = {
    "\N{COMBINING GRAVE ACCENT}": "`",
    "\N{COMBINING ACUTE ACCENT}": "'",
    "\N{COMBINING CIRCUMFLEX ACCENT}": "^",
    "\N{COMBINING TILDE}": "~",
    "\N{COMBINING MACRON}": "=",
    "\N{COMBINING BREVE}": "u",
    "\N{COMBINING DOT ABOVE}": ".",
    "\N{COMBINING DIAERESIS}": '"',
    "\N{COMBINING RING ABOVE}": "r",
    "\N{COMBINING DOUBLE ACUTE ACCENT}": "H",
    "\N{COMBINING CARON}": "v",
    "\N{COMBINING CEDILLA}": "c",
}
GREEK_LETTERS = {
    chr(code): rf"$\{unicodedata.name(chr(code)).split()[-1].lower()}$"
    for code in range(0x3B1, 0x3CA)
    if code not in (0x3BF, 0x3C2)  # omicron has no command, final sigma another name
}
GREEK_LETTERS["\N{GREEK SMALL LETTER LAMDA}"] = r"$\lambda$"
RANK_FORMATS = {0: "{}", 1: r"\textbf{{{}}}", 2: r"\underline{{{}}}"}


def render_table(found: TextTable, chapter: TaskSection) -> str:
    """A table as a file to paste, or to read in whole."""
    count = len(found.headers)
    wide = count > MAX_UNSCALED_COLUMNS
    kind = "table*" if wide else "table"
    fit, unfit = (r"\resizebox{\textwidth}{!}{%", "}") if wide else ("", "")
    columns = "l" + "r" * count
    if found.has_mean_column:
        columns = columns[:-1] + "|r"
    lines = [
        *_render_comments(found, chapter, wide=wide),
        rf"\begin{{{kind}}}[tb]",
        r"\centering",
        rf"\caption{{{_render_caption(found, chapter)}}}",
        rf"\label{{tab:{_build_label(found)}}}",
        *([fit] if wide else []),
        rf"\begin{{tabular}}{{{columns}}}",
        r"\toprule",
        *_render_header(found),
        r"\midrule",
        *(_render_row(escape(row.label), _render_cells(row, count)) for row in found.rows),
        *_render_differences(found, count),
        r"\bottomrule",
        r"\end{tabular}" + unfit,
        rf"\end{{{kind}}}",
    ]
    return "\n".join(lines) + "\n"


def escape(word: str) -> str:
    """Text that TeX prints as it is, on one line."""
    return "".join(map(_escape_character, unicodedata.normalize("NFC", " ".join(word.split()))))


def _escape_character(sign: str) -> str:
    known = SPECIAL_CHARACTERS.get(sign) or SYMBOLS.get(sign) or GREEK_LETTERS.get(sign)
    if known:
        return known
    if " " <= sign <= "~":
        return sign
    base, *accents = list(unicodedata.normalize("NFD", sign))
    if len(accents) == 1 and accents[0] in ACCENTS and base.isascii() and base.isalpha():
        bare = {"i": r"\i", "j": r"\j"}.get(base, base)
        return rf"{{\{ACCENTS[accents[0]]}{{{bare}}}}}"
    return f"U+{ord(sign):04X}"


def _render_comments(found: TextTable, chapter: TaskSection, *, wide: bool) -> list[str]:
    """What must not be lost when the table is taken out of the report."""
    packages = ["booktabs", *(["graphicx"] if wide else [])]
    said = [
        " ".join(rf"\usepackage{{{name}}}" for name in packages),
        f"{chapter.results.name}: {found.title}",
        *found.notes,
        f"Protocol: {chapter.protocol.common_line}",
        *(
            f"{fact}: " + "; ".join(f"{source}: {value}" for source, value in values.items())
            for fact, values in chapter.protocol.differing_facts.items()
        ),
    ]
    return [f"% {' '.join(line.split())}" for line in said]


def _render_caption(found: TextTable, chapter: TaskSection) -> str:
    said = [f"{chapter.results.name}: {found.title}"]
    if found.caption:
        said[0] += f" ({found.caption})"
    if chapter.results.is_simulated:
        said.append("Simulated scenes, not camera images")
    said += [f"Seeds: {chapter.protocol.common_facts['seeds']}"]
    said.append(f"Best bold, second underlined; split {_get_protocol_fact(chapter, 'split hash')}")
    return ". ".join(map(escape, said)) + "."


def _get_protocol_fact(chapter: TaskSection, name: str) -> str:
    return chapter.protocol.common_facts.get(name, "not the same for all rows")


def _build_label(found: TextTable) -> str:
    stem = found.csv_file.rpartition("/")[2].removesuffix(".csv")
    return file_names.make_safe_file_name(stem).replace("_", "-")


def _render_header(found: TextTable) -> list[str]:
    """One line of heads, or one under what groups of them have in common."""
    under = _render_row("Source", map(escape, map(_format_column_title, found.short_headers)))
    if not found.header_groups:
        return [under]
    above, rules, column = [], [], 0
    for name, count in found.header_groups:
        above.append(rf"\multicolumn{{{count}}}{{c}}{{{escape(name)}}}")
        if name:
            rules.append(rf"\cmidrule(lr){{{column + 2}-{column + count + 1}}}")
        column += count
    return [_render_row("", above), " ".join(rules), under]


def _format_column_title(head: tuple[str, str]) -> str:
    title, note = head
    return f"{title} ({note})" if note else title


def _render_cells(row: TextRow, count: int) -> list[str]:
    if not row.cells:
        return [rf"\multicolumn{{{count}}}{{c}}{{{row.absence_label}}}"]
    return [RANK_FORMATS[rank].format(escape(cell)) for cell, rank in row.cells]


def _render_differences(found: TextTable, count: int) -> list[str]:
    if not found.difference_rows:
        return []
    versus = escape(found.baseline_name)
    title = rf"\multicolumn{{{count + 1}}}{{l}}{{\emph{{Difference to {versus}}}}}"
    rows = [
        _render_row(escape(row.label), _render_cells(row, count)) for row in found.difference_rows
    ]
    return [r"\midrule", title + r" \\", *rows]


def _render_row(name: str, cells: Iterable[str]) -> str:
    return " & ".join([name, *cells]) + r" \\"
