"""python -m fusion.profile: its output, its files and its errors."""

import csv
import mmap
import os
import signal
import time
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from benchmarks import fusion as benchmark
from fusebench.errors import NotEnoughMemoryError, UserError
from fusebench.storage import cost_profiles
from fusion import profile
from fusion.checkpoints import weights_file
from fusion.networks.denoising import initialize_orthogonal
from fusion.profiling import mac_counting, measurement, new_process, peak_memory, session
from fusion.profiling.measurement import FusionCost, MeasuredCost, measure_fusions, summarize
from fusion.profiling.operation_counts import count_operations
from fusion.profiling.request import ProfileRequest, RunLimits, TimingOptions

TASKS = """
sources:
  visible: {kind: visible}
  mean: {kind: method, method: average}
  most: {kind: method, method: maximum}
tasks:
  t: {kind: quality, dataset: scenes, sources: [mean]}
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "tasks.yaml"
    path.write_text(TASKS)
    return path


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Weights file of a DMFuse of inner width 4."""
    architecture = {
        "denoising": {"inner": 4, "channels": 1, "schedule": "cosine", "timesteps": 2000},
        "head": {
            "encoder": "diffusion",
            "interaction": "caim",
            "affinity": "paper",
            "scaled": False,
            "features_at": [5, 50, 100],
        },
    }
    network = mac_counting.TrainedDMFuse(architecture, mac_counting.NoiseOptions())
    initialize_orthogonal(network)
    path = tmp_path_factory.mktemp("weights") / "dmfuse.safetensors"
    weights_file.write_weights(
        path, network.state_dict(), weights_file.WeightsMetadata("dmfuse", "fusion", architecture)
    )
    return path


def run(capsys, *argv):
    status = profile.main([str(argument) for argument in argv])
    return status, *capsys.readouterr()


def test_method_without_network_has_only_time_and_memory(file, capsys, tmp_path):
    to = tmp_path / "cost.csv"
    arguments = ("--tasks", file, "--source", "mean", "--size", "80x64", "--device", "cpu")
    arguments = (*arguments, "--out", tmp_path / "runs")
    status, out, _ = run(capsys, *arguments, "--runs", 2, "--threads", 1, "--to", to)
    assert status == 0
    head, row, *published = out.splitlines()
    assert any(line.split()[:2] == ["MMDRFuse", "113"] for line in published)
    assert head.split()[:3] == ["source", "size", "parameters"]
    assert row.split()[:6] == ["mean", "80x64", "0", "-", "-", "-"]
    with to.open() as lines:
        csv_row, *published_rows = csv.DictReader(lines)
    assert {row["source"]: row["parameters"] for row in published_rows}["DATFuse"] == "10760"
    assert {row["median_seconds"] for row in published_rows} == {""}
    assert csv_row["parameters"] == "0"
    assert csv_row["macs"] == ""
    assert (csv_row["width"], csv_row["height"], csv_row["repetitions"]) == ("80", "64", "2")
    low, middle, high = (float(csv_row[f"{name}_seconds"]) for name in ("min", "median", "max"))
    assert 0 < low <= middle <= high < 10
    assert int(csv_row["peak_memory_bytes"]) >= 0
    (stored,) = cost_profiles.read_profiles(tmp_path / "runs")
    assert (stored.source, stored.method) == ("mean", "average")
    assert (stored.options, stored.size) == ({}, "80x64")
    assert stored.median_seconds == middle
    assert stored.peak_memory_bytes == int(csv_row["peak_memory_bytes"])


@pytest.mark.parametrize("error", [UserError("too large"), ZeroDivisionError()])
def test_failure_of_one_method_does_not_stop_the_others(file, capsys, tmp_path, monkeypatch, error):
    def measure(request, timing, deadline, on_wait):
        if request.source == "mean":
            raise error
        yield FusionCost(0.5, 0.25, 10)

    monkeypatch.setattr(measurement, "measure_fusions", measure)
    to, out = tmp_path / "cost.csv", tmp_path / "runs"
    arguments = ("--tasks", file, "--size", "32x16", "--device", "cpu", "--to", to, "--out", out)
    status, printed, err = run(capsys, *arguments)
    assert status == 1
    rows = [line.split() for line in printed.splitlines()[:3]]
    assert [(row[0], row[6]) for row in rows[1:]] == [("mean", "-"), ("most", "0.500")]
    assert "mean at 32x16: " in err
    assert err.endswith("fusion.profile: 1 not measured: mean at 32x16\n")
    assert [stored.source for stored in cost_profiles.read_profiles(out)] == ["most"]
    with to.open() as lines:
        first, second, *_ = csv.DictReader(lines)
    assert (first["source"], first["median_seconds"]) == ("mean", "")
    assert first["not_measured"] == (str(error) or "failed: its traceback was printed")
    assert (second["source"], second["not_measured"]) == ("most", "")


