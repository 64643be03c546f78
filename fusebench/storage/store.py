"""Where results lie on disk, and how an interrupted run picks up where it stopped.

A stage asks for a folder by *spec*, the JSON-ready mapping of everything that decides its result:

    runs/<kind>/<label>-<digest>/           finished: whatever is in it can be trusted
    runs/<kind>/<label>-<digest>.partial/   started: files in it are kept and used on restart

``spec.json`` is written last, and then the folder gets its final name in one rename. A folder
without ``.partial`` is therefore complete, whenever the machine went down. One process at a time
fills a folder; the lock is released by the system even if that process is killed.
"""

import glob
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fusebench.runtime import file_names
from fusebench.storage import file_lock
from fusebench.storage.hashing import HASH_GLOB, content_hash


@dataclass(frozen=True)
class ResultFolder:
    """A finished result folder."""

    path: Path
    spec: Mapping[str, Any]


@dataclass(frozen=True)
class Store:
    """Result folders under one root."""

    root: Path

    def get_path(self, kind: str, label: str, spec: Mapping[str, Any]) -> Path:
        """Where the finished folder for ``spec`` is, or would be."""
        return self.root / kind / f"{file_names.make_safe_file_name(label)}-{content_hash(spec)}"

    def get_or_create(
        self, kind: str, label: str, spec: Mapping[str, Any], work: Callable[[Path], None]
    ) -> ResultFolder:
        """Return the folder for ``spec``, calling ``work(folder)`` first if it is not finished.

        ``work`` may find files of an earlier, interrupted call in the folder it is given.
        """
        final = self.get_path(kind, label, spec)
        if not final.exists():
            locks = self.root / ".locks"
            locks.mkdir(parents=True, exist_ok=True)
            with file_lock.hold_lock(locks / f"{final.name}.lock", final.name):
                if not final.exists():  # another process may have finished it meanwhile
                    partial = final.with_name(final.name + ".partial")
                    partial.mkdir(parents=True, exist_ok=True)
                    try:
                        work(partial)
                    except BaseException:
                        if not any(partial.iterdir()):
                            partial.rmdir()  # nothing in it to go on with
                        raise
                    _delete_partial_files(partial)
                    (partial / file_names.SPEC_FILE).write_text(
                        json.dumps(spec, indent=2, sort_keys=True)
                    )
                    partial.rename(final)
        return ResultFolder(final, spec)

    def iterate_finished(self, kind: str) -> Iterator[ResultFolder]:
        """Every finished folder of one kind, in name order."""
        for path in sorted((self.root / kind).glob(f"*/{file_names.SPEC_FILE}")):
            if not path.parent.name.endswith(".partial"):
                yield ResultFolder(path.parent, json.loads(path.read_text()))

    def with_label(self, kind: str, label: str) -> list[Path]:
        """Finished folders of a label, whatever their specs."""
        found = (self.root / kind).glob(
            f"{glob.escape(file_names.make_safe_file_name(label))}-{HASH_GLOB}/{file_names.SPEC_FILE}"
        )
        return sorted(file.parent for file in found)


def _delete_partial_files(folder: Path) -> None:
    """Delete what `fusebench.data.images.write_png` left when an earlier process was killed while writing."""
    for left in folder.rglob(".*"):
        if left.is_file():
            left.unlink()
