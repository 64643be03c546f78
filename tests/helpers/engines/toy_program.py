"""A program for tests of engines: each job does what the first word of its id says."""

import os
import signal
import sys
import time
from pathlib import Path

EXIT_STATUS = {"good": 0, "bad": 1, "wrong": 2, "held": 75}


def main(argv):
    """Called with ``FOLDER --job ID``: append the id to the folder's log, then end as it says."""
    folder, job_id = Path(argv[0]), argv[argv.index("--job") + 1]
    with (folder / "calls").open("a") as file:
        file.write(f"{job_id} {os.getpid()} {os.environ.get('OMP_NUM_THREADS')}\n")
    print(f"output of {job_id}")  # noqa: T201
    print(f"error of {job_id}", file=sys.stderr)  # noqa: T201
    word = job_id.partition("/")[2].partition("-")[0]
    if word == "killed" and not (folder / f"{job_id.replace('/', '-')}.once").exists():
        (folder / f"{job_id.replace('/', '-')}.once").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    if word == "raises":
        raise ValueError("a bug")
    if word == "sleeps":
        time.sleep(600)
    return EXIT_STATUS.get(word, 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
