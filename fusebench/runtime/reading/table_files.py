"""Tables in text files: rows of columns separated by commas, semicolons, tabs or blanks."""

import csv
from io import StringIO
from pathlib import Path

from fusebench.errors import UserError, shorten
from fusebench.runtime.reading.text_files import read_text

MAX_BYTES = 100_000_000  # of a file
DELIMITERS = ("\t", ";", ",")  # the first that the first row has; blanks without any

Row = tuple[int, list[str]]  # number of its line in the file, and the texts of its columns


def read_rows(path: Path, expected: str) -> list[Row]:
    """Read the rows of a table; blank rows are skipped, and the texts have no blanks around them.

    Args:
        path: The file, in UTF-8.
        expected: What is to be in it, for messages.

    Raises:
        UserError: If there is no such file, it is no table or it has no row.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file; write it with {expected}")
    text = read_text(path, MAX_BYTES)
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = next((sign for sign in DELIMITERS if sign in first), None)
    if delimiter is None:
        lines = enumerate(text.splitlines(), 1)
        rows = [(number, line.split()) for number, line in lines if line.strip()]
    else:
        reader = csv.reader(StringIO(text, newline=""), delimiter=delimiter, strict=True)
        rows = []
        try:
            for texts in reader:
                if any(cell.strip() for cell in texts):
                    rows.append((reader.line_num, [cell.strip() for cell in texts]))
        except csv.Error as error:
            raise UserError(f"{path}: line {reader.line_num}: not CSV ({error})") from None
    if not rows:
        raise UserError(f"{path}: is empty; expected {expected}")
    return rows


def read_header(path: Path, row: Row) -> list[str]:
    """Return the column names of a first row in lower case.

    Raises:
        UserError: If a name is there twice.
    """
    columns = [text.lower() for text in row[1]]
    repeated = [name for i, name in enumerate(columns) if name and name in columns[:i]]
    if repeated:
        raise UserError(f"{path}: line {row[0]}: two columns are called {shorten(repeated[0])!r}")
    return columns


def build_record(path: Path, row: Row, columns: list[str]) -> dict[str, str]:
    """Return the text of each column.

    Raises:
        UserError: If the row has another number of columns, or a text has a line break or another
            character that cannot be printed.
    """
    number, texts = row
    if len(texts) != len(columns):
        raise UserError(
            f"{path}: line {number}: has {len(texts)} columns; expected {len(columns)}: "
            f"{', '.join(columns)}. Put a text with the separator in it in double quotes, or "
            "separate the columns by tabs"
        )
    unprintable = next((text for text in texts if not text.isprintable()), None)
    if unprintable is not None:
        raise UserError(
            f"{path}: line {number}: {shorten(unprintable)!a} has a character that cannot be "
            "printed; delete it"
        )
    return dict(zip(columns, texts, strict=True))
