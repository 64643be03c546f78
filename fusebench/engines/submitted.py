"""Jobs that were submitted to a scheduler: one file per job in ``.jobs/submitted/`` of the store.

Such a job continues when the command that submitted it has ended. The same command, called again,
adopts it instead of handing it over a second time; ``fusebench status`` and ``fusebench cancel``
find it here. The file is removed when the end of the job is known.
"""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from pydantic import ValidationError

from fusebench.engines.states import JOBS_FOLDER
from fusebench.runtime import atomic_write
from fusebench.storage.records import StoredModel

SUBMITTED_FOLDER = "submitted"


class SubmittedJob(StoredModel):
    """A job that was submitted.

    Attributes:
        id: Id of the job.
        kind: Kind of the engine, e.g. ``slurm``.
        number: Number or name of the job in the scheduler, e.g. ``4711_3``.
        address: Scheduler, if there can be several: address of a Ray cluster, or executor of
            submitit.
    """

    id: str
    kind: str
    number: str
    address: str = ""


def write_submitted(root: Path, job: SubmittedJob) -> None:
    """Keep a job that was submitted.

    Raises:
        OSError: If the file cannot be written.
    """
    path = _get_path(root, job.id)
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic_write.write_text_atomically(path, job.model_dump_json(indent=1))


def read_submitted(root: Path, job_id: str) -> SubmittedJob | None:
    """Read a job that was submitted; None if it was not, or its file is damaged."""
    with suppress(OSError, ValidationError):
        return SubmittedJob.model_validate_json(_get_path(root, job_id).read_bytes())
    return None


def is_removed(root: Path, job_id: str) -> bool:
    """Return whether the file of a job was removed, as ``fusebench cancel`` does."""
    try:
        _get_path(root, job_id).stat()
    except FileNotFoundError:
        return True
    except OSError:  # the file system does not answer
        return False
    return False


def remove_submitted(root: Path, job: SubmittedJob) -> None:
    """Remove the file of a job, unless it was submitted again meanwhile."""
    if read_submitted(root, job.id) in (job, None):
        with suppress(OSError):
            _get_path(root, job.id).unlink(missing_ok=True)


def list_submitted(root: Path) -> Sequence[SubmittedJob]:
    """List the jobs that were submitted and whose end is not known, sorted by id."""
    folder = root / JOBS_FOLDER / SUBMITTED_FOLDER
    jobs = (
        read_submitted(root, path.relative_to(folder).as_posix().removesuffix(".json"))
        for path in sorted(folder.glob("*/[!.]*.json"))
    )
    return [job for job in jobs if job is not None]


def _get_path(root: Path, job_id: str) -> Path:
    return root / JOBS_FOLDER / SUBMITTED_FOLDER / f"{job_id}.json"
