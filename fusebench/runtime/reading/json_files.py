"""JSON files in which every fault is one error: deep nesting, a key twice, NaN, huge integers."""

import json
import math
from pathlib import Path
from typing import Any

from fusebench.errors import UserError, shorten
from fusebench.runtime.reading.text_files import read_text

MAX_BYTES = 2**30
MAX_INTEGER_LENGTH = 19  # digits: 64 bits


def read_json(path: Path, max_bytes: int = MAX_BYTES) -> Any:
    """Read a JSON file in UTF-8, with or without a byte order mark.

    Args:
        path: The file.
        max_bytes: Largest size of the file.

    Raises:
        UserError: If the file cannot be read or is larger, or see `parse_json`.
    """
    return parse_json(read_text(path, max_bytes), str(path))


def parse_json(text: str, where: str) -> Any:
    """Parse JSON text.

    Args:
        text: The text.
        where: Name of the file, for messages.

    Returns:
        Mappings, lists, texts, booleans, None, finite floats and integers of at most 19 digits.

    Raises:
        UserError: If it is not JSON, is nested too deeply, has a key twice, or has a number or a
            text that is none: NaN, infinity, a longer integer, half of a surrogate pair.
    """
    try:
        document = json.loads(
            text,
            object_pairs_hook=_build_mapping,
            parse_constant=_parse_float,
            parse_float=_parse_float,
            parse_int=_parse_int,
        )
        if "\\ud" in text or "\\uD" in text:  # the only way to write half of a surrogate pair
            json.dumps(document, ensure_ascii=False).encode()
    except RecursionError:
        raise UserError(
            f"{where}: cannot be read as JSON: its lists or mappings are nested too deeply"
        ) from None
    except UnicodeEncodeError:
        raise UserError(
            f"{where}: has half of a surrogate pair (\\ud800 to \\udfff), which is no character"
        ) from None
    except ValueError as error:
        raise UserError(f"{where}: not JSON: {shorten(str(error), 300)}") from None
    return document


def _build_mapping(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    mapping = dict(pairs)
    if len(mapping) < len(pairs):
        names = [name for name, _ in pairs]
        name = next(name for index, name in enumerate(names) if name in names[:index])
        raise ValueError(f"the key {shorten(name, 100)!r} is there twice; delete one")
    return mapping


def _parse_float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{shorten(text, 40)} is no finite number")
    return number


def _parse_int(text: str) -> int:
    if len(text.lstrip("-")) > MAX_INTEGER_LENGTH:
        raise ValueError(
            f"{shorten(text, 40)} has {len(text)} digits; at most {MAX_INTEGER_LENGTH}"
        )
    return int(text)
