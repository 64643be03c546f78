"""Integrity of finished folders: every use of one is checked against its manifest.

A folder that was finished by a version without manifests gets one at its first use, if its files
are complete by their formats. Read-only folders are checked too; nothing is written there.
"""

import json
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path

from fusebench.errors import UserError
from fusebench.runtime import command_name, printable
from fusebench.runtime.file_names import MANIFEST_FILE, PARTIAL_SUFFIX, SPEC_FILE
from fusebench.storage import hashing, intact_files, manifest
from fusebench.storage.manifest import ManifestError

MAX_NAMED_FILES = 3  # of a damaged folder, in a message
MISPLACED = "does not fit the name of its folder"
CARD_SHA256 = re.compile(r"sha256\s+`([0-9a-f]{64})`")  # in a model card


def find_damage(
    folder: Path, in_full: Callable[[str], bool] = lambda _: True, *, has_spec: bool = True
) -> dict[str, str]:
    """Find the damaged files of a finished folder.

    The manifest is updated if the folder was copied, and written if it has none.

    Args:
        folder: A folder of a store, or of simulated scenes.
        in_full: Tells by name whether a file is hashed although size and time are as written.
        has_spec: Whether it is a folder of a store, whose name ends in the hash of its spec.

    Returns:
        What is wrong, by name of the file; empty if nothing is.
    """
    try:
        entries = manifest.read_manifest(folder)
    except ManifestError as error:
        return {MANIFEST_FILE: str(error)}
    if entries is None:
        return _adopt(folder, has_spec=has_spec)
    damage, copied = manifest.find_changes(folder, entries, in_full)
    if has_spec and SPEC_FILE not in damage:
        damage |= _check_spec(folder)  # a renamed folder holds the results of something else
    if copied and not damage:
        with suppress(OSError):  # a read-only folder is hashed by every process
            manifest.write_manifest(folder, {**entries, **copied})
    return damage


def _adopt(folder: Path, *, has_spec: bool) -> dict[str, str]:
    """Write the manifest of a folder without one, unless its files are damaged."""
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    faults = {path: intact_files.find_fault(path) for path in paths}
    damage = {path.relative_to(folder).as_posix(): why for path, why in faults.items() if why}
    if has_spec and SPEC_FILE not in damage:
        damage |= _check_spec(folder)
    if not damage:
        with suppress(OSError):
            manifest.write_manifest(folder, manifest.build_entries(folder))
            _report_adoption(folder.parent.parent)
    return damage


@cache
def _report_adoption(root: Path) -> None:
    """Print once per process that folders got a manifest."""
    printable.print_message(
        f"{root}: folders of an earlier version have no checksums; they are taken as they are, and "
        "their checksums are written now"
    )


def _check_spec(folder: Path) -> dict[str, str]:
    """Check that the spec of a result folder gives the hash in its name."""
    path = folder / SPEC_FILE
    if not path.exists():
        return {SPEC_FILE: "missing"}
    try:
        name_hash = hashing.content_hash(json.loads(path.read_bytes()))
    except (ValueError, TypeError):
        return {SPEC_FILE: "cannot be read"}
    if folder.name.endswith(f"-{name_hash}"):
        return {}
    return {SPEC_FILE: MISPLACED}


def build_error(folder: Path, damage: Mapping[str, str], flag: str = "--out") -> UserError:
    """Build the error about a damaged folder: the files, and the command that repairs.

    Args:
        folder: The folder, below ``<root>/<kind>/``.
        damage: See `find_damage`.
        flag: The flag that names ``<root>``: ``--out`` or ``--data``.
    """
    named = [f"{name} ({why})" for name, why in list(damage.items())[:MAX_NAMED_FILES]]
    more = len(damage) - len(named)
    others = f" and {more} more" if more else ""
    repair = command_name.get_repair_command(folder.parent.parent, flag)
    return UserError(
        f"{folder}: damaged: {', '.join(named)}{others}; run `{repair}`, which removes the folder "
        "so that it is made again, then the same command again"
    )


def check_weights(path: Path) -> Path:
    """Check a weights file against the manifest or the model card beside it, if there is one.

    Returns:
        The same path.

    Raises:
        UserError: If the file was changed since it was written.
    """
    folder, card = path.parent, path.with_suffix(".md")
    if (folder / SPEC_FILE).is_file() and not folder.name.endswith(PARTIAL_SUFFIX):
        if damage := find_damage(folder, has_spec=False):  # it may be a copy with another name
            raise build_error(folder, damage)
    elif card.is_file():
        stated = CARD_SHA256.search(card.read_text(encoding="utf-8", errors="replace"))
        if stated and stated[1] != hashing.compute_file_sha256(path):
            raise UserError(
                f"{path}: its SHA-256 is not the one in {card.name} beside it; copy both files "
                "again (weights of fusebench: install it again), or delete the card if the "
                "weights are your own"
            )
    return path
