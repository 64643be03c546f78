"""The one check of option values that every option passes, whatever model declares it.

A pydantic model accepts what Python can convert: infinity and NaN for a float, an integer of any
length, ``true`` as the number 1. None of them is a number that somebody wants to set, and each
would decide results silently: they are refused here, also in the options of a user's own plug-ins.
"""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from fusebench.errors import UserError, format_validation_error, format_value, limit_lines
from fusebench.runtime.reading.yaml_text import MAX_INTEGER
from fusebench.runtime.unknown_names import explain_unknown_options

Model = TypeVar("Model", bound=BaseModel)


def validate_model(
    model: type[Model], values: Mapping[str, Any], where: str, other_names: Collection[str] = ()
) -> Model:
    """Check the values of options and fill in the defaults.

    Args:
        model: The pydantic model of the options.
        values: Options as given, e.g. in the task file.
        where: Position in the task file, for messages.
        other_names: Names of options beside these, suggested for an unknown one.

    Raises:
        UserError: One line per fault: an unknown option, a value that does not fit, a number that
            is infinite, NaN or longer than 64 bits, or a boolean where a number is expected.
    """
    try:
        checked = model.model_validate(dict(values))
    except ValidationError as fault:
        explained = explain_unknown_options(fault, model, other_names)
        raise UserError(format_validation_error(where, explained)) from None
    faults = [f"{where}: {fault}" for fault in find_number_faults(checked, values)]
    if faults:
        raise UserError(limit_lines("\n".join(faults)))
    return checked


def find_number_faults(checked: Any, given: Any, location: str = "") -> Iterator[str]:
    """Yield a message for each number that cannot be an option.

    Args:
        checked: A validated model, or one of its values.
        given: The value that it was made of; None for a default.
        location: Names of the options that lead to the value, with dots between.
    """
    if isinstance(checked, bool) or checked is None:
        return
    if isinstance(checked, int | float):
        fault = _find_fault(checked, given)
        if fault:
            yield f"{location}: {fault}"
        return
    for name, value in _list_parts(checked):
        part = f"{location}.{name}" if location else str(name)
        yield from find_number_faults(value, _get_part(given, name), part)


def _find_fault(number: float, given: Any) -> str:
    if isinstance(given, bool):
        return f"expected a number (given: {str(given).lower()})"
    if isinstance(number, float) and not math.isfinite(number):
        return f"expected a finite number (given: {format_value(number)})"
    if isinstance(number, int) and abs(number) > MAX_INTEGER:
        return f"expected a number of at most 64 bits (given: {format_value(number)})"
    return ""


def _list_parts(value: Any) -> list[tuple[Any, Any]]:
    """List the name and value of each part of a model, a mapping or a list."""
    if isinstance(value, BaseModel):
        return list(value)
    if is_dataclass(value):
        return [(field.name, getattr(value, field.name)) for field in fields(value)]
    if isinstance(value, Mapping):
        return [*value.items(), *(("key", key) for key in value)]
    if isinstance(value, list | tuple | set | frozenset):
        return list(enumerate(value))
    return []


def _get_part(given: Any, name: Any) -> Any:
    """Return the part of a given value; None if it has none of this name."""
    if isinstance(given, Mapping):
        return given.get(name)
    if isinstance(given, Sequence) and not isinstance(given, str) and isinstance(name, int):
        return given[name] if name < len(given) else None
    return getattr(given, str(name), None)
