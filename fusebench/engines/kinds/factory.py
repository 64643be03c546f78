"""Start of the engine of a kind; Ray and submitit are imported only if they are needed."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Protocol, cast

from fusebench.config.engine_settings import ENGINE_KINDS, EngineSettings, LocalEngineSettings
from fusebench.engines.contract import Engine, EngineRequest
from fusebench.engines.kinds.local import LocalEngine
from fusebench.engines.submitted import SubmittedJob
from fusebench.errors import UserError
from fusebench.runtime.unknown_names import suggest_names

PACKAGES = {"ray": "ray", "slurm": "submitit"}  # kind to the optional package that it needs


class Scheduler(Protocol):
    """What a module ``fusebench.engines.kinds.KIND`` has for jobs that outlive the command."""

    def start_engine(self, settings: EngineSettings, request: EngineRequest, jobs: int) -> Engine:
        """Start the engine.

        Args:
            settings: Settings of this kind.
            request: What is executed.
            jobs: Number of jobs that will be submitted at most.

        Raises:
            UserError: If there is no such scheduler here.
        """

    def describe_jobs(self, jobs: Sequence[SubmittedJob]) -> Mapping[str, str]:
        """Describe where jobs are in the scheduler, by id, e.g. ``Slurm job 17: pending``.

        A job that has ended is left out. Raises nothing: where the scheduler cannot be asked, its
        number is all that is known.
        """

    def cancel_jobs(self, jobs: Sequence[SubmittedJob]) -> Mapping[str, str]:
        """Cancel jobs; return those that could not be canceled, by id, with the reason.

        Jobs that have ended are not canceled. Raises nothing.
        """


def start_engine(settings: EngineSettings, request: EngineRequest, jobs: int) -> Engine:
    """Start the engine that settings describe; see `Scheduler.start_engine`.

    Raises:
        UserError: If its package is not installed, or there is no such scheduler here.
    """
    if isinstance(settings, LocalEngineSettings):
        assert settings.workers is not None
        return LocalEngine(request, min(settings.workers, jobs))
    return load_scheduler(settings.kind).start_engine(settings, request, jobs)


def load_scheduler(kind: str) -> Scheduler:
    """Import the module of a kind.

    Raises:
        UserError: If its package is not installed.
    """
    check_package(kind)
    return cast(Scheduler, import_module(f"fusebench.engines.kinds.{kind}"))


def group_by_kind(jobs: Sequence[SubmittedJob]) -> Mapping[str, Sequence[SubmittedJob]]:
    """Group jobs by the kind of their engine."""
    groups: dict[str, list[SubmittedJob]] = {}
    for job in jobs:
        groups.setdefault(job.kind, []).append(job)
    return groups


def describe_jobs(jobs: Sequence[SubmittedJob]) -> Mapping[str, str]:
    """Describe where jobs of any kind are in their schedulers; see `Scheduler.describe_jobs`."""
    descriptions: dict[str, str] = {}
    for kind, group in group_by_kind(jobs).items():
        fault = find_fault(kind)
        if fault:
            descriptions |= {job.id: f"{kind} job {job.number}; {fault}" for job in group}
        else:
            descriptions |= load_scheduler(kind).describe_jobs(group)
    return descriptions


def cancel_jobs(jobs: Sequence[SubmittedJob]) -> Mapping[str, str]:
    """Cancel jobs of any kind; see `Scheduler.cancel_jobs`."""
    reasons: dict[str, str] = {}
    for kind, group in group_by_kind(jobs).items():
        fault = find_fault(kind)
        if fault:
            reasons |= {job.id: fault for job in group}
        else:
            reasons |= load_scheduler(kind).cancel_jobs(group)
    return reasons


def check_package(kind: str) -> None:
    """Check that the optional package of a kind is installed.

    Raises:
        UserError: If it is not.
    """
    fault = find_fault(kind)
    if fault:
        raise UserError(fault)


def find_fault(kind: str) -> str:
    """Return why there is no engine of this kind here; empty if there is one."""
    if kind not in ENGINE_KINDS:
        return f"no engine is called {kind!r}{suggest_names(kind, ENGINE_KINDS)}"
    package = PACKAGES.get(kind)
    if package is not None:
        try:
            import_module(package)
        except ImportError:
            return (
                f"engine {kind}: the package {package} is not installed; "
                f"run `pip install 'fusebench[{kind}]'`"
            )
    return ""
