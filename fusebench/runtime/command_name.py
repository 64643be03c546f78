"""Name of the command that the user typed, for help texts: ``fusebench detect`` or a module."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

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
