"""Settings of the engines: the section ``engine:`` of the task file (pydantic models)."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from fusebench.config.validators import refuse_boolean

MAX_WORKERS, MAX_RETRIES, MAX_GPUS, MAX_CPUS = 256, 100, 64, 1024
MAX_JOBS_AT_ONCE = 10_000
MAX_MINUTES = 60 * 24 * 365
MIN_GPU_SHARE = 0.01  # Ray divides a GPU into 10,000 parts; a job needs some of its memory
ASSUMED_JOBS_AT_ONCE = 16  # of a cluster that was not asked: for shards and estimates
TIME_UNITS = {"min": 1, "h": 60, "d": 24 * 60}
WORDED_TIME = re.compile(r"(?P<count>\d{1,6}(?:\.\d{1,3})?) ?(?P<unit>min|h|d)")
# Slurm's forms with days, or with hours, minutes and seconds; its 12:00 would be 12 minutes.
SLURM_TIME = re.compile(
    r"(?:(?P<days>\d{1,4})-)?(?P<hours>\d{1,4}):(?P<minutes>[0-5]\d):[0-5]\d"
    r"|(?P<long_days>\d{1,4})-(?P<long_hours>\d{1,4})(?::(?P<long_minutes>[0-5]\d))?"
)
MEMORY = re.compile(r"[1-9]\d{0,6}[MGT]")

Workers = Annotated[int, Field(ge=1, le=MAX_WORKERS), BeforeValidator(refuse_boolean)]
Retries = Annotated[int, Field(ge=0, le=MAX_RETRIES), BeforeValidator(refuse_boolean)]
Cpus = Annotated[int, Field(ge=1, le=MAX_CPUS), BeforeValidator(refuse_boolean)]
SlurmName = Annotated[str, Field(min_length=1, max_length=1000, pattern=r"^[^\s]+$")]


def parse_minutes(value: Any) -> Any:
    """Parse a duration in minutes: ``8h``, ``90min``, ``2d``, ``12:00:00`` or ``1-12:00:00``.

    Raises:
        ValueError: If it has another form.
    """
    text = value.strip() if isinstance(value, str) else ""
    if match := WORDED_TIME.fullmatch(text):
        return round(float(match["count"]) * TIME_UNITS[match["unit"]])
    if match := SLURM_TIME.fullmatch(text):
        values = {
            name.removeprefix("long_"): int(each)
            for name, each in match.groupdict().items()
            if each
        }
        return (values.get("days", 0) * 24 + values["hours"]) * 60 + values.get("minutes", 0)
    raise ValueError("expected a duration such as 8h, 90min, 2d or '1-12:00:00'")


def _check_memory(value: Any) -> Any:
    if not isinstance(value, str) or not MEMORY.fullmatch(value):
        raise ValueError("expected a whole number and M, G or T, e.g. 32G")
    return value


def _check_gpu_share(value: float) -> float:
    if (value > 1 and value != int(value)) or 0 < value < MIN_GPU_SHARE:
        raise ValueError(f"expected a whole number, or a share from {MIN_GPU_SHARE} to 1")
    return value


class EngineSettingsBase(BaseModel):
    """Settings of every engine; unknown keys are errors.

    Attributes:
        retries: How often a job that failed, or whose process was killed, is executed again.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    retries: Retries = 1

    @property
    def merges_chains(self) -> bool:
        """Whether jobs that only wait for each other are one job, because each waits in a queue."""
        return False


class LocalEngineSettings(EngineSettingsBase):
    """Execution on this machine.

    Attributes:
        kind: ``local``.
        workers: Number of processes that execute jobs. None: no process but that of the command.
    """

    kind: Literal["local"] = "local"
    workers: Workers | None = None

    @property
    def jobs_at_once(self) -> int | None:
        """Largest number of jobs that are executed at once; None: no engine is needed."""
        return self.workers


