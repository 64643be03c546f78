"""Plug-ins without a registry: the folder is the list, the file name is the name."""

import importlib
import pkgutil
from collections.abc import Mapping
from difflib import get_close_matches
from types import ModuleType
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from fusebench.errors import UserError, format_validation_error


class NoOptions(BaseModel):
    """The `Options` (or `NoisePredictor`) of a plug-in for which tasks.yaml may set nothing."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def list_plugins(package: str) -> list[str]:
    """Names of the plug-ins in ``package`` and its sub-packages, sorted; none is imported."""
    return sorted(_index_modules(package))


def _index_modules(package: str) -> dict[str, str]:
    """Plug-in name to the full name of its module; a sub-package only groups plug-ins."""
    modules: dict[str, str] = {}
    for entry in pkgutil.iter_modules(importlib.import_module(package).__path__):
        if entry.name.startswith("_"):
            continue
        full_name = f"{package}.{entry.name}"
        folder = importlib.import_module(full_name) if entry.ispkg else None
        if folder is not None and not hasattr(folder, "VERSION"):
            modules |= _index_modules(full_name)
        else:
            modules[entry.name] = full_name
    return modules


def load_plugin(package: str, name: str) -> ModuleType:
    """Import one plug-in, e.g. ``find("fusion.methods", "average")``.

    Raises:
        UserError: If there is no such file. An ImportError inside the plug-in is a fault of
            that file and is not hidden.
    """
    modules = _index_modules(package)
    if name not in modules:
        names = sorted(modules)
        close = get_close_matches(name, names, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise UserError(
            f"no {name!r} in {package}.{hint} Known: {', '.join(names)}. "
            f"To add it, write {package.replace('.', '/')}/{name}.py"
        )
    return importlib.import_module(modules[name])


def validate_options(
    plugin: ModuleType, given: Mapping[str, Any], where: str, model: str = "Options"
) -> BaseModel:
    """Check the options of one plug-in against its `Options`, filling in the defaults.

    Args:
        plugin: The imported file.
        given: What the task file says.
        where: Where in the task file, for the message.
        model: The name of the pydantic model in the plug-in.

    Raises:
        UserError: One line per fault.
    """
    try:
        checked: BaseModel = getattr(plugin, model)(**given)
    except ValidationError as fault:
        raise UserError(format_validation_error(where, fault)) from None
    return checked