def test_a_measurement_that_cannot_be_saved_is_one_row_with_the_reason(
    file, capsys, tmp_path, monkeypatch
):
    def measure(request, timing, deadline, on_wait):
        yield FusionCost(0.5, 0.25, 10)

    monkeypatch.setattr(measurement, "measure_fusions", measure)
    out, to = tmp_path / "runs", tmp_path / "cost.csv"
    out.mkdir()
    (out / "profile").write_text("a file where a folder is expected")
    arguments = ("--tasks", file, "--source", "mean", "--device", "cpu", "--out", out, "--to", to)
    status, _, err = run(capsys, *arguments)
    assert status in (1, 3)
    with to.open() as lines:
        rows = [row for row in csv.DictReader(lines) if row["source"] == "mean"]
    assert [row["median_seconds"] for row in rows] == [""]
    assert rows[0]["not_measured"]
    assert "profile" in err


def test_measurements_before_an_interrupt_are_kept(file, capsys, tmp_path, monkeypatch):
    def measure(request, timing, deadline, on_wait):
        yield FusionCost(0.5, 0.25, 10)
        if request.source == "most":
            raise KeyboardInterrupt

    monkeypatch.setattr(measurement, "measure_fusions", measure)
    out = tmp_path / "runs"
    status, printed, err = run(capsys, "--tasks", file, "--device", "cpu", "--out", out)
    assert status == 130
    assert err.endswith("fusion.profile: interrupted; what was measured is kept\n")
    assert [line.split()[0] for line in printed.splitlines()[1:3]] == ["mean", "most"]
    assert [stored.source for stored in cost_profiles.read_profiles(out)] == ["mean", "most"]


def test_error_names_a_damaged_profile(tmp_path):
    (tmp_path / "profile").mkdir()
    (tmp_path / "profile" / "x.json").write_text('{"source": "x"}')
    with pytest.raises(UserError, match=r"x\.json: damaged"):
        list(cost_profiles.read_profiles(tmp_path))


def test_every_method_of_the_task_file_is_counted_at_every_size(file, capsys):
    sizes = ("--size", "32x48", "--size", "64x64")
    status, out, _ = run(capsys, "--tasks", file, "--runs", 0, *sizes, "--device", "cpu")
    assert status == 0
    rows = [line.split()[:2] for line in out.splitlines()[1:5]]
    assert rows == [["mean", "32x48"], ["mean", "64x64"], ["most", "32x48"], ["most", "64x64"]]


def make_request(weights, width, height, **options):
    return ProfileRequest("x", "dmfuse", {"weights": str(weights), **options}, width, height)


def test_network_is_counted_at_the_padded_size(weights):
    exact = count_operations(make_request(weights, 64, 48))
    assert count_operations(make_request(weights, 50, 33)) == exact
    # The closed form of the denoising network with one channel, and of the fusion network.
    inner = 4
    denoising = 23857 * inner**2 + 1367 * inner + 3 - 36 * inner - 2
    assert exact.parameters == denoising + 12960 * inner + 116_654 - 1  # without gamma
    assert exact.macs > 1e8


def test_counting_allocates_no_tensor_of_the_image_size():
    class Network:
        def sample_noise(self, infrared, visible):
            assert infrared.shape == visible.shape == (1, 1, 32, 32)
            return [torch.zeros(1, 3, 32, 32)] * 2

        def fuse(self, infrared, visible, noise):
            self.inputs = [(x.device.type, *x.shape) for x in (infrared, visible, *noise)]

    network, size = Network(), (4096, 65_520)
    mac_counting.count_pair_macs(network, *size)
    assert network.inputs == [("meta", 1, 1, *size)] * 2 + [("meta", 1, 3, *size)] * 2


