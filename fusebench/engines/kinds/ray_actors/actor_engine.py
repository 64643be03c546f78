"""The Ray engine: actors, each with its CPUs and its share of a GPU, that execute job after job.

On a cluster that exists without this process the actors are detached: their jobs continue when the
command has ended, and the same command finds them by the names that the store keeps
(`fusebench.engines.submitted`). An actor without a job ends soon, so that it holds no GPU.
"""

import os
import pickle
import secrets
import shlex
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

from fusebench.cli_status import EXIT_SYSTEM_FAULT
from fusebench.engines import submitted
from fusebench.engines.contract import EngineRequest, JobEnd
from fusebench.engines.jobs import Job
from fusebench.engines.kinds.ray_actors import (
    cluster_connection,
    job_executor,
    machine_checks,
    sent_code,
)
from fusebench.engines.kinds.ray_actors.cluster_connection import Cluster
from fusebench.engines.kinds.ray_actors.job_executor import WorkerSettings
from fusebench.engines.submitted import SubmittedJob

KIND = "ray"
ANSWER_SECONDS = 10.0  # that an actor has to answer; one that waits for a GPU does not
STOP_SECONDS = 4.0  # of those that a command has after Ctrl-C
HELD_SECONDS = 180.0  # after which the lease of a process that is gone has ended
THREADS_OF_ACTOR = 8  # one waits for the end of the job, the others answer


@dataclass(frozen=True)
class _Worker:
    """An actor.

    Attributes:
        name: Its name in the cluster.
        handle: Its handle in Ray.
        start: Its first answer, which it gives when it has its CPUs and GPU.
        is_adopted: Whether an earlier command created it, maybe with other arguments.
    """

    name: str
    handle: Any
    start: Any
    is_adopted: bool = False


