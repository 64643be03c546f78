"""Feed damaged files to every reader; prints what happened as JSON.

Started by `tests.faults.test_reader_fuzzing` as a process of its own: its memory is limited.
Arguments: finished study, working folder, seconds for all readers, random seed.
"""

import json
import random
import resource
import shutil
import signal
import sys
import time
import traceback
import warnings
from collections import Counter
from pathlib import Path

from fusebench.errors import UserError
from tests.faults.injection import tree_readers
from tests.faults.injection.file_readers import FileReader, list_readers
from tests.faults.injection.mutations import mutate

MEMORY_LIMIT = 12 << 30  # bytes of address space; torch alone maps several
HANG_SECONDS = 8
REFUSED = (
    "GIF as PNG",
    "YOLOv5 weights",
    "released DMFuse weights",
    "fusion weights",
)  # wrong content
MIN_FILES = 3  # per reader, however short the time is


class HangError(BaseException):
    """Raised by the alarm; no ``except Exception`` of a library catches it."""


def raise_hang(*_: object) -> None:
    raise HangError


def fuzz(
    reader: FileReader, folder: Path, seconds: float, rng: random.Random
) -> tuple[Counter[str], dict[str, str]]:
    """Read damaged files for some seconds; count outcomes, and keep one traceback of each fault."""
    outcomes: Counter[str] = Counter()
    faults: dict[str, str] = {}
    path, deadline = folder / reader.name, time.monotonic() + seconds
    while time.monotonic() < deadline or outcomes.total() < MIN_FILES:
        content = mutate(reader.content, rng)
        path.write_bytes(content)
        signal.alarm(HANG_SECONDS)
        try:
            reader.read(path)
            outcome = "read"
        except UserError:
            outcome = "refused"
        except BaseException as error:  # noqa: BLE001 - every other exception is a fault
            signal.alarm(0)
            outcome = type(error).__name__
            if outcome not in faults:
                faults[outcome] = traceback.format_exc(limit=-4)
                (folder.parent / f"{outcome}-{reader.name}").write_bytes(content)
        finally:
            signal.alarm(0)
        outcomes[outcome] += 1
    return outcomes, faults


def check_valid_file(title: str, reader: FileReader, folder: Path) -> None:
    """Read the undamaged file: a reader with wrong arguments would refuse every file."""
    path = folder / reader.name
    path.write_bytes(reader.content)
    try:
        reader.read(path)
    except UserError as error:
        if title not in REFUSED:
            raise AssertionError(f"{title}: the valid file is refused: {error}") from error


def main(study: Path, folder: Path, seconds: float, seed: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
    signal.signal(signal.SIGALRM, raise_hang)
    warnings.simplefilter("ignore")
    rng, total, faults = random.Random(seed), Counter[str](), {}
    folder.mkdir(parents=True)
    readers = list_readers(study, folder) | tree_readers.list_tree_readers()
    for title, reader in readers.items():
        place = folder / "damaged"
        place.mkdir()
        check_valid_file(title, reader, place)
        outcomes, new_faults = fuzz(reader, place, seconds / len(readers), rng)
        shutil.rmtree(place)
        total += outcomes
        faults |= {f"{title}: {name}": text for name, text in new_faults.items()}
    print(json.dumps({"outcomes": total, "faults": faults}))  # noqa: T201 - the answer


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4]))
