"""The plan as a graph of jobs: a job fills one folder of the store.

The store is the only channel between jobs: a job is done exactly when its folder is finished, and
can be executed anywhere and again. Its id is the path of the folder in the store, for example
``trained/m3fd-average-seed0-0123456789ab``, so that the same plan has the same jobs on every
machine. A shard of a folder of fused images is a job too; see `fusebench.experiments.shards`.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from fusebench.experiments import shards
from fusebench.experiments.plan import Plan
from fusebench.experiments.planning.run import Run
from fusebench.experiments.shards import Shard
from fusebench.experiments.sources import SourceImages
from fusebench.storage.store import Store

FUSED, TRAINED, PREDICTED = "fused", "trained", "predicted"
MIN_SHARD_IMAGES = 50  # fewer take no longer than loading a method's weights again
SHARD_ID = re.compile(r"(?P<folder>.+)\.shard(?P<number>\d+)of(?P<count>\d+)")

IsScored = Callable[[Run], bool]  # whether a run has its record, and nothing is left to do


@dataclass(frozen=True)
class Job:
    """One folder of the store that has to be filled, or a shard of it.

    Attributes:
        id: Path of the folder in the store.
        kind: First part of the id: ``fused``, ``trained``, ``predicted``, or the kind of a record.
        runs: The runs that need the folder, in the order of the plan; never empty.
        needs: Ids of the jobs whose folders are read.
        images: The fused images; None for other kinds.
        shard: The part of the images; None: all of them.
        before: Jobs that are executed in front of it in the same process, see `merge_chains`.
    """

    id: str
    kind: str
    runs: tuple[Run, ...]
    needs: tuple[str, ...] = ()
    images: SourceImages | None = None
    shard: Shard | None = None
    before: tuple["Job", ...] = ()

    @property
    def title(self) -> str:
        """What the job does, for people."""
        verbs = {FUSED: "fuse", TRAINED: "train", PREDICTED: "predict"}
        name = self.id.partition("/")[2]
        return f"{verbs.get(self.kind, 'score')} {name}"

    @property
    def parts(self) -> tuple["Job", ...]:
        """The jobs that are executed in one process: those before it, and itself."""
        return (*self.before, self)


Jobs = Mapping[str, Job]  # by id; a job comes after those that it needs


def build_jobs(run_plan: Plan, store: Store) -> Jobs:
    """Build the jobs of a plan, finished or not, without shards."""
    jobs: dict[str, Job] = {}
    for run in run_plan.all_runs:
        for job in _build_jobs_of_run(run, store):
            known = jobs.get(job.id)
            if known is None:
                jobs[job.id] = job
            else:
                new = tuple(r for r in job.runs if all(r is not other for other in known.runs))
                jobs[job.id] = replace(known, runs=(*known.runs, *new)) if new else known
    order = {FUSED: 0, TRAINED: 1, PREDICTED: 2}
    return {job.id: job for job in sorted(jobs.values(), key=lambda job: order.get(job.kind, 3))}


def select_remaining(
    jobs: Jobs, store: Store, is_target: Callable[[Job], bool], is_scored: IsScored
) -> Jobs:
    """Select the jobs to execute: the targets that are not done, and what they need.

    A trained model that was removed is not made again for a run that has its record.

    Args:
        jobs: All jobs of a plan.
        store: The store.
        is_target: Whether a job's result is wanted for itself.
        is_scored: Whether a run is finished.
    """
    needed: set[str] = set()
    for job in reversed(list(jobs.values())):
        is_wanted = is_target(job) and not _only_serves_predictions(job)
        if (job.id in needed or is_wanted) and not is_done(job, store, is_scored):
            needed |= {job.id, *job.needs}
    return {
        job.id: job
        for job in jobs.values()
        if job.id in needed and not is_done(job, store, is_scored)
    }


def _only_serves_predictions(job: Job) -> bool:
    """Return whether a job makes images of corrupted pairs, which nobody needs after the test."""
    return job.images is not None and job.images.corruption is not None


def add_shards(jobs: Jobs, store: Store, workers: int, submitted_ids: Collection[str] = ()) -> Jobs:
    """Add jobs for shards of large folders of fused images, in front of the job that joins them.

    Args:
        jobs: The jobs to execute.
        store: The store: images that exist already are not counted.
        workers: Number of jobs that are executed at the same time.
        submitted_ids: Ids of jobs that an earlier command submitted to a scheduler. A folder is
            divided as it was then.
    """
    matches = filter(None, map(SHARD_ID.fullmatch, submitted_ids))
    earlier_counts = {match["folder"]: int(match["count"]) for match in matches}
    result: dict[str, Job] = {}
    for job in jobs.values():
        if job.images is not None and job.shard is None:
            keys = set(job.images.split.keys)
            missing = len(keys - shards.list_existing_keys(job.images.get_folder(store)))
            count = earlier_counts.get(job.id) or min(workers, missing // MIN_SHARD_IMAGES)
            if count > 1:
                parts = [
                    build_shard_job(job, Shard(number, count)) for number in range(1, count + 1)
                ]
                result |= {part.id: part for part in parts}
                job = replace(job, needs=(*job.needs, *(part.id for part in parts)))
        result[job.id] = job
    return result


def merge_chains(jobs: Jobs) -> Jobs:
    """Merge trainings and predictions into the only job that needs them.

    A scheduler lets every job wait in its queue, and every process imports PyTorch: one job that
    trains, predicts and scores waits once.

    Args:
        jobs: The jobs to execute.
    """
    result = dict(jobs)
    for job_id in jobs:  # each comes after those that it needs, so that chains grow
        job = result[job_id]
        dependents = [other for other in result.values() if job_id in other.needs]
        if job.kind in (TRAINED, PREDICTED) and len(dependents) == 1:
            (last,) = dependents
            needs = dict.fromkeys((*job.needs, *last.needs))
            del needs[job_id], result[job_id]
            result[last.id] = replace(last, needs=tuple(needs), before=(*last.before, *job.parts))
    return result


def build_shard_job(job: Job, shard: Shard) -> Job:
    """Build the job of a shard of a folder of fused images."""
    return replace(job, id=job.id + shard.suffix, shard=shard)


def find_job(jobs: Jobs, job_id: str) -> Job | None:
    """Find a job, or build that of a shard, by its id; None if the plan has no such folder."""
    if job_id in jobs:
        return jobs[job_id]
    match = SHARD_ID.fullmatch(job_id)
    job = jobs.get(match["folder"]) if match else None
    if match is None or job is None or job.images is None:
        return None
    shard = Shard(int(match["number"]), int(match["count"]))
    return build_shard_job(job, shard) if 1 <= shard.number <= shard.count else None


def is_done(job: Job, store: Store, is_scored: IsScored) -> bool:
    """Return whether the folder of a job is finished, or the images of its shard exist.

    Raises:
        UserError: If a record is damaged.
    """
    if job.shard is not None:
        assert job.images is not None
        final = job.images.get_folder(store)
        keys = job.images.split.keys[job.shard.number - 1 :: job.shard.count]
        return final.exists() or set(keys) <= shards.list_existing_keys(final)
    if job.kind in (FUSED, TRAINED, PREDICTED):
        return (store.root / job.id).exists()
    return is_scored(job.runs[0])


def _build_jobs_of_run(run: Run, store: Store) -> Iterator[Job]:
    """Yield the jobs that a run needs, and last the one that scores it."""
    if run.members:
        yield from _build_jobs_of_ensemble(run, store)
        return
    for images in run.required_images:
        for job_id in _list_fused_ids((images,), store):
            yield Job(job_id, FUSED, (run,), images=images)
    needs = _list_fused_ids((run.test_images,), store)
    if run.model is not None:
        if run.train_images is not None or run.model.plugin.download is not None:
            train_images = () if run.train_images is None else (run.train_images,)
            trained = _get_id(store.get_path(TRAINED, run.trained_label, run.specs[TRAINED]), store)
            yield Job(trained, TRAINED, (run,), _list_fused_ids(train_images, store))
            needs = (trained, *needs)
        folder = store.get_path(PREDICTED, run.prediction_label, run.specs[PREDICTED])
        predicted = _get_id(folder, store)
        yield Job(predicted, PREDICTED, (run,), needs)
        needs = (predicted,)
    yield Job(_get_id(run.get_record_folder(store), store), run.task.kind, (run,), needs)


def _build_jobs_of_ensemble(run: Run, store: Store) -> Iterator[Job]:
    """Yield the jobs of an ensemble: those of its members up to what it reads, then its own.

    Boxes are combined from the members' predictions; label maps from probabilities, for which the
    members' models and images are needed.
    """
    reads_predictions = run.task.kind == "detection"
    needs: dict[str, None] = {}
    for member in run.members:
        jobs = [job for job in _build_jobs_of_run(member, store) if job.kind != run.task.kind]
        predicted = jobs[-1]
        needs |= dict.fromkeys((predicted.id,) if reads_predictions else predicted.needs)
        for job in jobs:
            if job is not predicted or reads_predictions:
                # the member first: it is executed; a failure is one of the ensemble, too
                yield replace(job, runs=(*job.runs, run))
    folder = store.get_path(PREDICTED, run.prediction_label, run.specs[PREDICTED])
    yield Job(_get_id(folder, store), PREDICTED, (run,), tuple(needs))
    record = _get_id(run.get_record_folder(store), store)
    yield Job(record, run.task.kind, (run,), (_get_id(folder, store),))


def _list_fused_ids(required: Iterable[SourceImages], store: Store) -> tuple[str, ...]:
    """List the jobs that make images; empty for images that nobody has to make."""
    return tuple(
        _get_id(images.get_folder(store), store) for images in required if images.is_made_here
    )


def _get_id(folder: Path, store: Store) -> str:
    return folder.relative_to(store.root).as_posix()
