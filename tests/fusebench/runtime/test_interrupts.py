"""Ctrl-C and SIGTERM at different moments: the exit status and one line, never an abort."""

import os
import signal
import subprocess
import sys

import pytest

from tests.helpers.paths import REPOSITORY

SLEEP = """
import sys, time
from fusebench.runtime.program import run_program
def main():
    try:
        print("ready", flush=True)
        time.sleep(60)
    except KeyboardInterrupt:
        {handler}
    return 0
run_program(main)
"""
FROM_LIBRARY = "from fusebench import cli; return cli.report_interrupt('toy')"
STUCK = "print('cleaning', flush=True); time.sleep(60)"
IGNORED = "print('cleaning', flush=True); import threading; threading.Event().wait(60)"


def start_program(code, *arguments):
    command = [sys.executable, *(["-c", code] if code else []), *arguments]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def end_program(process):
    """Return exit status and stderr."""
    _, errors = process.communicate(timeout=60)
    return process.returncode, errors


@pytest.mark.parametrize(
    ("handler", "number", "status"),
    [
        (FROM_LIBRARY, signal.SIGINT, 130),
        (FROM_LIBRARY, signal.SIGTERM, 143),
        ("raise", signal.SIGINT, 130),
        ("raise", signal.SIGTERM, 143),
    ],
)
def test_a_signal_ends_a_program_with_one_line(handler, number, status):
    process = start_program(SLEEP.format(handler=handler))
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    returned, errors = end_program(process)
    assert returned == status
    assert len(errors.split("\n", 1)[1].splitlines()) == 1
    assert "interrupted; the same command resumes" in errors


def test_the_second_signal_ends_a_program_that_is_stuck():
    process = start_program(SLEEP.format(handler=STUCK))
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    assert process.stdout.readline() == "cleaning\n"
    process.send_signal(signal.SIGINT)
    returned, errors = end_program(process)
    assert returned == 130
    assert errors.count("interrupted") == 1


@pytest.mark.slow
def test_a_program_that_loses_the_first_signal_ends_by_itself():
    process = start_program(SLEEP.format(handler=IGNORED))
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    assert end_program(process)[0] == 130


def test_a_signal_during_an_import_ends_the_program_at_once(tmp_path):
    (tmp_path / "slow_library.py").write_text(
        "import time\nprint('importing', flush=True)\n"
        "try:\n    time.sleep(60)\nexcept BaseException:\n    print('raised')\n"
    )
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n" + SLEEP.replace(
        'print("ready", flush=True)', "import slow_library"
    ).format(handler="raise")
    process = start_program(code)
    assert process.stdout.readline() == "importing\n"
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors.strip() == "interrupted; the same command resumes"
    assert "raised" not in output


def test_importing_the_packages_leaves_the_signals_alone():
    code = (
        "import signal; before = signal.getsignal(signal.SIGINT)\n"
        "import fusebench, fusion, detection; print(signal.getsignal(signal.SIGINT) is before)"
    )
    output, _ = start_program(code).communicate(timeout=60)
    assert output.strip() == "True"
