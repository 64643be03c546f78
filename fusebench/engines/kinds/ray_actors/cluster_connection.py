"""Connection to a Ray cluster, or a cluster of this machine alone that ends with the command."""

import os
import re
import shutil
import signal
import socket
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fusebench.errors import UserError, shorten
from fusebench.runtime import process_pool

NAMESPACE = "fusebench"  # of the names of all workers
STARTUP_ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    # A worker without a GPU sees none: `job_executor` sets that itself, Ray would warn.
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}
NICENESS_VARIABLE = "RAY_worker_niceness"  # Ray's default is 15: everything else has precedence
CONNECT_SECONDS = 10.0
OBJECT_STORE_BYTES = 80 * 2**20  # about the smallest that Ray accepts: results are in the store
# Ray adds up to 70 characters to it, and the path of a socket has at most 107.
MAX_TEMPORARY_FOLDER_LENGTH = 36


@dataclass(frozen=True)
class Node:
    """One machine of a cluster.

    Attributes:
        id: Its id in Ray.
        host: Its name.
        cpus: CPUs that Ray divides, used or not.
        gpus: GPUs that Ray divides.
    """

    id: str
    host: str
    cpus: float
    gpus: float


@dataclass(frozen=True)
class Cluster:
    """A cluster to which this process is connected.

    Attributes:
        address: Where another process finds it; empty: it ends with this process.
        nodes: Its machines at this moment.
        folder: Ray's own files, removed in the end; None: they are not of this process.
    """

    address: str
    nodes: tuple[Node, ...]
    folder: Path | None = None

    @property
    def outlives_command(self) -> bool:
        """Whether the cluster exists without this process, and its jobs can continue."""
        return bool(self.address)


def import_ray() -> Any:
    """Import Ray, without reports about its usage."""
    os.environ.update(STARTUP_ENVIRONMENT)
    import ray

    return ray


def connect(address: str | None) -> Cluster:
    """Connect to the cluster of an address, or start one on this machine.

    Args:
        address: ``host:port``, ``ray://host:port``, or ``auto`` for the cluster of this machine.
            None: ``RAY_ADDRESS`` if it is set, as in Ray; otherwise a cluster is started.

    Raises:
        UserError: If there is no such cluster, or its versions differ.
    """
    address = address or os.environ.get("RAY_ADDRESS") or None
    if address == "local":
        address = None
    return _start() if address is None else _connect(address)


def reconnect(address: str) -> Cluster:
    """Connect to the cluster of a `Cluster.address` again.

    As ``auto`` if this machine belongs to it: Ray then finds its token, too.

    Raises:
        UserError: If it cannot be reached.
    """
    with suppress(UserError):
        cluster = _connect("auto")
        if cluster.address == address:
            return cluster
        disconnect(cluster)
    return _connect(address)


def disconnect(cluster: Cluster) -> None:
    """Disconnect from a cluster; one that this process started ends."""
    import_ray().shutdown()
    if cluster.folder is not None:
        shutil.rmtree(cluster.folder, ignore_errors=True)


