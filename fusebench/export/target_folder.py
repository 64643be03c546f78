"""The folder of an export: complete or called ``.partial``, and never overwritten silently.

An export fills ``DIR.partial`` and renames it. ``spec.json`` says what was exported and
``manifest.json`` has the checksums of the files, so that a second call of the same command finds
that nothing is to be done. What an interruption has left in ``DIR.partial`` is made again.
"""

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from fusebench.errors import UserError
from fusebench.runtime import atomic_write
from fusebench.runtime.file_names import MANIFEST_FILE, PARTIAL_SUFFIX, SPEC_FILE
from fusebench.runtime.reading.json_files import read_json
from fusebench.runtime.system_errors import name_file
from fusebench.storage import file_lock, integrity, manifest, store
from fusebench.storage.manifest import ManifestError

FORMAT_KEY = "export"  # of spec.json: the format; no other folder of this project has it
LINKS_FILE = "links.json"  # symbolic links and where they lead; the manifest has files only
CACHE_SUFFIXES = (".cache", ".npy")  # files that training programs write beside the data
ADVICE = "choose another folder with --into"


def write_export(
    target: Path, spec: Mapping[str, Any], write: Callable[[Path], None], *, overwrite: bool
) -> bool:
    """Write an export, unless the folder holds it already.

    Args:
        target: The folder; its parents are created.
        spec: Everything that decides the files, with the format under `FORMAT_KEY`.
        write: Fills the empty folder that it gets.
        overwrite: Replace another export in the folder.

    Returns:
        Whether it was written; False if the folder holds the same already.

    Raises:
        UserError: If the folder holds something else.
    """
    final = _resolve(target)
    final.parent.mkdir(parents=True, exist_ok=True)
    with file_lock.hold_lock(final.with_name(f".{final.name}.lock"), str(target)):
        has_export = final.is_dir() and any(final.iterdir())
        if has_export:
            difference = _find_difference(final, spec)
            if difference is None:
                return False
            if not overwrite:
                raise UserError(f"{target}: {difference}; {ADVICE}, or replace it with --overwrite")
            _check_no_other_files(final)
        partial = final.with_name(final.name + PARTIAL_SUFFIX)
        _prepare(partial, spec)
        with name_file(partial):
            write(partial)
            _list_links(partial)
        if has_export:
            store.discard_folder(final)
        elif final.is_dir():
            final.rmdir()
        store.finish_partial_folder(partial, final)
    return True


def _resolve(target: Path) -> Path:
    """Return the absolute path of the folder.

    Raises:
        UserError: If it is a file, the current folder or one above it.
    """
    final = target.resolve()
    if final.exists() and not final.is_dir():
        raise UserError(f"--into {target}: is a file; name a folder")
    if Path.cwd().resolve().is_relative_to(final):
        raise UserError(f"--into {target}: is the current folder or above it; name a new folder")
    return final


def _read_spec(folder: Path) -> Mapping[str, Any] | None:
    """Return the spec of an export; None if the folder is no export."""
    path = folder / SPEC_FILE
    if not path.is_file():
        return None
    try:
        spec = read_json(path)
    except UserError:
        return None
    return spec if isinstance(spec, dict) and FORMAT_KEY in spec else None


def _find_difference(folder: Path, spec: Mapping[str, Any]) -> str | None:
    """Return how the content of a folder differs from the export that is asked for, or None.

    Raises:
        UserError: If it is no export: its files are never removed.
    """
    present = _read_spec(folder)
    if present is None:
        raise UserError(f"{folder}: holds files that are no export; {ADVICE}")
    if dict(present) != json.loads(json.dumps(spec)):
        return f"holds another export ({present[FORMAT_KEY]}, or of other data)"
    damage = integrity.find_damage(folder, has_spec=False)
    if damage:
        name, reason = next(iter(damage.items()))
        return f"was changed since it was exported ({name}: {reason})"
    links = read_json(folder / LINKS_FILE) if (folder / LINKS_FILE).exists() else {}
    broken = next((name for name in links if not (folder / name).exists()), None)
    if broken is not None:
        return f"was changed since it was exported ({broken}: the link or its image is missing)"
    return None


def _list_links(folder: Path) -> None:
    """Write the symbolic links below a folder into `LINKS_FILE`, if there are any."""
    links = {
        path.relative_to(folder).as_posix(): str(path.readlink())
        for path in sorted(folder.rglob("*"))
        if path.is_symlink()
    }
    if links:
        atomic_write.write_text_atomically(folder / LINKS_FILE, json.dumps(links, indent=1))


def _check_no_other_files(folder: Path) -> None:
    """Raise a `UserError` if a folder holds files that were not exported, e.g. trained weights."""
    try:
        entries = manifest.read_manifest(folder) or {}
    except ManifestError:
        entries = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        is_own = name in entries or name == MANIFEST_FILE or path.suffix in CACHE_SUFFIXES
        if path.is_file() and not path.is_symlink() and not is_own:
            raise UserError(
                f"{folder}: holds files that were not exported (first: {name}); move them away, "
                f"or {ADVICE}"
            )


def _prepare(partial: Path, spec: Mapping[str, Any]) -> None:
    """Create the folder to fill; an unfinished export in it is removed.

    Raises:
        UserError: If it holds anything else.
    """
    if partial.exists():
        is_empty = partial.is_dir() and not any(partial.iterdir())
        if not is_empty and _read_spec(partial) is None:
            raise UserError(f"{partial}: is no unfinished export; move it away, or {ADVICE}")
        shutil.rmtree(partial)
    partial.mkdir()
    atomic_write.write_text_atomically(
        partial / SPEC_FILE, json.dumps(spec, indent=2, sort_keys=True)
    )
