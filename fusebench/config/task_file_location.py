"""Location of the task file: the user's own, or the default one that is part of the package."""

from functools import cache
from pathlib import Path

from fusebench.errors import UserError
from fusebench.runtime import printable

TASK_FILE = Path("tasks.yaml")  # default of --tasks, in the current folder
DEFAULT_TASK_FILE = Path(__file__).with_name("default_tasks.yaml")


def find_task_file(path: Path) -> Path:
    """Return the task file to read; says so on stderr if it is the default one.

    Args:
        path: Value of ``--tasks``. The default task file stands in for a missing `TASK_FILE` only
            if the flag was not given, i.e. if ``path`` is the object `TASK_FILE`: a file that the
            user names has to exist.
    """
    if path is not TASK_FILE or path.exists():
        return path
    _announce_default_task_file()
    return DEFAULT_TASK_FILE


def write_task_file(folder: Path) -> Path:
    """Write an editable copy of the default task file into ``folder``; return its path.

    Raises:
        UserError: If the folder has a task file already.
        OSError: If the file cannot be written.
    """
    path = folder / TASK_FILE
    content = DEFAULT_TASK_FILE.read_bytes()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("xb") as file:
            file.write(content)
    except FileExistsError:
        raise UserError(
            f"{path}: is there already and is kept; delete it or name another folder"
        ) from None
    return path


@cache  # once per process: `fusebench run` calls several programs
def _announce_default_task_file() -> None:
    printable.print_message(
        f"no {TASK_FILE} here: the default task file is used; "
        "`fusebench init` writes an editable copy"
    )
