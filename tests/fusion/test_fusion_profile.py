"""python -m fusion.profile: its output, its files and its errors."""

import csv
import mmap

import numpy as np
import pytest
import torch

from benchmarks import fusion as benchmark
from fusebench.errors import UserError
from fusebench.storage import cost_profiles
from fusion import profile
from fusion.checkpoints import weights_file
from fusion.networks.denoising import initialize_orthogonal
from fusion.profiling import mac_counting, measurement, peak_memory
from fusion.profiling.measurement import (
    MeasuredCost,
    ProfileRequest,
    TimingOptions,
    count_operations,
    measure_in_subprocess,
)

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
    head, row = out.splitlines()
    assert head.split()[:3] == ["source", "size", "parameters"]
    assert row.split()[:6] == ["mean", "80x64", "0", "-", "-", "-"]
    with to.open() as lines:
        (csv_row,) = csv.DictReader(lines)
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
    def measure(request, timing):
        if request.source == "mean":
            raise error
        return MeasuredCost(0.5, 0.25, 1.0, 10)

    monkeypatch.setattr(measurement, "measure_in_subprocess", measure)
    to, out = tmp_path / "cost.csv", tmp_path / "runs"
    arguments = ("--tasks", file, "--size", "32x16", "--device", "cpu", "--to", to, "--out", out)
    status, printed, err = run(capsys, *arguments)
    assert status == 1
    assert [line.split()[0] for line in printed.splitlines()] == ["source", "most"]
    assert "mean at 32x16: " in err
    assert err.endswith("fusion.profile: 1 failed: mean at 32x16\n")
    assert [stored.source for stored in cost_profiles.read_profiles(out)] == ["most"]
    with to.open() as lines:
        assert [row["source"] for row in csv.DictReader(lines)] == ["most"]


def test_measurements_before_an_interrupt_are_kept(file, capsys, tmp_path, monkeypatch):
    def measure(request, timing):
        if request.source == "most":
            raise KeyboardInterrupt
        return MeasuredCost(0.5, 0.25, 1.0, 10)

    monkeypatch.setattr(measurement, "measure_in_subprocess", measure)
    out = tmp_path / "runs"
    status, printed, _ = run(capsys, "--tasks", file, "--device", "cpu", "--out", out)
    assert status == 130
    assert printed.splitlines()[1].split()[0] == "mean"
    assert [stored.source for stored in cost_profiles.read_profiles(out)] == ["mean"]


def test_error_names_a_damaged_profile(tmp_path):
    (tmp_path / "profile").mkdir()
    (tmp_path / "profile" / "x.json").write_text('{"source": "x"}')
    with pytest.raises(UserError, match=r"x\.json: damaged"):
        list(cost_profiles.read_profiles(tmp_path))


def test_every_method_of_the_task_file_is_counted_at_every_size(file, capsys):
    sizes = ("--size", "32x48", "--size", "64x64")
    status, out, _ = run(capsys, "--tasks", file, "--runs", 0, *sizes, "--device", "cpu")
    assert status == 0
    rows = [line.split()[:2] for line in out.splitlines()[1:]]
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


def test_out_of_memory_is_one_error(monkeypatch):
    class Pool:
        def __init__(self, *arguments, **options):
            pass

        __enter__ = submit = lambda self, *arguments: self

        def __exit__(self, *exception):
            return False

        def result(self):
            raise MemoryError

    monkeypatch.setattr(measurement, "ProcessPoolExecutor", Pool)
    with pytest.raises(UserError, match=r"out of memory; try a smaller --size"):
        measure_in_subprocess(
            ProfileRequest("mean", "average", {}, 64, 64), TimingOptions("cpu", 1, 1)
        )


def test_benchmark_fails_if_gray_levels_cannot_be_compared(capsys):
    assert not benchmark.compare_gray_levels("none.safetensors")
    assert "gray levels cannot be compared: none.safetensors" in capsys.readouterr().out


def test_every_tile_is_counted(weights):
    tile = count_operations(make_request(weights, 64, 64))
    # 64 x 160 in tiles of 64 with overlap 16: they start at 0, 48 and 96.
    tiled = count_operations(make_request(weights, 160, 64, tile=64, overlap=16))
    assert tiled.macs == 3 * tile.macs


def test_network_is_measured_in_a_subprocess(weights):
    cost = measure_in_subprocess(make_request(weights, 64, 48), TimingOptions("cpu", 2, 1))
    assert cost.min_seconds <= cost.median_seconds <= cost.max_seconds
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
        (("--runs", "-1"), "--runs -1"),
        (("--threads", "0"), "--threads 0"),
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
    ],
)
def test_wrong_arguments_are_one_line(file, capsys, arguments, message):
    needs_tasks = arguments[:1] != ("--method",) or "--source" in arguments
    common = ("--tasks", file) if needs_tasks else ()
    status, _, err = run(capsys, *common, "--runs", "0", "--device", "cpu", *arguments)
    assert status == 2
    assert message in err
    assert err.startswith("fusion.profile: ")
    assert err.count("\n") == 1


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_memory_on_a_gpu_is_what_torch_allocated(weights):
    request = make_request(weights, 256, 256)
    cost = measure_in_subprocess(request, TimingOptions("cuda:0", 2, None))
    assert cost.peak_memory_bytes > 4 * 256 * 256 * 3 * 2 * 4
