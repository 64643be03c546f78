"""Paths that users write: ``~`` is their home folder, relative paths are the task file's.

Every path option of a model or a fusion method in a task file is resolved here, before the plug-in
gets it. Specs contain paths as they were written and the hashes of the files, so that results stay
valid when the folder of a project moves.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from fusebench.errors import UserError

Options = TypeVar("Options", bound=BaseModel)


@dataclass(frozen=True)
class PathOrName:
    """Marker of an option (``Annotated[str, PathOrName(...)]``) that is a path or a known name.

    Attributes:
        names: Names that are no paths, e.g. ``packaged``.
        pattern: Regular expression of further names, unless a file is called so; empty for none.
    """

    names: tuple[str, ...]
    pattern: str = ""


def expand_home(text: str | Path) -> Path:
    """Convert a path as the user wrote it, e.g. on the command line; ``~`` is the home folder.

    ``~name`` of an unknown user stays as it is.
    """
    try:
        return Path(text).expanduser()
    except RuntimeError:
        return Path(text)


def resolve_path(path: Path, base_folder: Path, where: str) -> Path:
    """Resolve a path of the task file: ``~`` is the home folder, else relative to ``base_folder``.

    Args:
        path: As written in the task file.
        base_folder: Folder of the task file.
        where: Position in the task file, for the message.

    Raises:
        UserError: If nothing is there, but in the current folder: the file was meant to be
            relative to it.
    """
    path = expand_home(path)
    resolved = base_folder / path
    if not resolved.exists() and path.exists():  # exists() follows the current folder
        raise UserError(
            f"{where}: {path} is relative to the folder of the task file, and there is no "
            f"{resolved}; {path.resolve()} in the current folder exists: write this path, or move "
            "it beside the task file"
        )
    return resolved


def resolve_options(options: Options, base_folder: Path, where: str) -> Options:
    """Resolve every path among the options of a plug-in.

    Args:
        options: Fields of type ``Path``, and texts marked with `PathOrName`, are paths.
        base_folder: Folder of the task file.
        where: Position of the options in the task file, for messages.

    Raises:
        UserError: See `resolve_path`.
    """

    def resolve(name: str, path: Path) -> Path:
        return resolve_path(path, base_folder, f"{where}.{name}")

    return _change_paths(options, resolve)


def expand_home_in_options(options: Options) -> Options:
    """Replace ``~`` in every path among the options, also of nested models."""
    return _change_paths(options, lambda _, path: expand_home(path))


def _change_paths(options: Options, change: Callable[[str, Path], Path]) -> Options:
    changes: dict[str, object] = {}
    for name, field in type(options).model_fields.items():
        value = getattr(options, name)
        markers = [marker for marker in field.metadata if isinstance(marker, PathOrName)]
        if isinstance(value, BaseModel):
            changes[name] = _change_paths(value, change)
        elif isinstance(value, Path):
            changes[name] = change(name, value)
        elif isinstance(value, str) and markers and value not in markers[0].names:
            path = change(name, Path(value))
            is_name = re.fullmatch(markers[0].pattern, value) and not path.exists()
            changes[name] = value if is_name else str(path)
    return options.model_copy(update=changes)
