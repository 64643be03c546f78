"""DMNet's architecture as a section of a recipe, validated."""

from collections.abc import Callable
from dataclasses import fields
from typing import Annotated, Any

from pydantic import BeforeValidator

from fusion.networks.dmnet_architecture import DMNetArchitecture

# Option to its condition and the description of the condition.
BOUNDS: dict[str, tuple[Callable[[float], bool], str]] = {
    "inner": (lambda value: value >= 2 and value % 2 == 0, "an even number of at least 2"),
    "heads": (lambda value: value >= 1, "at least 1"),
}


def _check_options(options: Any) -> Any:
    """Check for unknown options, which pydantic ignores in a plain dataclass, and invalid numbers.

    Raises:
        ValueError: If an option is unknown or a number is out of range.
    """
    if not isinstance(options, dict):
        return options
    names = [field.name for field in fields(DMNetArchitecture)]
    for name, value in options.items():
        if name not in names:
            raise ValueError(f"no option {name}; known: {', '.join(names)}")
        if name in BOUNDS and _parse_number(value) is not None:
            is_valid, expected = BOUNDS[name]
            if not is_valid(float(value)):
                raise ValueError(f"{name} is {value}, expected {expected}")
    return options


def _parse_number(value: Any) -> float | None:
    """Parse a number as pydantic does; return None for a value that pydantic will reject."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


DMNetOptions = Annotated[DMNetArchitecture, BeforeValidator(_check_options)]
