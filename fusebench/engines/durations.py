"""How long the jobs of a plan take and how much they write, from jobs like them that are finished.

Jobs are alike if their specs agree in everything but the seed and the images of the source: the
detectors of all sources and seeds of a task take equally long. Times come from the states of jobs,
from ``time.json`` of trained models, from records, and from the cost profiles of fusion methods.
"""

import json
import statistics
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fusebench.engines import states
from fusebench.engines.jobs import FUSED, PREDICTED, TRAINED, Job, Jobs
from fusebench.experiments import costs
from fusebench.storage import manifest
from fusebench.storage.hashing import content_hash
from fusebench.storage.store import Store

TIME_FILE = "time.json"
SEED_KEYS = {"seed", "images"}  # of a spec: in them, jobs that take equally long may differ


@dataclass(frozen=True)
class Measurement:
    """Cost of a finished job.

    Attributes:
        likeness: Jobs with the same value cost the same per unit.
        units: Images of a job that fuses, otherwise 1.
        seconds: Duration; None if it is not known.
        bytes: Size of its folder; None if it is not known.
        device: Where it ran; empty if it is not known.
    """

    likeness: str
    units: int
    seconds: float | None
    bytes: int | None
    device: str = ""


def get_likeness(job: Job) -> str:
    """Return a text that is equal for jobs that cost the same per unit."""
    run = job.runs[0]
    content: dict[str, Any] = {"kind": job.kind}
    if job.images is not None:
        content |= {
            name: job.images.spec.get(name) for name in ("method", "options", "color", "channel")
        }
        content["size"] = list(job.images.split.pairs[0].size)
    elif job.kind in (TRAINED, PREDICTED):
        content |= _strip(run.specs[job.kind])
        if job.kind == PREDICTED:
            content["pairs"] = run.test_images.spec["pairs"]
    else:
        content |= {"task": run.task_name, "record": _strip(run.specs["record"])}
    return content_hash(content)


def _strip(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return a spec without seed and images, on every level, also of an ensemble's members."""

    def strip_value(value: Any) -> Any:
        if isinstance(value, list):
            return [strip_value(each) for each in value]
        return _strip(value) if isinstance(value, Mapping) else value

    return {name: strip_value(value) for name, value in spec.items() if name not in SEED_KEYS}


def count_units(job: Job) -> int:
    """Return the number of images that a job fuses; 1 for other jobs."""
    if job.images is None:
        return 1
    keys = job.images.split.keys
    return len(keys) if job.shard is None else len(keys[job.shard.number - 1 :: job.shard.count])


def measure_finished_jobs(jobs: Jobs, store: Store) -> list[Measurement]:
    """Measure the jobs of a plan that are finished."""
    return [
        Measurement(
            get_likeness(job),
            count_units(job),
            _read_seconds(job, store),
            _read_size(store.root / job.id),
            _read_record(store.root / job.id).get("device", ""),
        )
        for job in jobs.values()
        if job.shard is None and (store.root / job.id).is_dir()
    ]


def estimate_seconds(
    jobs: Iterable[Job], measurements: Iterable[Measurement], profiles: Mapping[str, float]
) -> dict[str, float | None]:
    """Estimate the duration of jobs: the median of those like them; None without any.

    Args:
        jobs: The jobs to execute.
        measurements: Finished jobs.
        profiles: Seconds per pair by likeness of a job that fuses, where none is finished.
    """
    rates = _collect((m.likeness, m.units, m.seconds) for m in measurements)
    return _scale(jobs, {**profiles, **rates})


def estimate_bytes(
    jobs: Iterable[Job], measurements: Iterable[Measurement]
) -> dict[str, int | None]:
    """Estimate what jobs write: the median of those like them; None without any."""
    rates = _collect((m.likeness, m.units, m.bytes) for m in measurements)
    sizes = _scale(jobs, rates)
    return {job_id: None if size is None else round(size) for job_id, size in sizes.items()}


def read_profiles(jobs: Iterable[Job], root: Path) -> dict[str, float]:
    """Read the seconds per pair of jobs that fuse from the cost profiles of a store."""
    rates = {}
    for job in jobs:
        if job.images is None or job.images.source.kind != "method":
            continue
        width, height = job.images.split.pairs[0].size
        name = job.images.source.name
        for _, profile in costs.find_profiles(root, {name: job.images.source}):
            is_same_size = (profile.width, profile.height) == (width, height)
            if is_same_size and profile.median_seconds is not None:
                rates[get_likeness(job)] = profile.median_seconds
    return rates


def _collect(values: Iterable[tuple[str, int, float | None]]) -> dict[str, float]:
    """Compute the median per unit of what is known, by likeness."""
    rates: dict[str, list[float]] = {}
    for likeness, units, value in values:
        if value is not None and units:
            rates.setdefault(likeness, []).append(value / units)
    return {likeness: statistics.median(known) for likeness, known in rates.items()}


def _scale(jobs: Iterable[Job], rates: Mapping[str, float]) -> dict[str, float | None]:
    """Multiply rates by the units of jobs. A job that joins shards has nothing left to fuse."""
    result: dict[str, float | None] = {}
    for job in jobs:
        rate = rates.get(get_likeness(job))
        is_join = job.kind == FUSED and job.shard is None and bool(job.needs)
        result[job.id] = None if rate is None else rate * (0 if is_join else count_units(job))
    return result


def _read_seconds(job: Job, store: Store) -> float | None:
    """Read the duration of a finished job; None if nothing says it."""
    folder = store.root / job.id
    if job.kind == TRAINED:
        seconds = _read_json(folder / TIME_FILE).get("seconds")
        return float(seconds) if isinstance(seconds, int | float) else None
    state = states.read_state(store.root, job.id)
    if state is not None and state.state == "done":
        return state.seconds
    provenance = _read_record(folder)
    seconds = provenance.get("seconds")
    if not isinstance(seconds, int | float):
        return None
    # A run that was executed as a whole: its record has the time of the training, too.
    training = provenance.get("training", {}).get("seconds", 0.0)
    return float(seconds - training) if seconds >= training else float(seconds)


def _read_record(folder: Path) -> dict[str, Any]:
    """Read the provenance of a record; empty for other folders."""
    provenance = _read_json(folder / "record.json").get("provenance", {})
    return provenance if isinstance(provenance, dict) else {}


def _read_json(path: Path) -> dict[str, Any]:
    with suppress(OSError, ValueError):
        content = json.loads(path.read_bytes())
        if isinstance(content, dict):
            return content
    return {}


def _read_size(folder: Path) -> int | None:
    """Add the sizes in the manifest of a folder; None if it has none."""
    with suppress(manifest.ManifestError):
        entries = manifest.read_manifest(folder)
        if entries is not None:
            return sum(entry.size for entry in entries.values())
    return None
