"""Checks that the machines of a cluster have what a job needs, before anything is computed."""

import os
import secrets
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from fusebench.engines.kinds.ray_actors import cluster_connection, job_executor, sent_code
from fusebench.engines.kinds.ray_actors.cluster_connection import Cluster
from fusebench.engines.kinds.ray_actors.sent_code import Place
from fusebench.engines.states import JOBS_FOLDER
from fusebench.errors import UserError, limit_lines
from fusebench.runtime import atomic_write

IDENTITY_FILE = "identity"  # below `JOBS_FOLDER`
CHECK_SECONDS = 60.0  # that all machines have; Ray starts a process on each


def read_identity(root: Path) -> str:
    """Read what distinguishes a store from others; the first caller creates it.

    Raises:
        UserError: If it can be neither read nor written.
    """
    path = root / JOBS_FOLDER / IDENTITY_FILE
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            atomic_write.write_text_atomically(path, secrets.token_hex(16))
        return path.read_bytes().hex()
    except OSError as error:
        raise UserError(f"{path}: cannot be read or written: {error}") from error


def build_place(root: Path, environment: Mapping[str, str]) -> Place:
    """Build what every machine must have, from what this process has.

    Args:
        root: Folder of the store.
        environment: Variables of this process.
    """
    paths = environment.get("PYTHONPATH", "").split(os.pathsep)
    return Place(
        folder=str(Path.cwd()),
        results=str(root.absolute()),
        identity=read_identity(root),
        import_paths=tuple(str(Path(path).absolute()) for path in paths if path),
        python=f"{sys.version_info[0]}.{sys.version_info[1]}",
        version=job_executor.read_version(),
    )


def check_nodes(cluster: Cluster, place: Place, cpus: int, gpus: float) -> None:
    """Check every machine that has room for a job.

    Args:
        cluster: The cluster, connected.
        place: What they must have.
        cpus: CPUs of a job.
        gpus: GPUs of a job.

    Raises:
        UserError: With one line per machine that cannot execute jobs.
    """
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    ray = cluster_connection.import_ray()
    check = ray.remote(sent_code.build_check())
    references = {
        node: check.options(
            num_cpus=0,
            max_retries=0,
            scheduling_strategy=NodeAffinitySchedulingStrategy(node.id, soft=False),
        ).remote(asdict(place))
        for node in cluster.nodes
        if cluster_connection.count_jobs(node, cpus, gpus)
    }
    pending = list(references.values())
    ready, _ = ray.wait(pending, num_returns=len(pending), timeout=CHECK_SECONDS)
    problems = {}
    for node, reference in references.items():
        problems[node.id] = f"{node.host} does not answer in {CHECK_SECONDS:.0f} seconds"
        if reference in ready:
            try:
                problems[node.id] = ray.get(reference)
            except ray.exceptions.RayError as error:
                reason = cluster_connection.explain_error(error)
                problems[node.id] = f"{node.host}: {reason}"
    alive = {node.id for node in cluster_connection.list_nodes()}  # one may go down meanwhile
    lines = [text for node_id, text in problems.items() if text and node_id in alive]
    if lines:
        raise UserError(limit_lines(f"Ray cluster {cluster.address}: " + "\n".join(lines)))
