"""Tables of numbers as CSV files that a spreadsheet opens as what they are: text and numbers.

A cell that starts like a formula would be computed by the program that opens the file, whoever
named the class or the folder it comes from. Such texts get an apostrophe, as spreadsheets write
text themselves; numbers stay numbers, their minus sign too.

Source: OWASP, "CSV injection".
"""

import re
from pathlib import Path

import pandas as pd

FORMULA = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n]")  # the last four: full width


def write(found: pd.DataFrame, file: Path) -> None:
    """Write a table, its texts harmless."""
    safe = found.rename(columns=text)
    for number, kind in enumerate(safe.dtypes):
        if not pd.api.types.is_numeric_dtype(kind):
            safe.isetitem(number, [text(cell) for cell in safe.iloc[:, number]])
    safe.to_csv(file, index=False)


def text(cell: object) -> object:
    """A text that no spreadsheet takes for a formula; anything else as it is."""
    return f"'{cell}" if isinstance(cell, str) and FORMULA.match(cell) else cell
