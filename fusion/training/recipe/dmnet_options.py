"""DMNet's architecture as a section of a recipe: checked before it is built from."""

from collections.abc import Callable
from dataclasses import fields
from typing import Annotated, Any

from pydantic import BeforeValidator

from fusion.networks.dmnet_architecture import DMNetArchitecture

BOUNDS: dict[str, tuple[Callable[[float], bool], str]] = {  # of DMNet's options
    "inner": (lambda value: value >= 2 and value % 2 == 0, "an even number of at least 2"),
    "heads": (lambda value: value >= 1, "at least 1"),
    "dropout": (lambda value: 0 <= value < 1, "at least 0 and less than 1"),
}


def _check_options(given: Any) -> Any:
    """Refuse options that the network does not have; a plain dataclass would ignore them.

    Raises:
        ValueError: For these, and for numbers that no network can be built with.
    """
    if not isinstance(given, dict):
        return given
    names = [field.name for field in fields(DMNetArchitecture)]
    for name, value in given.items():
        if name not in names:
            raise ValueError(f"there is no {name}; there is {', '.join(names)}")
        if name in BOUNDS and _parse_number(value) is not None:
            holds, expected = BOUNDS[name]
            if not holds(float(value)):
                raise ValueError(f"{name} is {value}, expected {expected}")
    return given


def _parse_number(value: Any) -> float | None:
    """The number that pydantic will read; None for what it will refuse."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


DMNetOptions = Annotated[DMNetArchitecture, BeforeValidator(_check_options)]
