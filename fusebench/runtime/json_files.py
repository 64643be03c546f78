"""Reading of JSON files that other programs wrote: finite numbers, unique keys."""

import json
import math
from pathlib import Path
from typing import Any

from fusebench.errors import UserError
from fusebench.runtime.text_files import abbreviate, read_text, shorten


class _NotFiniteError(ValueError):
    """A number that is not finite, as written in the file."""


def read_json(path: Path) -> object:
    """Read a JSON file in UTF-8, with or without a byte order mark.

    Raises:
        UserError: If the file cannot be read or is not JSON, has a number that is not finite, or
            has a key twice in one object; Python's reader would accept the last two.
    """
    text = read_text(path)
    try:
        content: object = json.loads(
            text,
            parse_constant=_refuse_constant,
            parse_float=_parse_finite,
            object_pairs_hook=_build_object,
        )
    except RecursionError:
        raise UserError(f"{path}: not JSON of this kind (nested too deeply)") from None
    except _NotFiniteError as error:
        line = text.count("\n", 0, text.find(str(error))) + 1
        raise UserError(
            f"{path}: line {line}: {shorten(str(error))} is no finite number; correct or delete "
            "the entry"
        ) from None
    except ValueError as error:
        raise UserError(f"{path}: not JSON ({shorten(str(error))})") from None
    return content


def _refuse_constant(text: str) -> float:
    raise _NotFiniteError(text)


def _parse_finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise _NotFiniteError(text)
    return number


def _build_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"an object has the key {abbreviate(twice)} twice")
    return values
