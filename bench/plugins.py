"""Plug-ins without a registry: the folder is the list, the file name is the name."""

import importlib
import pkgutil
from collections.abc import Mapping
from difflib import get_close_matches
from types import ModuleType
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from bench.errors import BenchError, lines


class Nothing(BaseModel):
    """The `Options` (or `Predict`) of a plug-in for which tasks.yaml may set nothing."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def available(package: str) -> list[str]:
    """Names of the plug-ins in ``package``, sorted, without importing any of them."""
    folder = importlib.import_module(package).__path__
    names = (found.name for found in pkgutil.iter_modules(folder))
    return sorted(name for name in names if not name.startswith("_"))


def find(package: str, name: str) -> ModuleType:
    """Import one plug-in, e.g. ``find("fusion.methods", "average")``.

    Raises:
        BenchError: If there is no such file. An ImportError inside the plug-in is a fault of
            that file and is not hidden.
    """
    names = available(package)
    if name not in names:
        close = get_close_matches(name, names, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise BenchError(
            f"no {name!r} in {package}.{hint} Known: {', '.join(names)}. "
            f"To add it, write {package.replace('.', '/')}/{name}.py"
        )
    return importlib.import_module(f"{package}.{name}")


def options(
    plugin: ModuleType, given: Mapping[str, Any], where: str, model: str = "Options"
) -> BaseModel:
    """Check the options of one plug-in against its `Options`, filling in the defaults.

    Args:
        plugin: The imported file.
        given: What the task file says.
        where: Where in the task file, for the message.
        model: The name of the pydantic model in the plug-in.

    Raises:
        BenchError: One line per fault.
    """
    try:
        checked: BaseModel = getattr(plugin, model)(**given)
    except ValidationError as fault:
        raise BenchError(lines(where, fault)) from None
    return checked
