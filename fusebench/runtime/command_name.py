"""Name of the command that the user typed, for help texts: ``fusebench detect`` or a module."""

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from fusebench.runtime.file_names import SCALED_FOLDER

_current: ContextVar[str | None] = ContextVar("current command", default=None)


@contextmanager
def use_command_name(name: str) -> Iterator[None]:
    """Let programs that are called within the block show ``name`` in their help."""
    token = _current.set(name)
    try:
        yield
    finally:
        _current.reset(token)


def get_command_name(module: str) -> str:
    """Return what the user typed to start the program in ``module``."""
    return _current.get() or f"python -m {module}"


def format_description(module: str, docstring: str | None) -> str:
    """Return a program's docstring with the command that the user typed in its examples."""
    return (docstring or "").replace(f"python -m {module}", get_command_name(module))


def get_verify_command() -> str:
    """Return the command that checks stored files, as the user starts programs."""
    return "python -m fusebench verify" if _current.get() is None else "fusebench verify"


def get_repair_command(root: Path, flag: str = "--out") -> str:
    """Return the command that removes what is damaged below ``root``.

    Args:
        root: Folder of the results, or of the data sets.
        flag: The flag that names it: ``--out`` or ``--data``.
    """
    return f"{get_verify_command()} --repair {flag} {shlex.quote(str(root))}"


def format_repair_advice(folder: Path) -> str:
    """Return what to do about a damaged file in a folder of results or scaled images."""
    flag = "--data" if folder.parent.name == SCALED_FOLDER else "--out"
    return f"run `{get_repair_command(folder.parent.parent, flag)}`, then the same command again"
