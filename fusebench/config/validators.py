"""Checks that fields of several models of the task file share."""

from typing import Any


def refuse_boolean(value: Any) -> Any:
    """Refuse ``true``, which pydantic would take as the number 1."""
    if isinstance(value, bool):
        raise ValueError("expected a number")
    return value
