"""Code that Ray sends to a machine as it is, because fusebench may be missing there.

Functions and classes that are defined in a function are pickled by value. They import what they
need themselves, and nothing of fusebench before they have checked the machine.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Place:
    """What every machine that executes jobs must have.

    Attributes:
        folder: Current folder of the command: relative paths of its arguments start there.
        results: The folder of results.
        identity: What distinguishes it from others; see `machine_checks.read_identity`.
        import_paths: ``PYTHONPATH`` of the command.
        python: Version of Python, e.g. ``3.11``.
        version: Version of fusebench; empty: not installed, but in a folder of ``import_paths``.
    """

    folder: str
    results: str
    identity: str
    import_paths: tuple[str, ...]
    python: str
    version: str


def build_check() -> Callable[[dict[str, Any]], str]:
    """Build the function that checks a machine: it gets the attributes of a `Place` as a mapping.

    It returns what is wrong, or an empty text.
    """

    def check_place(place: dict[str, Any]) -> str:
        import importlib
        import importlib.metadata
        import socket
        import sys
        import time
        from pathlib import Path

        here = socket.gethostname()
        python = f"{sys.version_info[0]}.{sys.version_info[1]}"
        if python != place["python"]:
            return f"{here} has Python {python}, the command was started with {place['python']}"
        folder = place["folder"]
        if not Path(folder).is_dir():
            return f"{here} has no folder {folder}, in which the command was started"
        results = place["results"]
        identity = Path(results, ".jobs", "identity")
        for _ in range(5):  # NFS shows new files late
            if identity.exists() and identity.read_bytes().hex() == place["identity"]:
                break
            time.sleep(1)
        else:
            return (
                f"on {here}, {results} is not the folder of results of this command; machines "
                "must share it, at the same path"
            )
        sys.path[:0] = [path for path in place["import_paths"] if path not in sys.path]
        if folder not in sys.path:
            sys.path.append(folder)
        try:
            importlib.import_module("fusebench.engines.contract")
        except ImportError as error:
            return f"on {here}, {sys.executable} cannot import fusebench: {error}"
        try:
            version = importlib.metadata.version("fusebench")
        except importlib.metadata.PackageNotFoundError:
            version = ""
        if version != place["version"]:
            return f"{here} has fusebench {version or '(not installed)'}, not {place['version']}"
        return ""

    return check_place


def build_actor_class() -> type:
    """Build the class of the actor: a `job_executor.JobExecutor`, behind the check of its machine.

    It gets the attributes of a `Place`, and the arguments of the executor, pickled.
    """
    check_place = build_check()

    class Worker:
        def __init__(self, place: dict[str, Any], arguments: bytes) -> None:
            problem = check_place(place)
            if problem:
                raise RuntimeError(problem)
            import os
            import pickle

            from fusebench.engines.kinds.ray_actors.job_executor import JobExecutor

            os.chdir(place["folder"])
            self.executor = JobExecutor(*pickle.loads(arguments))
            self.executor.end_process_when_idle()

        def execute(self, job_id: str, seconds_to_wait: float) -> tuple[int | None, str, bool]:
            end = self.executor.execute(job_id, seconds_to_wait)
            return end.status, end.reason, end.is_canceled

        def get_job(self) -> str:
            return self.executor.get_job()

        def cancel(self) -> None:
            self.executor.cancel()

    return Worker
