"""States of jobs on disk, and the table that is made of them."""

import io
import json
import os
import subprocess
import sys
import time

import pytest
from tqdm import tqdm

from fusebench.engines import cancel, running_engines, states, status
from fusebench.engines.jobs import Job
from fusebench.engines.states import JobState, Progress
from fusebench.engines.status_table import format_duration, format_table, get_state_name

JOB = Job("trained/a-0123456789ab", "trained", ())


def make_state(state, name="a", **values):
    return JobState(id=f"trained/{name}", title=f"train {name}", state=state, **values)


def test_a_running_job_says_where_how_far_and_how_long():
    progress = Progress(title="epoch", done=30, total=120, seconds_left=5400)
    running = make_state("running", host="node7", pid=41, seconds=1800, progress=progress)
    table = format_table([(running, 2.0)], {running.id: False})
    assert table.splitlines() == [
        "running  train a  on node7 (process 41), for 30 min, 30 of 120 (25 %), 90 min left",
        "1 job: 1 running",
    ]


def test_a_failed_job_has_reason_attempts_and_log():
    failed = make_state("failed", reason="no space", attempts=2, log=".jobs/logs/a.log")
    assert format_table([(failed, None)], {failed.id: False}).splitlines()[0] == (
        "failed  train a  no space; attempt 2; log: .jobs/logs/a.log"
    )


@pytest.mark.parametrize(
    ("state", "age", "is_finished", "name"),
    [
        ("running", 1.0, False, "running"),
        ("running", 3600.0, False, "lost"),
        ("running", None, False, "running"),
        ("running", 3600.0, True, "done"),
        ("failed", 1.0, True, "done"),  # another process did it
        ("done", 1.0, False, "waiting"),  # its folder was deleted
        ("held", 3600.0, False, "held"),
    ],
)
def test_the_store_decides_what_is_done_and_silence_what_is_lost(state, age, is_finished, name):
    assert get_state_name(make_state(state), age, is_finished) == name


def test_done_jobs_are_counted_and_the_others_are_sorted_by_what_needs_attention():
    all_states = [
        (make_state(state, name), 0.0)
        for name, state in (("a", "waiting"), ("b", "done"), ("c", "failed"), ("d", "running"))
    ]
    lines = format_table(all_states, {f"trained/{name}": name == "b" for name in "abcd"})
    assert [line.split()[0] for line in lines.splitlines()[:-1]] == ["running", "failed", "waiting"]
    assert lines.splitlines()[-1] == "4 jobs: 1 running, 1 failed, 1 waiting, 1 done"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (9.96, "10.0 s"), (59, "59 s"), (600, "10 min"), (7200, "2 h 0 min"),
     (12_060, "3 h 21 min"), (356_400, "4 d 3 h")],
)  # fmt: skip
def test_durations_have_two_units(seconds, text):
    assert format_duration(seconds) == text


def test_the_state_is_written_again_while_a_job_works_and_has_its_progress(tmp_path, monkeypatch):
    monkeypatch.setattr(states, "HEARTBEAT_SECONDS", 0.02)
    with (
        tqdm(total=50, initial=10, desc="train", file=io.StringIO(), smoothing=0) as bar,
        states.keep_running(tmp_path, JOB, "a.log"),
    ):
        first = states.read_state(tmp_path, JOB.id)
        assert (first.state, first.attempts, first.pid) == ("running", 1, os.getpid())
        bar.start_t -= 100
        bar.update(20)
        deadline = time.monotonic() + 60
        while (later := states.read_state(tmp_path, JOB.id)).progress is None:
            assert time.monotonic() < deadline
    assert (later.progress.title, later.progress.done, later.progress.total) == ("train", 30, 50)
    assert later.progress.seconds_left == pytest.approx(100, abs=60)  # 20 steps in 100 s, 20 left
    states.end_job(tmp_path, JOB, "failed", 1.5, reason="why")
    with states.keep_running(tmp_path, JOB, ""):
        assert states.read_state(tmp_path, JOB.id).attempts == 2


def test_the_age_of_a_state_is_measured_by_the_clock_of_its_file_system(tmp_path):
    states.write_state(tmp_path, make_state("running"))
    path = tmp_path / ".jobs/states/trained/a.json"
    written = path.stat().st_mtime - 500
    os.utime(path, (written, written))
    ((_, age),) = states.list_states(tmp_path)
    assert age == pytest.approx(500, abs=30)


def test_a_damaged_state_is_left_out(tmp_path):
    states.write_state(tmp_path, make_state("waiting"))
    states.write_state(tmp_path, make_state("waiting", "b"))
    (tmp_path / ".jobs/states/trained/a.json").write_text('{"id": ')
    assert [state.id for state, _ in states.list_states(tmp_path)] == ["trained/b"]


def test_a_new_command_keeps_what_is_running_and_what_is_done(tmp_path):
    for name, state in (("a", "running"), ("b", "done"), ("c", "failed")):
        states.write_state(tmp_path, make_state(state, name))
    states.start_waiting(tmp_path, {"trained/a": Job("trained/a", "trained", ()), JOB.id: JOB})
    kept = {state.id: state.state for state, _ in states.list_states(tmp_path)}
    assert kept == {"trained/a": "running", "trained/b": "done", JOB.id: "waiting"}


def test_status_of_a_folder_without_jobs_is_an_error(tmp_path, capsys):
    assert status.main(["--out", str(tmp_path)]) == 2
    assert "no jobs; they are started with --workers N" in capsys.readouterr().err


def test_cancel_stops_the_process_of_an_engine(tmp_path, capsys):
    script = (
        "import sys, time\nfrom pathlib import Path\n"
        "from fusebench.engines import running_engines\n"
        "with running_engines.register_engine(Path(sys.argv[1]), 'toy', []):\n"
        "    time.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script, str(tmp_path)]) as process:
        deadline = time.monotonic() + 200
        while not running_engines.list_engines(tmp_path):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert cancel.main(["--out", str(tmp_path)]) == 0
        assert f"process {process.pid}" in capsys.readouterr().out
        assert process.wait(100) == -15
    assert running_engines.list_engines(tmp_path) == []  # its file is removed


def test_an_engine_of_another_machine_is_not_stopped_from_here(tmp_path, capsys):
    with running_engines.register_engine(tmp_path, "toy", []):
        (path,) = (tmp_path / ".jobs/engines").iterdir()
        content = json.loads(path.read_text())
        path.write_text(json.dumps(content | {"host": "node7"}))
        assert cancel.main(["--out", str(tmp_path)]) == 1
    assert "on node7): cannot be stopped from here" in capsys.readouterr().err


def test_a_number_that_another_process_got_meanwhile_is_not_taken_for_an_engine(tmp_path):
    with running_engines.register_engine(tmp_path, "toy", []):
        (path,) = (tmp_path / ".jobs/engines").iterdir()
        content = json.loads(path.read_text())
        path.write_text(json.dumps(content | {"start_ticks": content["start_ticks"] - 1}))
        assert running_engines.list_engines(tmp_path) == []
