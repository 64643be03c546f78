"""Feed damaged files to every reader; prints what happened as JSON.

Started by `tests.faults.test_reader_fuzzing` as a process of its own: its memory is limited.
Arguments: finished study, working folder, seconds per reader, random seed.
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
from tests.faults.injection.file_readers import FileReader, list_readers
from tests.faults.injection.mutations import mutate

MEMORY_LIMIT = 12 << 30  # bytes of address space; torch alone maps several
HANG_SECONDS = 8


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
    while time.monotonic() < deadline:
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


def main(study: Path, folder: Path, seconds: float, seed: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
    signal.signal(signal.SIGALRM, raise_hang)
    warnings.simplefilter("ignore")
    rng, total, faults = random.Random(seed), Counter[str](), {}
    for title, reader in list_readers(study, folder).items():
        place = folder / "damaged"
        place.mkdir(parents=True)
        outcomes, new_faults = fuzz(reader, place, seconds, rng)
        shutil.rmtree(place)
        total += outcomes
        faults |= {f"{title}: {name}": text for name, text in new_faults.items()}
    print(json.dumps({"outcomes": total, "faults": faults}))  # noqa: T201 - the answer


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4]))
