"""Shares of a machine's cores and GPUs, and limits on processor time of control groups."""

import os

import pytest

from fusebench.engines.kinds.resources import THREAD_VARIABLES, Share, divide, list_gpus
from fusebench.runtime import process_pool
from fusebench.runtime.process_pool import read_cpu_limit


def test_cores_and_gpus_are_divided_without_overlap():
    shares = divide(range(10), 10, ["0", "3"], 4)
    assert [len(share.cores) for share in shares] == [2, 3, 2, 3]
    assert sorted(core for share in shares for core in share.cores) == list(range(10))
    assert [share.gpu for share in shares] == ["0", "3", "0", "3"]
    assert {share.threads for share in shares} == {2}


def test_more_workers_than_cores_have_one_thread_each_and_share_the_cores():
    shares = divide([0, 1], 2, [], 3)
    assert [(share.cores, share.threads, share.gpu) for share in shares] == [((), 1, None)] * 3


def test_a_limit_on_processor_time_divides_threads_only():
    shares = divide(range(64), 4, [], 2)
    assert [(share.cores, share.threads) for share in shares] == [((), 2)] * 2


@pytest.mark.parametrize(
    ("value", "gpus"),
    [("0,2", ["0", "2"]), ("", []), ("-1", []), ("GPU-ab, GPU-cd", ["GPU-ab", "GPU-cd"])],
)
def test_gpus_that_the_user_selected_are_the_only_ones(value, gpus):
    assert list_gpus({"CUDA_VISIBLE_DEVICES": value}) == gpus


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_the_lowest_limit_of_a_group_and_those_above_it_counts(tmp_path):
    write(tmp_path / "process", "0::/pods/job/task\n")
    write(tmp_path / "cgroup/cpu.max", "max 100000\n")
    write(tmp_path / "cgroup/pods/cpu.max", "800000 100000\n")
    write(tmp_path / "cgroup/pods/job/cpu.max", "250000 100000\n")
    write(tmp_path / "cgroup/pods/job/task/cpu.max", "max 100000\n")
    assert read_cpu_limit(tmp_path / "process", tmp_path / "cgroup") == 2.5


def test_version_1_has_its_controllers_in_folders(tmp_path):
    write(tmp_path / "process", "5:memory:/a\n4:cpu,cpuacct:/docker/x\n")
    write(tmp_path / "cgroup/cpu,cpuacct/docker/x/cpu.cfs_quota_us", "150000\n")
    write(tmp_path / "cgroup/cpu,cpuacct/docker/x/cpu.cfs_period_us", "100000\n")
    assert read_cpu_limit(tmp_path / "process", tmp_path / "cgroup") == 1.5


@pytest.mark.parametrize("text", [None, "", "0::/\n", "4:cpu:/gone\n"])
def test_without_a_limit_there_is_none(tmp_path, text):
    if text is not None:
        write(tmp_path / "process", text)
    assert read_cpu_limit(tmp_path / "process", tmp_path / "cgroup") is None


@pytest.mark.parametrize(("given", "expected"), [("1", "1"), (None, "4")])
def test_the_number_of_threads_that_the_user_sets_holds_for_all_libraries(
    given, expected, monkeypatch
):
    for name in THREAD_VARIABLES:  # tests/conftest.py sets all of them
        monkeypatch.delenv(name)
    if given is not None:
        monkeypatch.setenv("OMP_NUM_THREADS", given)
    monkeypatch.setenv(process_pool.CPUS_VARIABLE, "9")  # also restores it in the end
    Share((), 4).apply()
    assert os.environ[process_pool.CPUS_VARIABLE] == "4"
    assert {os.environ[name] for name in THREAD_VARIABLES} == {expected}
