"""Tables of numbers as CSV files that a spreadsheet opens as what they are: text and numbers.

A cell that starts like a formula would be computed by the program that opens the file, whoever
named the class or the folder it comes from. Such texts get an apostrophe, as spreadsheets write
text themselves; numbers stay numbers, their minus sign too.

Source: OWASP, "CSV injection".
"""

import re
from pathlib import Path

import pandas as pd

FORMULA_PATTERN = re.compile(
    r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n]"
)  # the last four: full width


def write_csv(found: pd.DataFrame, file: Path) -> None:
    """Write a table, its texts harmless."""
    safe = found.rename(columns=escape_formula)
    for number, kind in enumerate(safe.dtypes):
        if not pd.api.types.is_numeric_dtype(kind):
            safe.isetitem(number, [escape_formula(cell) for cell in safe.iloc[:, number]])
    safe.to_csv(file, index=False)


def escape_formula(cell: object) -> object:
    """A text that no spreadsheet takes for a formula; anything else as it is."""
    return f"'{cell}" if isinstance(cell, str) and FORMULA_PATTERN.match(cell) else cell
