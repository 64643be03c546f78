"""Hostile inputs end with one error or a result: no traceback, hang, large memory, or code run."""

import os
import random
import time

import pytest

from tests.faults.injection import hostile_inputs, tiny_study
from tests.faults.injection.programs import Faults

pytestmark = pytest.mark.slow

HANG_SECONDS = 10
MAX_MEGABYTES = 2048
MAX_MESSAGE_LENGTH = 6000  # characters
ADDRESS_SPACE = 8 << 30  # bytes
OUTPUT_FOLDERS = ("runs", "report", ".report.lock")


def list_files(folder):
    """List what lies beside the results: path, size and time of change."""
    return {
        (os.path.join(place, name), stat.st_size, stat.st_mtime_ns)  # noqa: PTH118 - fast
        for place, folders, files in os.walk(folder)
        for name in [*files, *folders]
        if not place.removeprefix(str(folder)).lstrip("/").startswith(OUTPUT_FOLDERS)
        and name not in OUTPUT_FOLDERS
        and (stat := os.lstat(os.path.join(place, name))).st_mode & 0o170000 != 0o040000  # noqa: PTH118
    }


def find_faults(outcome, before, after):
    """List what must not happen."""
    text = outcome.stdout + outcome.stderr
    checks = {
        "hang": outcome.timed_out or outcome.seconds > HANG_SECONDS,
        "traceback": "Traceback" in text,
        f"status {outcome.status}": not outcome.timed_out and outcome.status not in (0, 1, 2),
        f"{outcome.peak_megabytes} MB": outcome.peak_megabytes > MAX_MEGABYTES,
        "long message": len(outcome.stderr) > MAX_MESSAGE_LENGTH,
        "control characters": any(sign in text for sign in "\x1b\x07\x00\u202e"),
        f"wrote {sorted(after ^ before)[:3]}": before != after,
        f"did {outcome.forbidden[:2]}": bool(outcome.forbidden),
        "failed silently": outcome.status != 0 and not outcome.stderr.strip(),
    }
    return [name for name, is_present in checks.items() if is_present]


def test_no_input_does_more_harm_than_an_error(light_server, tmp_path, fault_seconds, fault_seed):
    study = tmp_path / "study"
    tiny_study.write_untrained_study(study)
    inputs = hostile_inputs.list_inputs()
    random.Random(fault_seed).shuffle(inputs)
    deadline, tried, statuses, harmful = time.monotonic() + fault_seconds, 0, {}, []
    for hostile in inputs:
        if time.monotonic() > deadline:
            break
        folder = tmp_path / "hostile"
        hostile_inputs.copy_study(study, folder)
        hostile.change(folder)
        before = list_files(folder)
        program = hostile_inputs.PROGRAM_OF_TASK[hostile.task]
        arguments = ("--task", hostile.task, "--device", "cpu", *hostile.arguments)
        faults = Faults(time_limit=2 * HANG_SECONDS, memory_limit=ADDRESS_SPACE)
        outcome = light_server.run(program, arguments, folder, faults)
        harm = find_faults(outcome, before, list_files(folder))
        if harm:
            harmful.append(f"{hostile.title}: {', '.join(harm)}: {outcome.stderr[-300:]!r}")
        tried += 1
        statuses[outcome.status] = statuses.get(outcome.status, 0) + 1
    print(f"{tried} of {len(inputs)} hostile inputs, exit statuses {statuses}")  # noqa: T201
    assert not harmful, "\n".join(harmful)
    assert statuses.get(2, 0) > 0
