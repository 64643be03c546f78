"""Execution of one job in this process; stages are called by name, the core imports none."""

from importlib import import_module
from pathlib import Path
from typing import Any

from fusebench.engines.jobs import FUSED, PREDICTED, TRAINED, Job
from fusebench.experiments import commands, runner, shards, sources
from fusebench.experiments.planning.run import Run
from fusebench.storage.store import Store


def execute_job(job: Job, store: Store, device: str) -> None:
    """Fill the folder of a job; what it needs is made first where it is missing.

    Args:
        job: The job.
        store: The store. If it does not wait, a folder that another process fills is an error.
        device: Device for computations.

    Raises:
        UserError: If data, options or results are wrong.
        LockHeldError: See ``store``.
    """
    run = job.runs[0]
    if job.shard is not None:
        assert job.images is not None
        sources.make_shard(job.images, job.shard, store, device)
    elif job.kind == FUSED:
        assert job.images is not None
        sources.get_images(job.images, store, device)
        shards.remove_shards(store, job.images.get_folder(store))
    elif job.kind == TRAINED:
        _get_trained_model(run, store, device)
    elif job.kind == PREDICTED:
        trained = _get_trained_model(run, store, device)
        load_stage(run).predict_test_images(run, store, device, trained)
    else:
        load_stage(run).execute_run(run, store, device)


def is_scored(run: Run, store: Store) -> bool:
    """Return whether a run has its record, and nothing is left to do for it.

    Raises:
        UserError: If the record is damaged.
    """
    if run.task.kind == "quality":
        is_finished: bool = load_stage(run).is_finished(run, store)
        return is_finished
    return run.read_record(store) is not None


def load_stage(run: Run) -> Any:
    """Import the program that executes runs of this kind, e.g. ``detection.run``."""
    return import_module(commands.PROGRAMS[run.task.kind])


def _get_trained_model(run: Run, store: Store, device: str) -> Path:
    runner.collect_protocol(run)  # raises on invalid options before hours of training
    return runner.get_or_train_model(run, store, device)
