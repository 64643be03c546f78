"""The engine ``kind: ray``: start, and the jobs that outlive the command.

See `fusebench.engines.kinds.factory.Scheduler`.
"""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from fusebench.config.engine_settings import EngineSettings, RayEngineSettings
from fusebench.engines.contract import Engine, EngineRequest
from fusebench.engines.kinds.ray_actors import cluster_connection
from fusebench.engines.kinds.ray_actors.actor_engine import ANSWER_SECONDS, RayEngine
from fusebench.engines.kinds.ray_actors.cluster_connection import Cluster, Node
from fusebench.engines.submitted import SubmittedJob
from fusebench.errors import UserError

CANCEL_SECONDS = 8.0  # that a worker has to stop its job


def start_engine(settings: EngineSettings, request: EngineRequest, jobs: int) -> Engine:
    """Connect to the cluster, or start one on this machine, and check it.

    Raises:
        UserError: If there is no cluster, no machine has room for a job, or one cannot execute it.
    """
    assert isinstance(settings, RayEngineSettings)
    if re.fullmatch(r"cuda:\d+", request.device):
        raise UserError(
            f"--device {request.device}: Ray gives each job its GPU; use `--device cuda`"
        )
    cluster = cluster_connection.connect(settings.address)
    try:
        gpus = choose_gpus(settings.gpus_per_run, request.device, cluster.nodes)
        capacity = choose_capacity(cluster, settings.workers, settings.cpus_per_run, gpus)
        return RayEngine(cluster, request, min(capacity, jobs), settings.cpus_per_run, gpus)
    except BaseException:
        cluster_connection.disconnect(cluster)
        raise


def choose_gpus(gpus_per_run: float | None, device: str, nodes: Sequence[Node]) -> float:
    """Choose how many GPUs a job gets.

    Args:
        gpus_per_run: As set; None: one, unless the device is the CPU, or there is none.
        device: ``auto``, ``cpu`` or ``cuda``.
        nodes: Machines of the cluster.

    Raises:
        UserError: If jobs shall use a GPU and get none.
    """
    if gpus_per_run == 0 and device == "cuda":
        raise UserError("engine.gpus_per_run: 0 does not go with --device cuda")
    if gpus_per_run is not None:
        return gpus_per_run
    has_gpus = any(node.gpus for node in nodes)
    return 1.0 if device == "cuda" or (device == "auto" and has_gpus) else 0.0


def choose_capacity(cluster: Cluster, workers: int | None, cpus: int, gpus: float) -> int:
    """Choose how many jobs there are at once: as many as fit, or fewer.

    A cluster may grow when jobs wait, therefore a number that the user sets is not reduced there.

    Args:
        cluster: The cluster.
        workers: Largest number; None: not set.
        cpus: CPUs of a job.
        gpus: GPUs of a job.

    Raises:
        UserError: If no machine has room for a job.
    """
    room = sum(cluster_connection.count_jobs(node, cpus, gpus) for node in cluster.nodes)
    if workers is not None and cluster.outlives_command:
        return workers
    if not room:
        sizes = {f"{node.cpus:g} CPUs and {node.gpus:g} GPUs" for node in cluster.nodes}
        hint = "; if it grows when jobs wait, set engine.workers" if cluster.address else ""
        raise UserError(
            f"engine ray: no machine has {cpus} CPUs and {gpus:g} GPUs for a job "
            f"(engine.cpus_per_run, engine.gpus_per_run); there are {' or '.join(sorted(sizes))}"
            f"{hint}"
        )
    return min(room, workers or room)


def describe_jobs(jobs: Sequence[SubmittedJob]) -> Mapping[str, str]:
    """Describe where jobs are; see `fusebench.engines.kinds.factory.Scheduler`."""
    descriptions: dict[str, str] = {}
    for address, group in _group_by_address(jobs).items():
        place = f"Ray cluster {address}"
        try:
            cluster = cluster_connection.reconnect(address)
        except UserError:
            descriptions |= {job.id: f"{place}, which does not answer" for job in group}
            continue
        try:
            answers = _ask_for_jobs(group)
            descriptions |= {
                job.id: f"{place}, waits for CPUs or a GPU" if answers[job.id] is None else place
                for job in group
                if answers.get(job.id, "") in (job.id, None)
            }
        finally:
            cluster_connection.disconnect(cluster)
    return descriptions


def cancel_jobs(jobs: Sequence[SubmittedJob]) -> Mapping[str, str]:
    """Cancel jobs; see `fusebench.engines.kinds.factory.Scheduler`."""
    reasons: dict[str, str] = {}
    for address, group in _group_by_address(jobs).items():
        try:
            cluster = cluster_connection.reconnect(address)
        except UserError as error:
            reasons |= {job.id: str(error) for job in group}
            continue
        try:
            answers = _ask_for_jobs(group)
            _end_actors([job for job in group if answers.get(job.id, "") in (job.id, None)])
        finally:
            cluster_connection.disconnect(cluster)
    return reasons


def _ask_for_jobs(jobs: Sequence[SubmittedJob]) -> dict[str, Any]:
    """Ask the actors of jobs which job they execute; None: they wait for CPUs or a GPU."""
    handles = {job.id: cluster_connection.get_actor(job.number) for job in jobs}
    questions = {
        job_id: handle.get_job.remote() for job_id, handle in handles.items() if handle is not None
    }
    return cluster_connection.ask(questions, ANSWER_SECONDS)


def _end_actors(jobs: Sequence[SubmittedJob]) -> None:
    """Let the actors of jobs stop them, and end the actors."""
    ray = cluster_connection.import_ray()
    handles = [cluster_connection.get_actor(job.number) for job in jobs]
    alive = [handle for handle in handles if handle is not None]
    stops = {str(number): handle.cancel.remote() for number, handle in enumerate(alive)}
    cluster_connection.ask(stops, CANCEL_SECONDS)
    for handle in alive:
        with suppress(Exception):  # it ended a moment ago
            ray.kill(handle)


def _group_by_address(jobs: Sequence[SubmittedJob]) -> dict[str, list[SubmittedJob]]:
    groups: dict[str, list[SubmittedJob]] = {}
    for job in jobs:
        groups.setdefault(job.address, []).append(job)
    return groups