class RayEngineSettings(EngineSettingsBase):
    """Execution by actors of Ray.

    Attributes:
        kind: ``ray``.
        address: Address of a cluster: ``host:port``, ``ray://host:port``, or ``auto`` for the one
            that this machine belongs to. None: ``RAY_ADDRESS`` if it is set; otherwise Ray is
            started on this machine.
        workers: Largest number of jobs at once. None: as many as the cluster has room for.
        gpus_per_run: GPUs of each job; 0.5 lets two jobs share one. None: one, or none with
            ``--device cpu`` and where the cluster has no GPU.
        cpus_per_run: CPU cores of each job, and its number of threads.
    """

    kind: Literal["ray"] = "ray"
    address: Annotated[str, Field(min_length=1, max_length=1000)] | None = None
    workers: Workers | None = None
    gpus_per_run: (
        Annotated[
            float,
            Field(ge=0, le=MAX_GPUS),
            BeforeValidator(refuse_boolean),
            AfterValidator(_check_gpu_share),
        ]
        | None
    ) = None
    cpus_per_run: Cpus = 1

    @property
    def jobs_at_once(self) -> int | None:
        """Largest number of jobs that are executed at once, as far as that is known."""
        return self.workers or ASSUMED_JOBS_AT_ONCE


class SlurmEngineSettings(EngineSettingsBase):
    """Execution as Slurm jobs; see the options of the same names of sbatch.

    Attributes:
        kind: ``slurm``.
        cluster: ``local`` executes the jobs on this machine, without Slurm, to try the settings.
        partition: Partition; None: the default of the cluster, as for the others.
        account: Account that is charged.
        qos: Quality of service.
        constraint: Features that a node must have.
        gpus_per_run: GPUs of each job. None: one, or with ``--device cpu`` none.
        cpus_per_run: CPU cores of each job.
        memory: Main memory of each job, e.g. ``32G``.
        time: Time limit of each job in minutes; in the file a duration, e.g. ``8h``. A job stops
            90 seconds before it, or up to a minute earlier; a training resumes when Slurm starts
            the job again.
        array: Largest number of jobs that are queued or executed at once; those that can be
            submitted at the same time are one job array.
        setup: Lines of shell that a job executes first, e.g. ``module load cuda``.
    """

    kind: Literal["slurm"] = "slurm"
    cluster: Literal["slurm", "local"] = "slurm"
    partition: SlurmName | None = None
    account: SlurmName | None = None
    qos: SlurmName | None = None
    constraint: SlurmName | None = None
    gpus_per_run: (
        Annotated[int, Field(ge=0, le=MAX_GPUS), BeforeValidator(refuse_boolean)] | None
    ) = None
    cpus_per_run: Cpus = 1
    memory: Annotated[str, BeforeValidator(_check_memory)] | None = None
    time: Annotated[int, Field(ge=3, le=MAX_MINUTES), BeforeValidator(parse_minutes)] = 8 * 60
    array: Annotated[int, Field(ge=1, le=MAX_JOBS_AT_ONCE), BeforeValidator(refuse_boolean)] = 16
    setup: tuple[Annotated[str, Field(min_length=1, max_length=10_000)], ...] = ()

    @property
    def merges_chains(self) -> bool:
        """Whether jobs that only wait for each other are one job, because each waits in a queue."""
        return True

    @property
    def jobs_at_once(self) -> int | None:
        """Largest number of jobs that are executed at once."""
        return self.array


EngineSettings = LocalEngineSettings | RayEngineSettings | SlurmEngineSettings
ENGINE_KINDS = ("local", "ray", "slurm")


def add_default_kind(section: Any) -> Any:
    """Add ``kind: local`` to a section ``engine:`` that names no kind."""
    if isinstance(section, Mapping) and "kind" not in section:
        return {"kind": "local", **section}
    return section


EngineSection = Annotated[
    Annotated[EngineSettings, Field(discriminator="kind")], BeforeValidator(add_default_kind)
]