def count_jobs(node: Node, cpus: float, gpus: float) -> int:
    """Count the jobs that fit on a node at once. A share of a GPU is one of a single GPU."""
    counts = [node.cpus // cpus] if cpus else []
    if gpus >= 1:
        counts.append(node.gpus // gpus)
    elif gpus:
        counts.append(int(node.gpus) * int(1 / gpus + 1e-9))
    return int(min(counts, default=0))


def list_nodes() -> tuple[Node, ...]:
    """List the machines of the cluster that are alive now."""
    return tuple(
        Node(
            node["NodeID"],
            node["NodeManagerHostname"],
            node["Resources"].get("CPU", 0.0),
            node["Resources"].get("GPU", 0.0),
        )
        for node in import_ray().nodes()
        if node["Alive"]
    )


def get_actor(name: str) -> Any | None:
    """Return the handle of an actor by its name; None if it has ended."""
    try:
        return import_ray().get_actor(name, NAMESPACE)
    except ValueError:
        return None


def ask(references: Mapping[str, Any], seconds: float) -> dict[str, Any]:
    """Wait for answers of actors.

    Args:
        references: Any key to the reference of an answer.
        seconds: How long all of them have to answer.

    Returns:
        The answers; None of an actor that does not answer, e.g. because it waits for a GPU. Those
        that are dead are left out.
    """
    ray, pending = import_ray(), list(references.values())
    if not pending:
        return {}
    ready, _ = ray.wait(pending, num_returns=len(pending), timeout=seconds)
    answers = {}
    for key, reference in references.items():
        with suppress(ray.exceptions.RayError):
            answers[key] = ray.get(reference) if reference in ready else None
    return answers


def explain_error(error: BaseException) -> str:
    """Explain in one line why an actor or a task did not answer."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if not lines:
        return type(error).__name__
    # Of pages about memory the first sentence says it; other errors end with the reason.
    is_about_memory = type(error).__name__ == "OutOfMemoryError"
    reason = lines[0] if is_about_memory else lines[-1].removeprefix("RuntimeError: ")
    address = re.search(r"\bip: [\w.:]*\w", str(error), re.IGNORECASE)
    return shorten(reason.partition(". ")[0] + (f" ({address[0]})" if address else ""))


def _start() -> Cluster:
    """Start Ray for this process only: it listens on this machine, and has a folder of its own."""
    ray = import_ray()
    os.environ.setdefault(NICENESS_VARIABLE, "0")
    folder = _create_temporary_folder()
    try:
        with _keep_signal_handlers():
            ray.init(
                "local",
                num_cpus=process_pool.count_available_cpus(),
                object_store_memory=OBJECT_STORE_BYTES,
                include_dashboard=False,
                _temp_dir=str(folder),
                _node_ip_address="127.0.0.1",
                **_get_common_options(),
            )
    except (OSError, RuntimeError, ValueError) as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise UserError(f"Ray cannot be started on this machine: {error}") from error
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return Cluster("", list_nodes(), folder)


def _connect(address: str) -> Cluster:
    ray = import_ray()
    check_reachable(address)
    try:
        with _keep_signal_handlers():
            ray.init(address, **_get_common_options())
    except (OSError, RuntimeError, ValueError, ImportError) as error:
        raise UserError(
            f"engine.address {address!r}: {' '.join(str(error).split())}; expected `auto` on a "
            "machine of the cluster, host:port, or ray://host:10001, and the environment variable "
            "RAY_AUTH_MODE=token where the cluster asks for a token"
        ) from error
    if "://" not in address:  # `auto` is found on this machine only
        address = ray.get_runtime_context().gcs_address
    return Cluster(address, list_nodes())


def check_reachable(address: str) -> None:
    """Check that a process listens at an address: Ray itself waits for it for minutes.

    Raises:
        UserError: If none does.
    """
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdecimal():
        return  # `auto`, or something that Ray refuses
    try:
        with socket.create_connection((host.strip("[]"), int(port)), CONNECT_SECONDS):
            pass
    except (OSError, OverflowError) as error:
        raise UserError(
            f"engine.address {address!r}: no Ray cluster there ({error}); "
            "`ray status` on a machine of the cluster shows its address"
        ) from error


def _get_common_options() -> dict[str, Any]:
    return {"namespace": NAMESPACE, "log_to_driver": False, "logging_level": "ERROR"}


def _create_temporary_folder() -> Path:
    """Create a folder with a short path, also where TMPDIR is long."""
    parent = os.environ.get("RAY_TMPDIR") or tempfile.gettempdir()
    if len(parent) > MAX_TEMPORARY_FOLDER_LENGTH - len("/fbXXXXXXXX"):
        parent = "/tmp"
    return Path(tempfile.mkdtemp(prefix="fb", dir=parent))


@contextmanager
def _keep_signal_handlers() -> Iterator[None]:
    """Restore the handler of SIGTERM in the end: Ray installs its own."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
