"""Damaged files: a reader returns what is in the file or refuses it; nothing else happens."""

import json
import subprocess
import sys

import pytest

from tests.faults.injection.programs import REPOSITORY

pytestmark = pytest.mark.slow


def test_no_reader_fails_in_another_way_than_by_refusing_the_file(
    untrained_study, tmp_path, fault_seconds, fault_seed
):
    program = subprocess.run(
        [sys.executable, "-m", "tests.faults.injection.reader_fuzzing",
         untrained_study.folder, tmp_path / "fuzzing", str(fault_seconds), str(fault_seed)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )  # fmt: skip
    result = json.loads(program.stdout.splitlines()[-1])
    print(result["outcomes"])  # noqa: T201 - shown with -s
    assert not result["faults"], "\n".join(f"{k}\n{v}" for k, v in result["faults"].items())
    assert result["outcomes"]["refused"] > 0
    assert result["outcomes"]["read"] > 0
