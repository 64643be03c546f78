r"""Tables for a paper in LaTeX (booktabs): the best bold, the second best underlined.

Everything is ASCII, so that a table compiles under every TeX: accents become commands, symbols
mathematics, and characters that pdfTeX lacks their code point (U+4E2D).
"""

import unicodedata
from collections.abc import Iterable

from fusebench.runtime import file_names
from reports.document.model import TaskSection
from reports.tables.text_table import TextRow, TextTable

# with more columns, a table spans both columns of a page and is scaled to fit
MAX_UNSCALED_COLUMNS = 8

SPECIAL_CHARACTERS = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "`": r"{\char96}",
    '"': r"{\char34}",
    "'": "{'}",  # two of them would become one quotation mark
    "-": "{-}",  # two of them would become a dash
    "[": "{[}",  # after \\ it would start a length
    "]": "{]}",
    "*": "{*}",  # after \\ it would forbid a page break
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


def render_table(table: TextTable, section: TaskSection) -> str:
    """Render a table as a LaTeX file, to paste or to include.

    Args:
        table: The table as text.
        section: Section of its task, for caption and protocol.
    """
    column_count = len(table.headers)
    is_wide = column_count > MAX_UNSCALED_COLUMNS
    environment = "table*" if is_wide else "table"
    alignment = "l" + "r" * column_count
    if table.has_mean_column:
        alignment = alignment[:-1] + "|r"
    lines = [
        *_render_comments(table, section, is_wide=is_wide),
        rf"\begin{{{environment}}}[tb]",
        r"\centering",
        rf"\caption{{{_render_caption(table, section)}}}",
        rf"\label{{tab:{_build_label(table)}}}",
        *([r"\resizebox{\textwidth}{!}{%"] if is_wide else []),
        rf"\begin{{tabular}}{{{alignment}}}",
        r"\toprule",
        *_render_header(table),
        r"\midrule",
        *(_render_row(_render_label(row), _render_cells(row, column_count)) for row in table.rows),
        *_render_differences(table, column_count),
        r"\bottomrule",
        r"\end{tabular}" + ("}" if is_wide else ""),
        rf"\end{{{environment}}}",
    ]
    return "\n".join(lines) + "\n"


def escape(text: str) -> str:
    """Escape text so that TeX prints it literally, on one line."""
    return "".join(map(_escape_character, unicodedata.normalize("NFC", " ".join(text.split()))))


def _escape_character(character: str) -> str:
    command = (
        SPECIAL_CHARACTERS.get(character) or SYMBOLS.get(character) or GREEK_LETTERS.get(character)
    )
    if command:
        return command
    if " " <= character <= "~":
        return character
    # one known accent on an ASCII letter becomes an accent command
    letter, *accents = list(unicodedata.normalize("NFD", character))
    if len(accents) == 1 and accents[0] in ACCENTS and letter.isascii() and letter.isalpha():
        base = {"i": r"\i", "j": r"\j"}.get(letter, letter)  # the accent replaces the dot
        return rf"{{\{ACCENTS[accents[0]]}{{{base}}}}}"
    return f"U+{ord(character):04X}"


def _render_comments(table: TextTable, section: TaskSection, *, is_wide: bool) -> list[str]:
    """Render comments that keep packages, notes and protocol with the table."""
    packages = ["booktabs", *(["graphicx"] if is_wide else [])]
    comments = [
        " ".join(rf"\usepackage{{{name}}}" for name in packages),
        f"{section.results.name}: {table.title}",
        *table.notes,
        f"Protocol: {section.protocol.common_line}",
        *(
            f"{fact}: " + "; ".join(f"{source}: {value}" for source, value in values.items())
            for fact, values in section.protocol.differing_facts.items()
        ),
    ]
    return [f"% {' '.join(comment.split())}" for comment in comments]


def _render_caption(table: TextTable, section: TaskSection) -> str:
    title = f"{section.results.name}: {table.title}"
    sentences = [f"{title} ({table.caption})" if table.caption else title]
    if section.results.is_simulated:
        sentences.append("Simulated scenes, not camera images")
    sentences.append(f"Seeds: {section.protocol.common_facts['seeds']}")
    split_hash = section.protocol.common_facts.get("split hash", "differs between rows")
    is_ranked = any(rank for row in table.rows for _, rank in row.cells)
    ranks = "Best bold, second best underlined; split" if is_ranked else "Split"
    sentences.append(f"{ranks} {split_hash}")
    if any(row.letters for row in table.rows):
        sentences.append("No difference is shown between sources that share a letter")
    return ". ".join(map(escape, sentences)) + "."


def _build_label(table: TextTable) -> str:
    stem = table.csv_file.rpartition("/")[2].removesuffix(".csv")
    return file_names.make_safe_file_name(stem).replace("_", "-")


def _render_header(table: TextTable) -> list[str]:
    """Render one line of column headers, below a line of header groups if there are any."""
    titles = (
        escape(f"{title} ({subtitle})" if subtitle else title)
        for title, subtitle in table.short_headers
    )
    headers = _render_row(table.row_title.capitalize(), titles)
    if not table.header_groups:
        return [headers]
    groups, rules, column = [], [], 2  # the first column is the source
    for name, count in table.header_groups:
        groups.append(rf"\multicolumn{{{count}}}{{c}}{{{escape(name)}}}")
        if name:
            rules.append(rf"\cmidrule(lr){{{column}-{column + count - 1}}}")
        column += count
    return [_render_row("", groups), " ".join(rules), headers]


def _render_label(row: TextRow) -> str:
    """Render the name of a source with the letters of its groups."""
    letters = rf"\textsuperscript{{{escape(row.letters)}}}" if row.letters else ""
    return escape(row.label) + letters


def _render_cells(row: TextRow, column_count: int) -> list[str]:
    if not row.cells:
        return [rf"\multicolumn{{{column_count}}}{{c}}{{{row.absence_label}}}"]
    return [RANK_FORMATS[rank].format(escape(text)) for text, rank in row.cells]


def _render_differences(table: TextTable, column_count: int) -> list[str]:
    if not table.difference_rows:
        return []
    baseline = escape(table.baseline_name)
    title = rf"\multicolumn{{{column_count + 1}}}{{l}}{{\emph{{Difference to {baseline}}}}}"
    rows = [
        _render_row(escape(row.label), _render_cells(row, column_count))
        for row in table.difference_rows
    ]
    return [r"\midrule", title + r" \\", *rows]


def _render_row(label: str, cells: Iterable[str]) -> str:
    return " & ".join([label, *cells]) + r" \\"
