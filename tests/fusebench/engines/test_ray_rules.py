"""Rules of the Ray engine that need no Ray: room on machines, checks of a machine, job by job."""

import os
import socket
import subprocess
import sys
import threading
import time

import pytest
from pydantic import ValidationError

from fusebench.config.engine_settings import RayEngineSettings
from fusebench.engines.contract import EngineRequest
from fusebench.engines.kinds import ray
from fusebench.engines.kinds.ray_actors import (
    cluster_connection,
    job_executor,
    machine_checks,
    sent_code,
)
from fusebench.engines.kinds.ray_actors.cluster_connection import Cluster, Node
from fusebench.engines.kinds.ray_actors.job_executor import JobExecutor, WorkerSettings
from fusebench.engines.kinds.resources import GPU_VARIABLE, THREAD_VARIABLES
from fusebench.errors import UserError
from fusebench.runtime import process_pool

BOX = Node("1", "box", cpus=16, gpus=4)
PLAIN = Node("2", "plain", cpus=64, gpus=0)


@pytest.mark.parametrize(
    ("node", "cpus", "gpus", "count"),
    [
        (BOX, 1, 1, 4),
        (BOX, 1, 0.5, 8),
        (BOX, 4, 0.5, 4),  # CPUs are the limit
        (BOX, 1, 0.4, 8),  # two on each GPU, a fifth of each is left
        (BOX, 1, 1 / 3, 12),
        (BOX, 1, 3, 1),
        (BOX, 3, 0, 5),
        (BOX, 32, 0, 0),
        (PLAIN, 1, 0.01, 0),
    ],
)
def test_jobs_that_fit_on_a_machine(node, cpus, gpus, count):
    assert cluster_connection.count_jobs(node, cpus, gpus) == count


def test_as_many_jobs_as_fit_or_fewer():
    own, shared = Cluster("", (BOX, PLAIN)), Cluster("head:6379", (BOX, PLAIN))
    assert ray.choose_capacity(own, None, 8, 0) == 2 + 8
    assert ray.choose_capacity(own, 3, 8, 0) == 3
    assert ray.choose_capacity(own, 99, 8, 0) == 10
    assert ray.choose_capacity(shared, 99, 8, 0) == 99  # a cluster may grow
    with pytest.raises(UserError, match=r"no machine has 1 CPUs and 5 GPUs .*set engine.workers"):
        ray.choose_capacity(shared, None, 1, 5)


def test_a_job_has_a_gpu_unless_the_device_is_the_cpu_or_there_is_none():
    assert ray.choose_gpus(None, "auto", [PLAIN, BOX]) == 1
    assert ray.choose_gpus(None, "auto", [PLAIN]) == 0
    assert ray.choose_gpus(None, "cuda", [PLAIN]) == 1  # refused for want of room
    assert ray.choose_gpus(None, "cpu", [BOX]) == 0
    assert ray.choose_gpus(0.5, "cpu", [BOX]) == 0.5
    with pytest.raises(UserError, match="does not go with --device cuda"):
        ray.choose_gpus(0, "cuda", [BOX])


def test_a_gpu_by_number_is_refused(tmp_path):
    request = EngineRequest("toy", (), tmp_path, "cuda:1")
    with pytest.raises(UserError, match="Ray gives each job its GPU"):
        ray.start_engine(RayEngineSettings(), request, 1)


@pytest.mark.parametrize("share", [1.5, 0.001, -1, True, "much"])
def test_shares_of_a_gpu_that_ray_cannot_give_are_refused(share):
    with pytest.raises(ValidationError):
        RayEngineSettings(gpus_per_run=share)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """What a machine needs, which this one has."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    environment = {"PYTHONPATH": os.pathsep.join(["plugins", ""])}
    return vars(machine_checks.build_place(tmp_path / "runs", environment))


def test_a_machine_that_has_everything(place, tmp_path):
    assert sent_code.build_check()(place) == ""
    assert sys.path[0] == str(tmp_path / "plugins")
    assert str(tmp_path) in sys.path


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("python", "3.1", "has Python 3.*, the command was started with 3.1"),
        ("folder", "/absent", "has no folder /absent"),
        ("version", "0.0.1", "has fusebench .*, not 0.0.1"),
    ],
)
def test_what_a_machine_lacks_is_named(place, name, value, problem):
    import re

    text = sent_code.build_check()(place | {name: value})
    assert re.fullmatch(f"{socket.gethostname()} {problem}.*", text)


def test_a_folder_of_the_same_path_that_is_not_shared_is_noticed(place, tmp_path, monkeypatch):
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    own_disk = tmp_path / "runs"
    (own_disk / ".jobs/identity").write_text("of another command")
    for folder in (own_disk, tmp_path / "absent"):
        text = sent_code.build_check()(place | {"results": str(folder)})
        assert f"{folder} is not the folder of results of this command" in text
    assert machine_checks.build_place(tmp_path / "other", {}).identity != place["identity"]


def test_the_reason_of_a_dead_actor_is_one_line():
    error = RuntimeError(
        "The actor died unexpectedly before finishing this task.\n\tpid: 12\n\tip: 10.0.0.7\n"
        "The actor is dead because its worker process has died. Worker exit type: SYSTEM_ERROR"
    )
    assert cluster_connection.explain_error(error) == (
        "The actor is dead because its worker process has died (ip: 10.0.0.7)"
    )
    failed_start = RuntimeError(
        "raised in its creation task\n\nRuntimeError: node7 has no folder /a"
    )
    assert cluster_connection.explain_error(failed_start) == "node7 has no folder /a"
    assert cluster_connection.explain_error(ValueError()) == "ValueError"


def test_a_page_about_memory_is_one_line():
    class OutOfMemoryError(Exception):
        """As Ray's own, by name."""

    error = OutOfMemoryError(
        "1 worker(s) were killed due to the node running low on memory. Memory on the node "
        "(IP: 10.0.0.7, ID: 76) was 60 GB\nTop 10 memory users: ...\nRefer to the documentation. Or"
    )
    assert cluster_connection.explain_error(error) == (
        "1 worker(s) were killed due to the node running low on memory (IP: 10.0.0.7)"
    )


