"""Aligned columns of text that fit the width of a terminal."""

import unicodedata
from collections.abc import Sequence

MAX_NAME_WIDTH = 24  # columns of a name in the first column where there is no room for more


def fit_columns(rows: Sequence[Sequence[str]], width: int) -> list[str]:
    """Align rows below their header; columns that do not fit go into a block below.

    Every block starts with the first column, the names of the rows. They are shortened to
    `MAX_NAME_WIDTH` only if the table is too wide; names that would be the same are numbered.

    Args:
        rows: The header, then rows of as many cells.
        width: Characters per line. One column stays together even if it is wider.
    """
    lines = align_columns(rows)
    if get_max_width(lines) <= width:
        return lines
    names = shorten_names([row[0] for row in rows], MAX_NAME_WIDTH)
    short = [[name, *row[1:]] for name, row in zip(names, rows, strict=True)]
    lines = []
    first, column_count = 1, len(rows[0])
    while first < column_count:
        last = first + 1
        while last < column_count and _get_block_width(short, first, last + 1) <= width:
            last += 1
        lines += [*([""] if lines else []), *align_columns(_select_columns(short, first, last))]
        first = last
    return lines


def align_columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Align the first column left and the others right; draw a line below the first row."""
    widths = [max(map(get_display_width, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        padding = [
            " " * (width - get_display_width(cell)) for cell, width in zip(row, widths, strict=True)
        ]
        numbers = [space + cell for cell, space in zip(row[1:], padding[1:], strict=True)]
        lines.append(" ".join([row[0] + padding[0], *numbers]).rstrip())
    return [lines[0], "-" * get_max_width(lines), *lines[1:]]


def shorten_names(names: Sequence[str], width: int) -> list[str]:
    """Shorten names to ``width`` columns; those that would be the same are numbered."""
    shortened: dict[str, str] = {}
    for name in names:
        if name in shortened:
            continue
        short, number = truncate(name, width), 1
        while short in shortened.values():
            number += 1
            short = truncate(name, width - 3) + f"~{number}"
        shortened[name] = short
    return [shortened[name] for name in names]


def truncate(name: str, width: int) -> str:
    """Shorten a name to ``width`` columns of the terminal."""
    if get_display_width(name) <= width:
        return name
    while get_display_width(name) > width - 1:
        name = name[:-1]
    return name + "\N{HORIZONTAL ELLIPSIS}"


def get_display_width(text: str) -> int:
    """Count the terminal columns of a text: wide characters (CJK) take two, accents none."""
    return sum(
        0
        if unicodedata.combining(character)
        else 1 + (unicodedata.east_asian_width(character) in "WF")
        for character in text
    )


def get_max_width(lines: Sequence[str]) -> int:
    """Count the terminal columns of the widest line; 0 without any."""
    return max(map(get_display_width, lines), default=0)


def _get_block_width(rows: Sequence[Sequence[str]], first: int, last: int) -> int:
    return get_max_width(align_columns(_select_columns(rows, first, last)))


def _select_columns(rows: Sequence[Sequence[str]], first: int, last: int) -> list[list[str]]:
    """Select the column of names, and columns ``first`` to ``last`` (excluded)."""
    return [[row[0], *row[first:last]] for row in rows]