class RayEngine:
    """Engine of Ray actors; see `fusebench.engines.contract.Engine`."""

    def __init__(
        self, cluster: Cluster, request: EngineRequest, capacity: int, cpus: int, gpus: float
    ) -> None:
        """Check the machines; actors are created with the first jobs.

        Args:
            cluster: The cluster, to which this process is connected; `close` disconnects.
            request: What is executed.
            capacity: Number of jobs at once.
            cpus: CPUs of each.
            gpus: GPUs of each, or a share of one.

        Raises:
            UserError: If a machine that has room for a job cannot execute it.
        """
        self.name = f"{_describe_cluster(cluster)} ({_describe_jobs(capacity, cpus, gpus)})"
        self.capacity = capacity
        self._ray = cluster_connection.import_ray()
        self._cluster, self._root = cluster, request.root
        self._place = machine_checks.build_place(request.root, os.environ)
        if cluster.outlives_command:
            machine_checks.check_nodes(cluster, self._place, cpus, gpus)
        environment = job_executor.select_environment(os.environ)
        settings = WorkerSettings(threads=cpus, has_gpu=gpus > 0, environment=environment)
        self._arguments = pickle.dumps((request, settings))
        self._actor_class = self._ray.remote(sent_code.build_actor_class())
        self._options = {
            "namespace": cluster_connection.NAMESPACE,
            "lifetime": "detached" if cluster.outlives_command else None,
            "num_cpus": cpus,
            "num_gpus": gpus,
            "max_concurrency": THREADS_OF_ACTOR,
        }
        self._lock = threading.Lock()  # answers arrive in threads of Ray
        self._idle: list[_Worker] = []
        self._superfluous: list[_Worker] = []  # adopted ones whose job has ended
        self._busy: dict[str, _Worker] = {}  # by id of the job
        self._lost: set[str] = set()  # ids of jobs whose actor or process died

    def submit(self, jobs: Sequence[Job]) -> list["Future[JobEnd]"]:
        """Give each job to the actor that executes it already, or an idle one, or a new one."""
        self._end_superfluous_workers()
        running = self._find_running(jobs) if self._cluster.outlives_command else {}
        return [self._start(job, running.get(job.id)) for job in jobs]

    def close(self, *, interrupted: bool) -> str:
        """Disconnect; running jobs end only with the cluster of this process."""
        running: list[str] = []
        with suppress(Exception):  # the cluster may be gone
            running = self._leave() if self._cluster.outlives_command else self._stop()
        cluster_connection.disconnect(self._cluster)
        if not interrupted or not running:
            return ""
        jobs = "job continues" if len(running) == 1 else "jobs continue"
        out = shlex.quote(str(self._root))
        return (
            f"{len(running)} {jobs} on {_describe_cluster(self._cluster)}: "
            f"`fusebench status --out {out}` shows, `fusebench cancel --out {out}` cancels them; "
            "the same command waits for them"
        )

    def _start(self, job: Job, worker: _Worker | None) -> "Future[JobEnd]":
        worker = worker or self._take_idle_worker() or self._create_worker()
        result: Future[JobEnd] = Future()
        submission = SubmittedJob(
            id=job.id, kind=KIND, number=worker.name, address=self._cluster.address
        )
        try:
            if self._cluster.outlives_command:
                submitted.write_submitted(self._root, submission)
        except OSError:
            result.set_result(JobEnd(EXIT_SYSTEM_FAULT))
            return result

        def end(answer: "Future[tuple[int | None, str, bool]]") -> None:
            job_end = self._receive(answer, worker, job.id)
            submitted.remove_submitted(self._root, submission)
            result.set_result(job_end)

        self._busy[job.id] = worker
        seconds_to_wait = HELD_SECONDS if job.id in self._lost else 0.0
        answer = worker.handle.execute.remote(job.id, seconds_to_wait).future()
        answer.add_done_callback(end)
        return result

    def _receive(
        self, answer: "Future[tuple[int | None, str, bool]]", worker: _Worker, job_id: str
    ) -> JobEnd:
        """Receive the end of a job; an actor of this command gets the next one."""
        error = answer.exception()
        job_end = (
            JobEnd(*answer.result())
            if error is None
            else JobEnd(None, cluster_connection.explain_error(error))
        )
        with self._lock:
            del self._busy[job_id]
            if error is None and worker.is_adopted:
                self._superfluous.append(worker)  # Ray cannot be called in this thread
            elif error is None:
                self._idle.insert(0, worker)  # it has what the next job imports
            if job_end.status is None:
                self._lost.add(job_id)
        return job_end

    def _find_running(self, jobs: Sequence[Job]) -> dict[str, _Worker]:
        """Find the actors that execute these jobs for an earlier command."""
        workers = {}
        for job in jobs:
            before = submitted.read_submitted(self._root, job.id)
            handle = before and before.kind == KIND and cluster_connection.get_actor(before.number)
            if before and handle:
                answer = handle.get_job.remote()
                workers[job.id] = _Worker(before.number, handle, answer, is_adopted=True)
        questions = {job_id: worker.start for job_id, worker in workers.items()}
        answers = cluster_connection.ask(questions, ANSWER_SECONDS)
        return {job_id: workers[job_id] for job_id, answer in answers.items() if answer == job_id}

    def _take_idle_worker(self) -> _Worker | None:
        """Take an idle actor that is alive and has no job of another command."""
        while True:
            with self._lock:
                if not self._idle:
                    return None
                worker = self._idle.pop(0)
            question = {worker.name: worker.handle.get_job.remote()}
            if cluster_connection.ask(question, ANSWER_SECONDS) == {worker.name: ""}:
                return worker

    def _create_worker(self) -> _Worker:
        name = f"worker-{secrets.token_hex(8)}"
        actor_class = self._actor_class.options(name=name, **self._options)
        handle = actor_class.remote(asdict(self._place), self._arguments)
        return _Worker(name, handle, handle.get_job.remote())

    def _stop(self) -> list[str]:
        """Stop all jobs."""
        stops = {id_: worker.handle.cancel.remote() for id_, worker in self._list_busy().items()}
        cluster_connection.ask(stops, STOP_SECONDS)
        return []

    def _leave(self) -> list[str]:
        """End the actors without a running job; return the ids of the running jobs."""
        self._end_superfluous_workers()
        busy = self._list_busy()
        answers = cluster_connection.ask({id_: worker.start for id_, worker in busy.items()}, 0.0)
        waiting = {id_: worker for id_, worker in busy.items() if answers.get(id_) is None}
        for worker in (*self._idle, *waiting.values()):
            self._end_worker(worker)
        for job_id in waiting:
            submission = submitted.read_submitted(self._root, job_id)
            if submission is not None:
                submitted.remove_submitted(self._root, submission)
        return [job_id for job_id in busy if job_id not in waiting]

    def _end_superfluous_workers(self) -> None:
        with self._lock:
            workers, self._superfluous = self._superfluous, []
        for worker in workers:
            self._end_worker(worker)

    def _end_worker(self, worker: _Worker) -> None:
        with suppress(Exception):  # it ended a moment ago
            self._ray.kill(worker.handle)

    def _list_busy(self) -> dict[str, _Worker]:
        with self._lock:
            return dict(self._busy)


def _describe_cluster(cluster: Cluster) -> str:
    return f"the Ray cluster {cluster.address}" if cluster.address else "Ray on this machine"


def _describe_jobs(capacity: int, cpus: int, gpus: float) -> str:
    return f"{capacity} at once, each with CPUs: {cpus}, GPUs: {gpus:g}"
