"""CSV files of the report: score tables as data frames, and files that spreadsheets open safely.

A spreadsheet evaluates a cell that starts like a formula, whoever named the class or the folder
that it comes from. Such texts get a leading apostrophe, with which spreadsheets mark text; numbers
stay numbers, also negative ones.

Source: OWASP, "CSV injection".
"""

import re
from collections.abc import Collection, Sequence
from pathlib import Path

import pandas as pd

from reports.results import protocol
from reports.tables.comparison import ColumnHeader, ScoreTable, SourceComparison, TableCell

# The last four characters of the first group are the full-width forms of the first four.
FORMULA_PATTERN = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n]")
SIMULATED = "simulated"  # column of tables that are made on simulated scenes
COLUMN_SUFFIXES = (  # of a column in a wide table
    *("", " sd", " low", " high"),
    *(" difference", " difference low", " difference high"),
    *(" p", " p Holm", " verdict"),
)


def write_csv(table: pd.DataFrame, file: Path) -> None:
    """Write a table with formulas in its texts escaped."""
    safe = table.rename(columns=escape_formula)
    for column, dtype in enumerate(safe.dtypes):
        if not pd.api.types.is_numeric_dtype(dtype):
            safe.isetitem(column, [escape_formula(value) for value in safe.iloc[:, column]])
    safe.to_csv(file, index=False)


def write_task_csv(table: pd.DataFrame, file: Path, *, is_simulated: bool) -> None:
    """Write a table of one task; that of simulated scenes says so in its last column.

    Args:
        table: Its rows; one with a column `SIMULATED` or ``protocol`` says it already.
        file: Where to write.
        is_simulated: Whether the images of the task are simulated.
    """
    if is_simulated and not {SIMULATED, "protocol"} & set(table.columns):
        table = table.assign(**{SIMULATED: "yes"})
    write_csv(table, file)


def mark_simulated_tasks(table: pd.DataFrame, names: Collection[str]) -> pd.DataFrame:
    """Add the column `SIMULATED` to a table of several tasks, if any of them is simulated.

    Args:
        table: Its rows; the column ``task`` has the name of the task.
        names: The tasks on simulated scenes.
    """
    is_simulated = table["task"].isin(list(names))
    if not is_simulated.any():
        return table
    return table.assign(**{SIMULATED: is_simulated.map({True: "yes", False: "no"})})


def escape_formula(value: object) -> object:
    """Return a text with an apostrophe before a formula; other values as they are."""
    return f"'{value}" if isinstance(value, str) and FORMULA_PATTERN.match(value) else value


def build_wide_dataframe(table: ScoreTable) -> pd.DataFrame:
    """Tabulate a score table for a CSV file, scaled as printed.

    Returns:
        One row per source. ``n`` is the number of seeds; for a source without records, ``missing``
        or ``failed``. Per column the mean and the standard deviation (``sd``); with statistics
        ``low`` and ``high`` of the score and of the difference, its p-value, that adjusted for all
        comparisons of the table (``p Holm``) and the verdict. Last the protocol.
    """
    titles = _number_duplicate_titles([header.title for header in table.headers])
    rows = []
    for row in table.rows:
        source = row.source_results
        values: dict[str, object] = {
            "source": source.source_name,
            "n": len(source.records) if row.cells else source.absence_label,
        }
        for title, header, cell in zip(titles, table.headers, row.cells, strict=False):
            values |= _build_score_columns(title, header, cell)
        for title, header, difference in zip(titles, table.headers, row.differences, strict=False):
            values[f"{title} difference"] = _scale_score(difference, header)
        for title, header, comparison in zip(titles, table.headers, row.comparisons, strict=False):
            values |= _build_comparison_columns(title, header, comparison) if comparison else {}
        if source.records:
            facts = protocol.list_facts(source.records[0])
            values["protocol"] = "; ".join(f"{name}: {value}" for name, value in facts.items())
        rows.append(values)
    frame = pd.DataFrame(rows)
    order = [f"{title}{suffix}" for title in titles for suffix in COLUMN_SUFFIXES]
    return frame[["source", "n", *(name for name in [*order, "protocol"] if name in frame)]]


def _build_score_columns(title: str, header: ColumnHeader, cell: TableCell) -> dict[str, object]:
    values: dict[str, object] = {
        title: _scale_score(cell.mean, header),
        f"{title} sd": _scale_score(cell.standard_deviation, header),
    }
    if cell.estimate:
        values[f"{title} low"] = _scale_score(cell.estimate.low, header)
        values[f"{title} high"] = _scale_score(cell.estimate.high, header)
    return values


def _build_comparison_columns(
    title: str, header: ColumnHeader, comparison: SourceComparison
) -> dict[str, object]:
    return {
        f"{title} difference low": _scale_score(comparison.estimate.low, header),
        f"{title} difference high": _scale_score(comparison.estimate.high, header),
        f"{title} p": round(comparison.estimate.p_value, 6),
        f"{title} p Holm": round(comparison.adjusted_p_value, 6),
        f"{title} verdict": comparison.verdict,
    }


def _number_duplicate_titles(titles: Sequence[str]) -> list[str]:
    """Number the titles that would give two columns of the file the same name."""
    used = {"source", "n", "protocol"}
    names = []
    for title in titles:
        name, number = title, 1
        while used & {f"{name}{suffix}" for suffix in COLUMN_SUFFIXES}:
            number += 1
            name = f"{title} ({number})"
        used |= {f"{name}{suffix}" for suffix in COLUMN_SUFFIXES}
        names.append(name)
    return names


def _scale_score(score: float | None, header: ColumnHeader) -> float | None:
    return None if score is None else round(score * header.scale, 6)
