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

from bench import lock, names
from bench.digest import DIGITS, digest


@dataclass(frozen=True)
class Folder:
    """A finished result folder."""

    path: Path
    spec: Mapping[str, Any]


@dataclass(frozen=True)
class Store:
    """Result folders under one root."""

    root: Path

    def path(self, kind: str, label: str, spec: Mapping[str, Any]) -> Path:
        """Where the finished folder for ``spec`` is, or would be."""
        return self.root / kind / f"{names.safe(label)}-{digest(spec)}"

    def fill(
        self, kind: str, label: str, spec: Mapping[str, Any], work: Callable[[Path], None]
    ) -> Folder:
        """Return the folder for ``spec``, calling ``work(folder)`` first if it is not finished.

        ``work`` may find files of an earlier, interrupted call in the folder it is given.
        """
        final = self.path(kind, label, spec)
        if not final.exists():
            locks = self.root / ".locks"
            locks.mkdir(parents=True, exist_ok=True)
            with lock.held(locks / f"{final.name}.lock", final.name):
                if not final.exists():  # another process may have finished it meanwhile
                    partial = final.with_name(final.name + ".partial")
                    partial.mkdir(parents=True, exist_ok=True)
                    try:
                        work(partial)
                    except BaseException:
                        if not any(partial.iterdir()):
                            partial.rmdir()  # nothing in it to go on with
                        raise
                    _without_halves(partial)
                    (partial / names.SPEC).write_text(json.dumps(spec, indent=2, sort_keys=True))
                    partial.rename(final)
        return Folder(final, spec)

    def finished(self, kind: str) -> Iterator[Folder]:
        """Every finished folder of one kind, in name order."""
        for path in sorted((self.root / kind).glob(f"*/{names.SPEC}")):
            if not path.parent.name.endswith(".partial"):
                yield Folder(path.parent, json.loads(path.read_text()))

    def like(self, kind: str, label: str) -> list[Path]:
        """Finished folders of a label, whatever their specs."""
        found = (self.root / kind).glob(f"{glob.escape(names.safe(label))}-{DIGITS}/{names.SPEC}")
        return sorted(file.parent for file in found)


def _without_halves(folder: Path) -> None:
    """Delete what `bench.images.write` left when an earlier process was killed while writing."""
    for left in folder.rglob(".*"):
        if left.is_file():
            left.unlink()
