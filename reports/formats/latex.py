r"""Tables to paste into a paper: booktabs, the best bold, the second underlined.

Everything is ASCII, so that a table compiles under every TeX: accents become commands, symbols
mathematics, and what pdfTeX has no letter for stands as its number (U+4E2D).
"""

import unicodedata
from collections.abc import Iterable

from bench import names
from reports.contents.chapters import Chapter
from reports.scores.grids import Grid, Printed

WIDE = 8  # columns from which a table spans both columns of a page and is scaled to fit

SPECIAL = {
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
GREEK = {
    chr(code): rf"$\{unicodedata.name(chr(code)).split()[-1].lower()}$"
    for code in range(0x3B1, 0x3CA)
    if code not in (0x3BF, 0x3C2)  # omicron has no command, final sigma another name
}
GREEK["\N{GREEK SMALL LETTER LAMDA}"] = r"$\lambda$"
MARKS = {0: "{}", 1: r"\textbf{{{}}}", 2: r"\underline{{{}}}"}


def text(found: Grid, chapter: Chapter) -> str:
    """A table as a file to paste, or to read in whole."""
    count = len(found.heads)
    wide = count > WIDE
    kind = "table*" if wide else "table"
    fit, unfit = (r"\resizebox{\textwidth}{!}{%", "}") if wide else ("", "")
    columns = "l" + "r" * count
    if found.sums_up:
        columns = columns[:-1] + "|r"
    lines = [
        *_comments(found, chapter, wide=wide),
        rf"\begin{{{kind}}}[tb]",
        r"\centering",
        rf"\caption{{{_caption(found, chapter)}}}",
        rf"\label{{tab:{_label(found)}}}",
        *([fit] if wide else []),
        rf"\begin{{tabular}}{{{columns}}}",
        r"\toprule",
        *_heads(found),
        r"\midrule",
        *(_row(escape(row.label), _cells(row, count)) for row in found.rows),
        *_differences(found, count),
        r"\bottomrule",
        r"\end{tabular}" + unfit,
        rf"\end{{{kind}}}",
    ]
    return "\n".join(lines) + "\n"


def escape(word: str) -> str:
    """Text that TeX prints as it is, on one line."""
    return "".join(map(_letter, unicodedata.normalize("NFC", " ".join(word.split()))))


def _letter(sign: str) -> str:
    known = SPECIAL.get(sign) or SYMBOLS.get(sign) or GREEK.get(sign)
    if known:
        return known
    if " " <= sign <= "~":
        return sign
    base, *accents = list(unicodedata.normalize("NFD", sign))
    if len(accents) == 1 and accents[0] in ACCENTS and base.isascii() and base.isalpha():
        bare = {"i": r"\i", "j": r"\j"}.get(base, base)
        return rf"{{\{ACCENTS[accents[0]]}{{{bare}}}}}"
    return f"U+{ord(sign):04X}"


def _comments(found: Grid, chapter: Chapter, *, wide: bool) -> list[str]:
    """What must not be lost when the table is taken out of the report."""
    packages = ["booktabs", *(["graphicx"] if wide else [])]
    said = [
        " ".join(rf"\usepackage{{{name}}}" for name in packages),
        f"{chapter.results.name}: {found.title}",
        *found.notes,
        f"Protocol: {chapter.protocol.line}",
        *(
            f"{fact}: " + "; ".join(f"{source}: {value}" for source, value in values.items())
            for fact, values in chapter.protocol.differing.items()
        ),
    ]
    return [f"% {' '.join(line.split())}" for line in said]


def _caption(found: Grid, chapter: Chapter) -> str:
    said = [f"{chapter.results.name}: {found.title}"]
    if found.caption:
        said[0] += f" ({found.caption})"
    if chapter.results.simulated:
        said.append("Simulated scenes, not camera images")
    said += [f"Seeds: {chapter.protocol.common['seeds']}"]
    said.append(f"Best bold, second underlined; split {_fact(chapter, 'split hash')}")
    return ". ".join(map(escape, said)) + "."


def _fact(chapter: Chapter, name: str) -> str:
    return chapter.protocol.common.get(name, "not the same for all rows")


def _label(found: Grid) -> str:
    stem = found.file.rpartition("/")[2].removesuffix(".csv")
    return names.safe(stem).replace("_", "-")


def _heads(found: Grid) -> list[str]:
    """One line of heads, or one under what groups of them have in common."""
    under = _row("Source", map(escape, map(_head, found.under)))
    if not found.groups:
        return [under]
    above, rules, column = [], [], 0
    for name, count in found.groups:
        above.append(rf"\multicolumn{{{count}}}{{c}}{{{escape(name)}}}")
        if name:
            rules.append(rf"\cmidrule(lr){{{column + 2}-{column + count + 1}}}")
        column += count
    return [_row("", above), " ".join(rules), under]


def _head(head: tuple[str, str]) -> str:
    title, note = head
    return f"{title} ({note})" if note else title


def _cells(row: Printed, count: int) -> list[str]:
    if not row.cells:
        return [rf"\multicolumn{{{count}}}{{c}}{{{row.absence}}}"]
    return [MARKS[rank].format(escape(cell)) for cell, rank in row.cells]


def _differences(found: Grid, count: int) -> list[str]:
    if not found.differences:
        return []
    versus = escape(found.versus)
    title = rf"\multicolumn{{{count + 1}}}{{l}}{{\emph{{Difference to {versus}}}}}"
    rows = [_row(escape(row.label), _cells(row, count)) for row in found.differences]
    return [r"\midrule", title + r" \\", *rows]


def _row(name: str, cells: Iterable[str]) -> str:
    return " & ".join([name, *cells]) + r" \\"