def raise_memory_error():
    yield 1
    raise MemoryError


def kill_process():
    yield 1
    os.kill(os.getpid(), signal.SIGKILL)


def raise_bug():
    yield 1
    raise ZeroDivisionError("of the method")


@pytest.mark.parametrize(
    ("function", "error", "message"),
    [
        (raise_memory_error, NotEnoughMemoryError, "out of memory; try a smaller --size"),
        (kill_process, NotEnoughMemoryError, "killed, most likely because it was out of memory"),
        (raise_bug, RuntimeError, "ZeroDivisionError: of the method"),
    ],
)
def test_failure_of_a_process_is_an_exception_after_its_results(function, error, message):
    results = new_process.iterate_results(function)
    assert next(results) == 1
    with pytest.raises(error, match=message):
        next(results)


def sleep_long():
    yield 1
    time.sleep(600)


def test_a_process_ends_at_the_deadline(monkeypatch):
    read, seconds = [], [0]
    monkeypatch.setattr(new_process, "time", SimpleNamespace(monotonic=lambda: seconds[0]))

    def wait():
        seconds[0] += len(read)  # time passes after the first result, however late that comes

    results = new_process.iterate_results(sleep_long, deadline=3, on_wait=wait)
    read.append(next(results))
    assert read == [1]
    assert list(results) == []
    assert seconds == [3]


def test_first_fusion_is_the_warm_up_unless_it_is_the_only_one():
    costs = [FusionCost(9, 8, 10), FusionCost(1, 2, 20), FusionCost(3, 4, 30)]
    assert summarize(costs) == MeasuredCost(2, 1, 3, 30, 3, repetitions=2, has_warm_up=True)
    assert summarize(costs[:1]) == MeasuredCost(9, 9, 9, 10, 8, repetitions=1, has_warm_up=False)


@pytest.mark.parametrize(
    ("limits", "seconds", "is_reached"),
    [
        (RunLimits(2, 2, 0), [1, 1], False),
        (RunLimits(2, 2, 0), [1, 1, 1], True),
        (RunLimits(5, 0, 10), [6], True),  # the second would end after 12 seconds
        (RunLimits(5, 0, 10), [4], False),
        (RunLimits(5, 1, 10), [60], False),
    ],
)
def test_runs_end_at_their_limits(limits, seconds, is_reached):
    assert limits.is_reached(seconds) == is_reached


