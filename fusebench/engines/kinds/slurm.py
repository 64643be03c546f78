"""Slurm as an engine: start it, describe and cancel the jobs that were submitted.

submitit: https://github.com/facebookincubator/submitit
"""

import shutil
from collections.abc import Mapping, Sequence

from fusebench.config.engine_settings import EngineSettings, SlurmEngineSettings
from fusebench.engines.contract import Engine, EngineRequest
from fusebench.engines.kinds import slurm_queue
from fusebench.engines.kinds.slurm_engine import SlurmEngine
from fusebench.engines.kinds.slurm_queue import GONE, SLURM, QueueEntry, QueueError
from fusebench.engines.submitted import SubmittedJob
from fusebench.errors import UserError


def start_engine(settings: EngineSettings, request: EngineRequest, jobs: int) -> Engine:
    """Start the engine; see `fusebench.engines.kinds.factory.Scheduler`."""
    assert isinstance(settings, SlurmEngineSettings)
    if settings.cluster == SLURM and shutil.which("sbatch") is None:
        raise UserError(
            "engine slurm: there is no sbatch on this machine; run the command where jobs are "
            "submitted, or try it with `--set engine.cluster=local`"
        )
    return SlurmEngine(settings, request, min(settings.array, jobs))


def describe_jobs(jobs: Sequence[SubmittedJob]) -> Mapping[str, str]:
    """Describe where jobs are; see `fusebench.engines.kinds.factory.Scheduler`."""
    try:
        entries = slurm_queue.read_queue(jobs)
    except QueueError as error:
        return {job.id: f"{slurm_queue.get_name(job)} ({error})" for job in jobs}
    return {
        job.id: f"{slurm_queue.get_name(job)}: {_describe_entry(entries[job.number])}"
        for job in jobs
        if not entries.get(job.number, GONE).has_ended and job.number in entries
    }


def cancel_jobs(jobs: Sequence[SubmittedJob]) -> Mapping[str, str]:
    """Cancel jobs; see `fusebench.engines.kinds.factory.Scheduler`."""
    return slurm_queue.cancel_jobs(jobs)


def _describe_entry(entry: QueueEntry) -> str:
    reason = f" ({entry.reason})" if entry.reason else ""
    return f"{entry.state.lower()}{reason}"
