"""How a process ended, in words."""

import signal


def describe_process_end(name: str, code: int | None) -> str:
    """Describe how a process ended.

    Args:
        name: E.g. ``worker process 41``.
        code: Its exit status; negative: the number of the signal that ended it; None: not known.
    """
    if code is None or code >= 0:
        return f"{name} ended with status {code}"
    try:
        signal_name = signal.Signals(-code).name
    except ValueError:  # a real-time signal
        signal_name = f"signal {-code}"
    hint = ", probably because memory ran out" if signal_name == "SIGKILL" else ""
    return f"{name} was ended by {signal_name}{hint}"
