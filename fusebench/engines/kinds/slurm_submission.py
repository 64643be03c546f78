"""Submission of jobs to Slurm, or to processes of this machine, through submitit."""

import logging
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from submitit import AutoExecutor, Job
from submitit.helpers import clean_env

from fusebench.config.engine_settings import SlurmEngineSettings
from fusebench.engines.kinds.slurm_job import JobCommand

MAX_TIMEOUTS = 50  # after so many time limits a job is given up
SIGNAL_SECONDS = 90  # before the time limit a job is told to stop


def submit_commands(
    commands: Sequence[JobCommand], folder: Path, settings: SlurmEngineSettings, device: str
) -> list[Job[int]]:
    """Hand commands over, several as one job array; return the jobs in the same order.

    Args:
        commands: The commands.
        folder: For the files of submitit; every node has to see it.
        settings: Settings of the jobs.
        device: Device of the jobs; without a number of GPUs in the settings, it decides.

    Raises:
        submitit.core.utils.FailedJobError: If sbatch refuses them.
    """
    executor = _build_executor(folder, settings, device)
    # Ctrl-C in the terminal is neither meant for sbatch nor for jobs on this machine, which go on
    # like those of Slurm: a blocked signal stays blocked in a new process.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        with _leave_outer_job():
            if len(commands) == 1:
                return [executor.submit(commands[0])]
            with executor.batch():
                return [executor.submit(command) for command in commands]
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _build_executor(folder: Path, settings: SlurmEngineSettings, device: str) -> AutoExecutor:
    logging.getLogger("submitit").setLevel(logging.ERROR)
    gpus = settings.gpus_per_run
    if gpus is None:
        gpus = 0 if device == "cpu" else 1
    executor = AutoExecutor(
        folder,
        cluster=settings.cluster,
        slurm_max_num_timeout=MAX_TIMEOUTS,
        local_max_num_timeout=MAX_TIMEOUTS,
    )
    executor.update_parameters(
        name="fusebench",
        timeout_min=settings.time,
        cpus_per_task=settings.cpus_per_run,
        gpus_per_node=gpus or None,
        slurm_mem=settings.memory,
        slurm_partition=settings.partition,
        slurm_account=settings.account,
        slurm_qos=settings.qos,
        slurm_constraint=settings.constraint,
        slurm_setup=list(settings.setup) or None,
        slurm_array_parallelism=settings.array,
        slurm_signal_delay_s=SIGNAL_SECONDS,
        # Since Slurm 22.05, srun does not take the number of cores from sbatch.
        slurm_srun_args=[f"--cpus-per-task={settings.cpus_per_run}"],
        slurm_additional_parameters={"requeue": True},
    )
    return executor


@contextmanager
def _leave_outer_job() -> Iterator[None]:
    """Hide the variables of the Slurm job in which the command itself runs, if it does.

    The new jobs would take its memory and its cores for their own. What the user has set stays.
    """
    if "SLURM_JOB_ID" not in os.environ:
        yield
        return
    own = {
        name: value
        for name, value in os.environ.items()
        if name == "SLURM_CONF" or name.startswith("SBATCH_")
    }
    with clean_env():
        os.environ.update(own)
        yield


@contextmanager
def defer_interrupts() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM wait until jobs that are submitted in the block are noted."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    received: list[int] = []
    handlers = {
        number: signal.signal(number, lambda number, _: received.append(number))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        if received:
            signal.raise_signal(received[0])
