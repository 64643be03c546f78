"""Reading of JSON files that other programs wrote: finite numbers, unique keys."""

import json
import math
from pathlib import Path
from typing import Any

from fusebench.errors import UserError
from fusebench.runtime.text_files import abbreviate, read_text


def read_json(path: Path) -> object:
    """Read a JSON file in UTF-8, with or without a byte order mark.

    Raises:
        UserError: If the file cannot be read or is not JSON, has a number that is not finite, or
            has a key twice in one object; Python's reader would accept the last two.
    """
    try:
        content: object = json.loads(
            read_text(path),
            parse_constant=_refuse_constant,
            parse_float=_parse_finite,
            object_pairs_hook=_build_object,
        )
    except RecursionError:
        raise UserError(f"{path}: not JSON of this kind (nested too deeply)") from None
    except ValueError as error:
        raise UserError(f"{path}: not JSON ({error}); write the file again") from None
    return content


def _refuse_constant(text: str) -> float:
    raise ValueError(f"{text} is no finite number")


def _parse_finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{abbreviate(text)} is no finite number")
    return number


def _build_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"an object has the key {abbreviate(twice)} twice")
    return values
