"""What programs print about errors, and the exit statuses that they return."""

from collections.abc import Callable

from fusebench.errors import UserError
from fusebench.runtime import interrupts, printable, system_errors

EXIT_FAILED = 1  # a run failed; the others were executed
EXIT_WRONG_INPUT = 2  # the command, the task file or the data is wrong
EXIT_SYSTEM_FAULT = 3  # the machine stopped the program, e.g. a full disk; the command resumes
EXIT_HELD = 75  # another process works on a run that was skipped (EX_TEMPFAIL of sysexits.h)


def run_and_report(label: str, work: Callable[[], None]) -> bool:
    """Call ``work`` and return whether it succeeded; an exception is printed, not raised.

    The steps after a failed one are still executed: they may be a night's work.

    Raises:
        OSError: If the disk is full or has another fault that stops later steps too.
    """
    try:
        work()
    except SystemExit as end:
        report_failure(label, end)
        return False
    except Exception as error:  # noqa: BLE001 - the one place that may: see the docstring
        if system_errors.is_disk_fault(error):
            raise system_errors.convert_disk_fault(error) from None
        report_failure(label, error)
        return False
    return True


def report_failure(label: str, error: Exception | SystemExit) -> tuple[int, str]:
    """Print why a run or job failed, with a traceback if it is a bug.

    Args:
        label: Start of the message.
        error: What ended it; `SystemExit` is a plug-in's, and would end the program as if all were
            done.

    Returns:
        The exit status of a program that executes nothing else, and the reason in one line.
    """
    fault = None if isinstance(error, SystemExit) else system_errors.describe_fault(error)
    if isinstance(error, UserError):
        status, text = EXIT_WRONG_INPUT, str(error)
    elif isinstance(error, SystemExit):
        status, text = EXIT_FAILED, f"failed: a plug-in ended the program (exit {error.code})"
    elif fault is not None:
        is_disk_fault = system_errors.is_disk_fault(error)
        status, text = EXIT_SYSTEM_FAULT if is_disk_fault else EXIT_FAILED, fault
    else:
        printable.print_message(f"{label}: failed")
        printable.print_traceback()
        name, line = type(error).__name__, _get_first_line(str(error))
        return EXIT_FAILED, f"{name}: {line}" if line else name
    printable.print_message(f"{label}: {text}")
    return status, _get_first_line(text)


def _get_first_line(text: str) -> str:
    return next(iter(text.strip().splitlines()), "")


def report_error(program: str, error: Exception) -> int:
    """Print an error that is no bug; return the exit status.

    Args:
        program: Start of the message.
        error: The exception that ended the program.

    Raises:
        Exception: The error itself, if it is a bug.
    """
    fault = system_errors.describe_fault(error)
    if fault is not None:
        printable.print_message(f"{program}: {fault}")
        return EXIT_SYSTEM_FAULT
    if not isinstance(error, (UserError, OSError)):
        raise error
    message = system_errors.describe_os_error(error) if isinstance(error, OSError) else error
    printable.print_message(f"{program}: {message}")
    return EXIT_WRONG_INPUT


def report_interrupt(program: str, consequence: str = "the same command resumes") -> int:
    """Print that the program was interrupted and what follows; return the exit status."""
    printable.print_message(f"\n{program}: interrupted; {consequence}")
    return interrupts.get_exit_status()
