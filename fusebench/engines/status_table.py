"""Table of jobs as text: pure functions on their states."""

from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from fusebench.engines.states import LOST_SECONDS, JobState

ORDER = (
    *("running", "lost", "failed", "held", "interrupted", "queued", "waiting", "not started"),
    "done",
)
MAX_REASON_LENGTH = 200


def format_table(
    states: Sequence[tuple[JobState, float | None]],
    finished: Mapping[str, bool],
    scheduled: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """Format the states of jobs: a line for each that is not done, and how many there are.

    Args:
        states: Each with the seconds since it was written.
        finished: Id of a job to whether its folder is finished in the store.
        scheduled: Id of a job that a scheduler has to where it is there.
    """
    names = {
        state.id: get_state_name(state, age, finished[state.id], is_scheduled=state.id in scheduled)
        for state, age in states
    }
    visible_states = sorted(
        ((state, names[state.id]) for state, _ in states if names[state.id] != "done"),
        key=lambda item: (ORDER.index(item[1]), item[0].id),
    )
    rows = [
        (name, state.title, _describe(state, name, scheduled.get(state.id, "")))
        for state, name in visible_states
    ]
    widths = [max((len(row[column]) for row in rows), default=0) for column in (0, 1)]
    lines = [
        f"{name:{widths[0]}}  {title:{widths[1]}}  {text}".rstrip() for name, title, text in rows
    ]
    counts = Counter(names.values())
    total = ", ".join(f"{counts[name]} {name}" for name in ORDER if counts[name])
    count = f"{len(names)} job{'' if len(names) == 1 else 's'}"
    return "\n".join([*lines, f"{count}: {total}" if names else "no jobs"])


def get_state_name(
    state: JobState, age: float | None, is_finished: bool, *, is_scheduled: bool = False
) -> str:
    """Return the state of a job; the store decides whether it is done.

    Args:
        state: The state that was written.
        age: Seconds since then; None if that is not known.
        is_finished: Whether its folder is finished.
        is_scheduled: Whether a scheduler has it.
    """
    if is_finished:
        return "done"
    if state.state == "running" and age is not None and age > LOST_SECONDS:
        return "lost"
    if state.state != "running" and is_scheduled:
        return "queued"
    return "waiting" if state.state == "done" else state.state  # its folder was removed


def format_duration(seconds: float) -> str:
    """Format a duration with its two largest units, e.g. ``3 h 20 min``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 100:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 72:
        return f"{hours} h {minutes} min"
    return f"{hours // 24} d {hours % 24} h"


def _describe(state: JobState, name: str, scheduled: str) -> str:
    """Describe where a job runs and how far it is, or why it does not run."""
    if name == "queued":
        return scheduled
    if name in ("running", "lost"):
        parts = [f"on {state.host} (process {state.pid})", *filter(None, [scheduled])]
        parts.append(f"for {format_duration(state.seconds)}")
        if name == "lost":
            parts.append("no sign of life since; the same command runs it again")
        elif state.progress is not None:
            progress = state.progress
            share = f" ({100 * progress.done // progress.total} %)" if progress.total else ""
            parts.append(f"{progress.done} of {progress.total or '?'}{share}")
            if progress.seconds_left is not None:
                parts.append(f"{format_duration(progress.seconds_left)} left")
        return ", ".join(parts)
    reason = state.reason
    if len(reason) > MAX_REASON_LENGTH:
        reason = f"{reason[: MAX_REASON_LENGTH - 1]}…"
    attempts = f"attempt {state.attempts}" if state.attempts > 1 else ""
    log = f"log: {state.log}" if name == "failed" and state.log else ""
    return "; ".join(filter(None, (reason, attempts, log)))
