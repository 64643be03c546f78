"""Start and end of a program: any encoding of the terminal, closed and full outputs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.paths import REPOSITORY
from tests.helpers.source_tree import PACKAGES, list_source_files

SCRIPT = """
import sys
from fusebench.runtime import printable
from fusebench.runtime.program import run_program

def print_lines():
    for number in range(20_000):
        printable.print_text(f"line {number}")
    return 0

def print_unusual_text():
    print("ü ± 車 \\udcff")
    return 0

def fail():
    raise ValueError("name \\x1b[2J")

def fail_in_work():
    try:
        for _ in range(20_000):
            printable.print_message("message")
    except Exception:
        return 3  # nothing may take a closed output for a failed run
    return 0

if __name__ == "__main__":
    run_program(globals()[sys.argv[1]])
"""


def run_script(tmp_path, name, redirection="", **environment):
    """Run a function of the script through a shell; the last line of stdout is its status."""
    (tmp_path / "script.py").write_text(SCRIPT, encoding="utf-8")
    command = f'"{sys.executable}" script.py {name} {redirection}'
    return subprocess.run(
        ["bash", "-c", f"{command}; echo status ${{PIPESTATUS[0]}}"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), **environment},
        capture_output=True,
        check=True,
    )


@pytest.mark.parametrize(
    ("encoding", "printed"),
    [
        ("ascii", rb"\xfc \xb1 \u8eca \udcff"),
        ("latin-1", b"\xfc \xb1 " + rb"\u8eca \udcff"),
        ("utf-8", "ü ± 車 ".encode() + rb"\udcff"),
    ],
)
def test_every_character_can_be_printed_in_every_encoding(tmp_path, encoding, printed):
    process = run_script(tmp_path, "print_unusual_text", PYTHONIOENCODING=encoding)
    assert process.stdout == printed + b"\nstatus 0\n"
    assert process.stderr == b""


@pytest.mark.parametrize(
    ("name", "redirection"),
    [
        ("print_lines", "| head -1"),
        ("print_unusual_text", "| true"),
        ("fail_in_work", "2>&1 | true"),
    ],
)
def test_a_closed_pipe_ends_the_program_silently_with_the_status_of_common_tools(
    tmp_path, name, redirection
):
    process = run_script(tmp_path, name, redirection)
    assert process.stdout.splitlines()[-1] == b"status 141"
    assert process.stderr == b""


def test_a_program_without_stdout_runs_and_writes_nothing_into_its_files(tmp_path):
    for redirection in (">&- 2>&-", "<&- >&- 2>&-"):
        process = run_script(tmp_path, "print_lines", redirection)
        assert (process.stdout, process.stderr) == (b"status 0\n", b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_full_disk_under_stdout_is_one_sentence(tmp_path):
    process = run_script(tmp_path, "print_lines", ">/dev/full")
    assert process.stdout == b"status 1\n"
    assert process.stderr == b"the output cannot be written (No space left on device)\n"


def test_an_unexpected_exception_is_status_1_and_its_message_is_escaped(tmp_path):
    process = run_script(tmp_path, "fail")
    assert process.stdout == b"status 1\n"
    assert process.stderr.startswith(b"Traceback")
    assert process.stderr.endswith(rb"ValueError: name \x1b[2J" + b"\n")


def test_every_program_starts_through_run_program():
    for path in list_source_files(REPOSITORY, (*PACKAGES, "benchmarks")):
        text = path.read_text(encoding="utf-8")
        _, main, start = text.partition('\nif __name__ == "__main__":\n')
        if main:
            assert start in ("    run_program(main)\n", "    start()\n"), path
