"""Shards of a folder of fused images: parts of it that several processes fuse at the same time.

A shard has a folder and a lock of its own beside the folder that is filled:

    fused/<label>-<hash>.partial/              filled by the process that finishes it
    fused/<label>-<hash>.shard2of4.partial/    filled by the process of the second shard of four

So no process removes or publishes what another one is writing. Who finishes the folder moves the
images of all shards into it first, whatever their number was.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from fusebench.runtime.file_names import PARTIAL_SUFFIX
from fusebench.storage.file_lock import LockHeldError
from fusebench.storage.store import Store, prepare_partial_folder


@dataclass(frozen=True)
class Shard:
    """Every ``count``-th pair of a split, beginning with pair ``number`` (1, 2, ...)."""

    number: int
    count: int

    @property
    def suffix(self) -> str:
        """End of the names of its folder and its job."""
        return f".shard{self.number}of{self.count}"


@contextmanager
def open_shard_folder(store: Store, final: Path, shard: Shard) -> Iterator[Path]:
    """Lock and yield the folder of a shard; images of an interrupted call are kept in it.

    Args:
        store: The store.
        final: The finished folder that the shard belongs to, which does not exist yet.
        shard: The shard.

    Raises:
        LockHeldError: If another process fills it, and the store does not wait.
    """
    target = final.with_name(final.name + shard.suffix)
    with store.lock_folder(target):
        folder = target.with_name(target.name + PARTIAL_SUFFIX)
        prepare_partial_folder(folder)
        yield folder
        if final.exists():  # finished by a process that did not see this one
            shutil.rmtree(folder)


def list_existing_keys(final: Path) -> set[str]:
    """List the keys of the images that are in the unfinished folder or in one of its shards."""
    partial = final.with_name(final.name + PARTIAL_SUFFIX)
    folders = [partial, *_list_shard_folders(final)]
    return {path.stem for folder in folders for path in folder.glob("[!.]*.png")}


def collect_shards(store: Store, final: Path, partial: Path) -> None:
    """Move the images of all shards into the unfinished folder; its lock must be held.

    Raises:
        LockHeldError: If another process fills a shard, and the store does not wait.
    """
    for folder in _list_shard_folders(final):
        with store.lock_folder(_get_target(folder)):
            prepare_partial_folder(folder)
            for path in folder.glob("[!.]*.png"):
                path.replace(partial / path.name)
            shutil.rmtree(folder)


def remove_shards(store: Store, final: Path) -> None:
    """Remove what killed processes have left of the shards of a finished folder."""
    for folder in _list_shard_folders(final):
        with suppress(LockHeldError), store.lock_folder(_get_target(folder)):
            shutil.rmtree(folder, ignore_errors=True)  # another process may have removed it


def _get_target(folder: Path) -> Path:
    return folder.with_name(folder.name.removesuffix(PARTIAL_SUFFIX))


def _list_shard_folders(final: Path) -> list[Path]:
    return sorted(final.parent.glob(f"{final.name}.shard*of*{PARTIAL_SUFFIX}"))