def test_method_without_time_left_is_not_measured_and_says_how(file, capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(profile, "QUICK_SECONDS", -10)
    monkeypatch.setattr(session, "MIN_SECONDS", 0)
    status, out, err = run(capsys, "--tasks", file, "--device", "cpu", "--out", tmp_path)
    assert status == 1
    assert "mean at 640x480: not measured: one fusion takes longer" in err
    assert "--source mean --size 640x480 --runs 1, or --thorough" in err
    assert [line.split()[1] for line in out.splitlines()[1:3]] == ["640x480"] * 2


def test_network_that_does_not_fit_is_measured_in_tiles(weights, monkeypatch, capsys, tmp_path):
    measured = []

    def measure(request, timing, deadline, on_wait):
        if not request.options.get("tile"):
            raise NotEnoughMemoryError("too large")
        measured.append(request.options["tile"])
        yield FusionCost(0.5, 0.25, 10)

    monkeypatch.setattr(measurement, "measure_fusions", measure)
    arguments = ("--method", "dmfuse", "--set", f"weights={weights}", "--size", "528x64")
    arguments = (*arguments, "--device", "cpu")
    status, out, err = run(capsys, *arguments, "--thorough")
    assert (status, measured) == (0, [512])
    assert "dmfuse at 528x64: too large; measured with tile: 512" in err
    assert "dmfuse (tile 512)" in out
    assert run(capsys, *arguments)[0] == 1


def test_benchmark_fails_if_trained_weights_cannot_be_compared(capsys):
    assert not benchmark.compare_precisions("none.safetensors")
    assert "trained weights cannot be compared: none.safetensors" in capsys.readouterr().out


def test_every_tile_is_counted(weights):
    tile = count_operations(make_request(weights, 64, 64))
    # 64 x 160 in tiles of 64 with overlap 16: they start at 0, 48 and 96.
    tiled = count_operations(make_request(weights, 160, 64, tile=64, overlap=16))
    assert tiled.macs == 3 * tile.macs


def measure(request, device, threads):
    timing = TimingOptions(device, threads, RunLimits(2, 2, 0))
    return summarize(list(measure_fusions(request, timing, None, lambda: None)))


def test_network_is_measured_in_a_new_process(weights):
    cost = measure(make_request(weights, 64, 48), "cpu", 1)
    assert cost.min_seconds <= cost.median_seconds <= cost.max_seconds
    assert (cost.repetitions, cost.has_warm_up) == (2, True)
    assert 0 < cost.processor_seconds < 10
    # More than its features at full size: three steps, two images, four channels, four bytes.
    assert cost.peak_memory_bytes > 64 * 48 * 3 * 2 * 4 * 4


def test_peak_memory_includes_memory_that_was_freed_during_the_call():
    def allocate_and_free():
        with mmap.mmap(-1, 2**27) as pages:  # bypasses memory that malloc has kept from earlier
            np.frombuffer(pages, np.uint8).fill(1)

    before, peak = peak_memory.measure_peak_memory(allocate_and_free)
    assert peak - before >= 0.9 * 2**27
    second_before, second_peak = peak_memory.measure_peak_memory(lambda: None)
    assert second_peak - second_before < 2**26


def test_paper_comparison_prints_both_counts(capsys):
    status, out, _ = run(capsys, "--paper")
    assert status == 0
    rows = [line.split() for line in out.splitlines()]
    quarter = next(row for row in rows if row[:1] == ["1/4"])
    assert quarter[1] == "24,473,315"
    assert quarter[4:] == ["24.967", "24.967", "106.584", "106.584"]
    full = [row for row in rows if row[:1] == ["1"]]
    assert full[0][-2:] == ["1469.929", "1516.136"]
    assert full[1][-2:] == ["391.675", "386.358"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--size", "256"), "--size 256: expected WIDTHxHEIGHT"),
        (("--size", "8x64"), "each at least 16"),
        (("--size", "4000000x400000"), "at least 16 and at most 65535"),
        (("--method", "dmfuse", "--size", "4000000x400000"), "at least 16 and at most 65535"),
        (("--runs", "-1"), "--runs -1: expected 0 to "),
        (("--threads", "0"), "--threads 0: expected 1 to "),
        (("--device", "tpu"), "--device tpu: expected auto"),
        (("--source", "visible"), "source visible is visible; only methods"),
        (("--source", "men"), "no source is called 'men'"),
        (("--method", "averag"), "did you mean 'average'"),
        (
            ("--method", "average", "--set", "levels=3"),
            "average: options: levels: no option is called 'levels'; known: infrared_weight",
        ),
        (("--method", "average", "--set", "levels"), "--set levels: expected option=value"),
        (("--set", "levels=3"), "--set changes the options of a --method"),
        (("--method", "average", "--source", "mean"), "not both"),
        (("--method", "dmfuse", "--set", "weights=none.safetensors"), "none.safetensors"),
        (("--to", "nowhere/cost.csv"), "there is no folder nowhere"),
        (("--to", "."), "--to .: is a folder"),
        (("--out", __file__), "is a file; name the folder of the results"),
    ],
)
def test_wrong_arguments_are_one_line(file, capsys, arguments, message):
    needs_tasks = arguments[:1] != ("--method",) or "--source" in arguments
    common = ("--tasks", file) if needs_tasks else ()
    status, _, err = run(capsys, *common, "--runs", "0", "--device", "cpu", *arguments)
    assert status == 2
    assert message in err
    *bar, line = err.splitlines()  # weights are read while operations are counted
    assert line.startswith("fusion.profile: ")
    assert not bar or "weights" in arguments[-1]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_memory_on_a_gpu_is_what_torch_allocated(weights):
    request = make_request(weights, 256, 256)
    cost = measure(request, "cuda:0", None)
    assert cost.peak_memory_bytes > 4 * 256 * 256 * 3 * 2 * 4


def test_a_long_path_of_temporary_files_starts_new_interpreters(tmp_path, monkeypatch):
    folder = tmp_path / ("t" * 100)
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    assert new_process.call(len, "four") == 4
    assert not list(folder.iterdir())