def test_no_cluster_at_an_address_is_noticed_without_ray():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(UserError, match="no Ray cluster there"):
        cluster_connection.check_reachable(address)
    cluster_connection.check_reachable("auto")


@pytest.fixture
def executor(tmp_path, monkeypatch):
    """What an actor has, for the toy program; without a GPU, with two threads."""
    for name in (*THREAD_VARIABLES, GPU_VARIABLE, process_pool.CPUS_VARIABLE):
        monkeypatch.setenv(name, "7")  # of whoever started the cluster
    request = EngineRequest("tests.helpers.engines.toy_program", (str(tmp_path),), tmp_path, "cpu")
    executor = JobExecutor(request, WorkerSettings(2, has_gpu=False, environment={}))
    yield executor
    executor.cancel()


def read_calls(folder):
    path = folder / "calls"
    return [line.split() for line in path.read_text().splitlines()] if path.exists() else []


def wait_for_call(folder, count=1):
    deadline = time.monotonic() + 120
    while len(read_calls(folder)) < count:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_jobs_of_an_actor_share_a_process_with_its_own_threads_and_no_gpu(executor, tmp_path):
    ends = [executor.execute(f"trained/{name}-1", 0.0) for name in ("good", "bad", "wrong")]
    assert [end.status for end in ends] == [0, 1, 2]
    assert len({process for _, process, _ in read_calls(tmp_path)}) == 1
    assert {threads for _, _, threads in read_calls(tmp_path)} == {"2"}
    assert os.environ[GPU_VARIABLE] == ""
    assert executor.get_job() == ""


def test_a_killed_process_is_named_with_its_machine_and_replaced(executor):
    end = executor.execute("trained/killed-1", 0.0)
    assert end.status is None
    assert end.reason.endswith(f"because memory ran out on {socket.gethostname()}")
    assert executor.execute("trained/good-1", 0.0).status == 0


def test_the_same_command_waits_for_a_running_job_and_another_job_is_refused(executor, tmp_path):
    ends = []

    def execute():
        ends.append(executor.execute("trained/sleeps-1", 0.0))

    threads = [threading.Thread(target=execute) for _ in range(2)]
    threads[0].start()
    wait_for_call(tmp_path)
    assert executor.get_job() == "trained/sleeps-1"
    threads[1].start()
    with pytest.raises(RuntimeError, match="has another job"):
        executor.execute("trained/good-1", 0.0)
    time.sleep(0.2)
    executor.cancel()
    for thread in threads:
        thread.join(60)
    assert len(read_calls(tmp_path)) == 1
    assert [(end.status, end.is_canceled) for end in ends] == [(None, True)] * 2


def test_a_job_waits_for_the_lock_of_a_process_that_was_lost(executor, tmp_path, monkeypatch):
    monkeypatch.setattr(job_executor, "HELD_POLL_SECONDS", 0.01)
    assert executor.execute("trained/held-1", 0.0).status == 75
    assert len(read_calls(tmp_path)) == 1
    assert executor.execute("trained/held-1", 0.3).status == 75
    assert len(read_calls(tmp_path)) > 3


def test_an_actor_without_a_job_ends(tmp_path):
    script = (
        "import sys, time\nfrom pathlib import Path\n"
        "from fusebench.engines.contract import EngineRequest\n"
        "from fusebench.engines.kinds.ray_actors import job_executor\n"
        "job_executor.IDLE_SECONDS = 0.2\n"
        "request = EngineRequest('toy', (), Path(sys.argv[1]), 'cpu')\n"
        "settings = job_executor.WorkerSettings(1, False, {})\n"
        "executor = job_executor.JobExecutor(request, settings)\n"
        "executor.end_process_when_idle()\n"
        "time.sleep(600)\n"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True, timeout=200)


def test_the_share_of_a_job_limits_the_processes_that_it_starts(monkeypatch):
    monkeypatch.delenv(process_pool.CPUS_VARIABLE, raising=False)
    count = process_pool.count_available_cpus()
    monkeypatch.setenv(process_pool.CPUS_VARIABLE, "1")
    assert process_pool.count_available_cpus() == 1
    for value in ("100000", "0", "many"):
        monkeypatch.setenv(process_pool.CPUS_VARIABLE, value)
        assert process_pool.count_available_cpus() == count
