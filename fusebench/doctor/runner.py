"""Measurement of all pairs in worker processes; what is known already is not measured again."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from fusebench.doctor import kept_measurements, measurement
from fusebench.doctor.dataset_files import DatasetFiles, PairFiles
from fusebench.doctor.measurement import PairFacts, PairJob
from fusebench.errors import UserError
from fusebench.runtime import printable, process_pool, progress

MIN_JOBS_FOR_POOL = 24  # starting the processes takes longer than measuring fewer pairs


def measure_dataset(files: DatasetFiles, out: Path) -> dict[str, PairFacts]:
    """Measure every pair of a data set; measurements are kept below ``out``.

    After Ctrl-C, those that are finished are kept too.

    Args:
        files: The data set.
        out: Folder of the results.

    Returns:
        Facts per key, in key order.

    Raises:
        UserError: If a worker process was killed.
    """
    path = kept_measurements.get_path(out, files.name, files.image_folders)
    kept = kept_measurements.read_measurements(path)
    jobs = [_build_job(pair, files) for pair in files.pairs]
    stamps = {job.key: kept_measurements.compute_stamp(job) for job in jobs}
    facts: dict[str, PairFacts] = {}
    for job in jobs:
        restored = kept_measurements.restore(kept.get(stamps[job.key]))
        if restored is not None:
            facts[job.key] = restored
    missing = [job for job in jobs if job.key not in facts]
    try:
        with _start_measuring(missing) as measured:
            for job in progress.track_progress(missing, f"read {files.name}"):
                facts[job.key] = next(measured)
    finally:
        if missing:
            _keep(path, {stamps[key]: pair for key, pair in facts.items()})
    return {job.key: facts[job.key] for job in jobs}


def _keep(path: Path, facts: Mapping[str, PairFacts]) -> None:
    try:
        kept_measurements.write_measurements(path, facts)
    except OSError as error:  # the next run measures again
        printable.print_message(f"{path}: the measurements cannot be kept ({error.strerror})")


def _build_job(pair: PairFiles, files: DatasetFiles) -> PairJob:
    corners = np.zeros((0, 4)) if pair.boxes is None else pair.boxes.corners
    paths = (pair.infrared, pair.visible, pair.label_map)
    return PairJob(pair.key, *paths, corners, files.classes, files.label_conversion)


@contextmanager
def _start_measuring(jobs: Sequence[PairJob]) -> Iterator[Iterator[PairFacts]]:
    """Yield the facts of the jobs, in their order, as they are measured.

    The processes start before the progress bar: its thread would take a Ctrl-C at their start.
    """
    count = process_pool.count_available_cpus()
    if len(jobs) < MIN_JOBS_FOR_POOL or count == 1:
        yield map(measurement.measure_pair, jobs)
        return
    try:
        with process_pool.open_pool(min(count, len(jobs)), _use_one_thread) as pool:
            futures = [pool.submit(measurement.measure_pair, job) for job in jobs]
            yield (future.result() for future in futures)
    except BrokenProcessPool:
        raise UserError(
            "a worker process was killed, probably because memory ran out; the same command resumes"
        ) from None


def _use_one_thread() -> None:
    import cv2

    cv2.setNumThreads(1)  # one process per CPU
