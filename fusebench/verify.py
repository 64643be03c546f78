"""Check every stored file against the checksums that were written with it.

python -m fusebench.verify               check runs/, and scenes and scaled images in data/
python -m fusebench.verify --out DIR     check another folder of results
python -m fusebench.verify --repair      also remove what is damaged; the next run makes it again

Every file is read. Exit status: 0 if nothing is damaged, 1 if anything is, also when it was
removed, 2 if the command is wrong. Nothing outside the folders is changed, and no link is followed.
"""

import argparse
import shlex
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from fusebench import cli
from fusebench.config.paths import expand_home
from fusebench.config.schema import TASK_CLASSES
from fusebench.experiments import failures
from fusebench.runtime import command_name, interrupts, printable, progress
from fusebench.runtime.file_names import (
    MANIFEST_FILE,
    PARTIAL_SUFFIX,
    SCALED_FOLDER,
    SPEC_FILE,
    TEMPORARY_FILE,
)
from fusebench.runtime.printable import ArgumentParser
from fusebench.runtime.program import run_program
from fusebench.storage import (
    cost_profiles,
    documents,
    file_lock,
    intact_files,
    integrity,
    store,
)
from fusebench.storage.file_lock import LockHeldError
from fusebench.storage.hashing import HASH_GLOB

PROGRAM = "fusebench.verify"
DEFAULT_OUT, DEFAULT_DATA = Path("runs"), Path("data")
# Folders of a store that hold result folders.
RESULT_KINDS = ("fused", "trained", "predicted", "start", "checked", "statistics", *TASK_CLASSES)
SCENES_FOLDER = "scenes"  # below the data folder: simulated scenes
DOCUMENT_KINDS = (failures.STORE_KIND, cost_profiles.STORE_KIND)  # folders of single JSON files
LEFTOVER_SECONDS = 24 * 3600.0  # older temporary files belong to no running process


@dataclass(frozen=True)
class Damage:
    """A damaged folder or file.

    Attributes:
        path: What is removed by a repair: a folder, or a single file.
        files: What is wrong, by name of the file.
        lock: Lock file; who holds it works on the folder.
    """

    path: Path
    files: dict[str, str]
    lock: Path


def list_result_folders(root: Path) -> list[Path]:
    """List the finished and unfinished result folders of a store, by kind and name."""
    folders = [
        path
        for kind in RESULT_KINDS
        for path in sorted((root / kind).glob("*"))
        if not path.is_symlink() and not path.parent.is_symlink() and path.is_dir()
    ]
    return [path for path in folders if _is_result_folder(path)]


def list_scene_folders(data: Path) -> list[Path]:
    """List the folders of simulated scenes in a data folder, finished or not."""
    return _list_own_folders(data / SCENES_FOLDER)


def list_scaled_folders(data: Path) -> list[Path]:
    """List the folders of scaled infrared images in a data folder."""
    return _list_own_folders(data / SCALED_FOLDER)


def _list_own_folders(root: Path) -> list[Path]:
    if root.is_symlink():
        return []
    return [path for path in sorted(root.glob("[!.]*")) if path.is_dir() and not path.is_symlink()]


def find_damage(root: Path, data: Path) -> Iterator[Damage]:
    """Yield what is damaged in a store, and in the scenes and scaled images of a data folder."""
    folders = [
        (folder, root / store.LOCK_FOLDER / f"{_get_final_name(folder)}.lock")
        for folder in list_result_folders(root)
    ]
    folders += [
        (folder, folder.with_name(f"{_get_final_name(folder)}.lock"))
        for folder in list_scene_folders(data)
    ]
    for folder, lock in progress.track_progress(folders, "verify"):
        if folder.name.endswith(PARTIAL_SUFFIX):
            yield from _find_damaged_files(folder, lock)
        elif files := _find_damage_in_finished(folder):
            yield Damage(folder, files, lock)
    for folder in list_scaled_folders(data):
        yield from _find_damaged_files(folder, folder.with_name(f"{folder.name}.lock"))
    for kind in DOCUMENT_KINDS:
        for path in sorted((root / kind).glob("*.json")):
            if fault := documents.find_fault(path):
                lock = root / store.LOCK_FOLDER / f"{path.stem}.lock"
                yield Damage(path, {path.name: fault}, lock)


def repair(damage: Damage) -> str:
    """Remove what is damaged; return what was done, for printing."""
    damage.lock.parent.mkdir(parents=True, exist_ok=True)
    try:
        with file_lock.hold_lock(damage.lock, damage.path.name, waits=False):
            if not damage.path.exists():
                return "another process removed it"
            if damage.path.is_dir():
                files = _find_damage_in_finished(damage.path)
                if not files:
                    return "another process made it again"
                if files == {SPEC_FILE: integrity.MISPLACED}:
                    return _set_aside(damage.path)
                store.discard_folder(damage.path)
            else:
                damage.path.unlink()
    except LockHeldError:
        return "kept: another process is working on it"
    return "removed"


def _set_aside(folder: Path) -> str:
    """Rename a folder whose files are intact but belong to another name; it is not used then."""
    number = 1
    while (target := folder.with_name(f"{folder.name}.misplaced{number}")).exists():
        number += 1
    folder.rename(target)
    return f"renamed to {target.name}: its files are intact, but results of something else"


def remove_leftovers(root: Path, data: Path) -> list[Path]:
    """Remove temporary files and folders of killed processes that are older than a day."""
    patterns = ((root, "*/.*"), (data / SCENES_FOLDER, ".*"))
    paths = [path for folder, pattern in patterns for path in sorted(folder.glob(pattern))]
    oldest = time.time() - LEFTOVER_SECONDS
    removed = []
    for path in paths:
        is_own = not path.is_symlink() and not path.parent.is_symlink()
        if not is_own or not TEMPORARY_FILE.fullmatch(path.name) or path.stat().st_mtime > oldest:
            continue
        shutil.rmtree(path) if path.is_dir() else path.unlink()
        removed.append(path)
    return removed


def _is_result_folder(path: Path) -> bool:
    """Return whether the store has written a folder: it has a hash in its name and a trace of it.

    The name alone is not enough, because a date and time has as many digits as a hash.
    """
    if path.name.startswith("."):
        return False
    if path.match(f"*-{HASH_GLOB}{PARTIAL_SUFFIX}"):
        return True
    lock = path.parents[1] / store.LOCK_FOLDER / f"{path.name}.lock"
    traces = (path / SPEC_FILE, path / MANIFEST_FILE, lock)
    return path.match(f"*-{HASH_GLOB}") and any(trace.exists() for trace in traces)


def _get_final_name(folder: Path) -> str:
    return folder.name.removesuffix(PARTIAL_SUFFIX)


def _find_damage_in_finished(folder: Path) -> dict[str, str]:
    is_result = folder.parent.name != SCENES_FOLDER
    return integrity.find_damage(folder, has_spec=is_result)


def _find_damaged_files(folder: Path, lock: Path) -> Iterator[Damage]:
    """Yield the damaged files of a folder, unless a process is filling it."""
    if _is_locked(lock):
        return
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink() and (fault := intact_files.find_fault(path)):
            yield Damage(path, {path.relative_to(folder).as_posix(): fault}, lock)


def _is_locked(lock: Path) -> bool:
    if not lock.exists():
        return False
    try:
        with file_lock.hold_lock(lock, lock.stem, waits=False):
            return False
    except (LockHeldError, OSError):
        return True


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    args = _build_parser().parse_args(argv)
    program = command_name.get_command_name(PROGRAM)
    named = {"--out": args.out, "--data": args.data}
    folders = {"--out": DEFAULT_OUT, "--data": DEFAULT_DATA}
    folders |= {flag: folder for flag, folder in named.items() if folder is not None}
    # A default folder need not be there if the other one is named.
    required = [flag for flag, folder in named.items() if folder is not None] or ["--out"]
    for flag in required:
        if not folders[flag].is_dir():
            printable.print_message(f"{program}: {flag} {folders[flag]}: no such folder")
            return cli.EXIT_WRONG_INPUT
    try:
        return _verify(folders["--out"], folders["--data"], is_repair=args.repair)
    except Exception as error:  # noqa: BLE001 - a bug is raised again
        return cli.report_error(program, error)
    except KeyboardInterrupt:
        printable.print_message(f"\n{program}: interrupted")
        return interrupts.get_exit_status()


def _verify(root: Path, data: Path, *, is_repair: bool) -> int:
    count = 0
    for damage in find_damage(root, data):
        count += 1
        for name, fault in damage.files.items():
            where = damage.path if damage.path.name == Path(name).name else damage.path / name
            printable.print_text(f"{where}: {fault}")
        if is_repair:
            printable.print_text(f"{damage.path}: {repair(damage)}")
    if is_repair:
        for path in remove_leftovers(root, data):
            printable.print_text(f"{path}: left over by a killed process; removed")
    printable.print_text(_describe_result(root, data, count, is_repair=is_repair))
    return cli.EXIT_FAILED if count else 0


def _describe_result(root: Path, data: Path, count: int, *, is_repair: bool) -> str:
    folders = [*list_result_folders(root), *list_scene_folders(data), *list_scaled_folders(data)]
    if not count:
        return f"{len(folders)} folders: nothing is damaged"
    if is_repair:
        return f"{count} damaged; run the same command as before to make them again"
    names = {"--out": root, "--data": data}
    flags = " ".join(f"{flag} {shlex.quote(str(path))}" for flag, path in names.items())
    return f"{count} damaged; `{command_name.get_verify_command()} --repair {flags}` removes them"


def _build_parser() -> argparse.ArgumentParser:
    parser = ArgumentParser(
        prog=command_name.get_command_name(PROGRAM),
        description=command_name.format_description(PROGRAM, __doc__),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--out", type=expand_home, metavar="DIR", help=f"the results (default: {DEFAULT_OUT})"
    )
    parser.add_argument(
        "--data",
        type=expand_home,
        metavar="DIR",
        help="the data sets; simulated scenes and scaled images are checked "
        f"(default: {DEFAULT_DATA})",
    )
    parser.add_argument("--repair", action="store_true", help="remove what is damaged")
    return parser


if __name__ == "__main__":
    run_program(main)
