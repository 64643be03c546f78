"""Compare DMFuse's optimized implementation with a straightforward one: time, memory, difference.

python benchmarks/fusion.py                      256 x 256 and 640 x 480; about 20 minutes
python benchmarks/fusion.py --size 256x256       one size (width x height); may be repeated
python benchmarks/fusion.py --runs 5             runs of each implementation; their order alternates

Setting: one process, one thread, width 1/4, three channels, three time steps, random orthogonal
weights. All implementations get the same simulated pair and the same noise. The straightforward one
runs the denoising network to its end six times, keeps all features, and attends with all H + W
affinities of every pixel side by side, as the released code does.

Speedups are given for processor time, which other work on the machine changes least, and for
elapsed time: medians over the rounds. Memory is the peak resident set size of a separate process,
and its increase during the fusion. How much faster bfloat16 is than float32, and how much it
changes the fused images, is also measured with trained weights (--weights: packaged, a file, the
folder of a training). The packaged network is smaller and gains less: 1.10 times at
640 x 480, 1.23 times at 256 x 256.

Exit status 1 if a speedup, a difference or the memory misses its limit below, or if there are no
trained weights to compare.
"""

import argparse
import statistics
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Literal

# When run as a script, this folder comes first in the module path, and this file would hide the
# package `fusion`.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import torch
from torch import Tensor

from benchmarks.dmfuse_implementations import IMPLEMENTATIONS, simulate_pair
from fusebench.data.images import luminance
from fusebench.errors import UserError
from fusebench.runtime.program import run_program
from fusebench.simulator import scene
from fusebench.simulator.parameters import SceneParameters
from fusion.methods import dmfuse
from fusion.profiling import peak_memory

SIZES = ((256, 256), (640, 480))  # width, height
# Ratios of processor time. Measured at 256 x 256 on a busy AMD EPYC: 1.19 and 1.35; 2.18 and 2.45.
MIN_SPEEDUPS = {
    ("float32", (256, 256)): 1.15,
    ("float32", (640, 480)): 1.5,
    ("bfloat16", (256, 256)): 2.0,
}
MAX_DIFFERENCE = 1e-4  # largest difference of float32, of luminance in [0, 1]
MAX_GRAY_LEVEL_DIFFERENCE = 0.5  # mean over an image, of bfloat16 with trained weights
PAIR_COUNT = 8  # pairs on which gray levels are compared
MAX_MEMORY_BYTES = 3.2e9  # of float32 at 640 x 480

Clock = Literal["processor", "elapsed"]


@dataclass(frozen=True)
class FusionTime:
    """Seconds of one fusion."""

    processor: float
    elapsed: float


def compare_speed(width: int, height: int, runs: int) -> bool:
    """Print the comparison at one size.

    Args:
        width: In pixels, a multiple of 16.
        height: In pixels, a multiple of 16.
        runs: Runs of each implementation.

    Returns:
        Whether speedups and differences are within their limits.
    """
    pair = simulate_pair(width, height)
    fuse_functions = {name: build() for name, build in IMPLEMENTATIONS.items()}
    times: dict[str, list[FusionTime]] = {name: [] for name in fuse_functions}
    fused: dict[str, Tensor] = {}
    for run in range(runs):
        for name in list(fuse_functions) if run % 2 == 0 else reversed(fuse_functions):
            start = time.process_time(), time.perf_counter()
            fused[name] = fuse_functions[name](*pair)
            seconds = FusionTime(time.process_time() - start[0], time.perf_counter() - start[1])
            times[name].append(seconds)
            print(f"{name}: {seconds}", file=sys.stderr)

    baseline = times.pop("straightforward")
    print(f"{width} x {height}, {runs} runs: straightforward {_format_times(baseline)}")
    within_limits = True
    for name, candidate in times.items():
        required = MIN_SPEEDUPS.get((name, (width, height)), 0)
        speedup = compute_speedup(baseline, candidate, "processor")
        elapsed_speedup = compute_speedup(baseline, candidate, "elapsed")
        difference = (fused[name] - fused["straightforward"]).abs()
        print(
            f"  {name}: {_format_times(candidate)}; speedup: processor {speedup:.2f}, "
            f"elapsed {elapsed_speedup:.2f}, required {required}"
        )
        print(f"    difference: largest {difference.max():.1e}, mean {difference.mean():.1e}")
        within_limits &= speedup >= required
        within_limits &= name != "float32" or bool(difference.max() <= MAX_DIFFERENCE)
    return within_limits


def compare_memory(width: int, height: int) -> bool:
    """Print the peak memory of every implementation; return whether it is within its limit.

    Each runs in a separate process, because a process does not return all of its freed memory.
    """
    within_limits = True
    for name in IMPLEMENTATIONS:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
            before, peak = process.submit(_measure_peak_memory, name, width, height).result()
        print(
            f"  {name}: peak {peak / 1e9:.2f} GB, {(peak - before) / 1e9:.2f} of it for the fusion"
        )
        if name == "float32" and (width, height) == (640, 480):
            within_limits = peak <= MAX_MEMORY_BYTES
    return within_limits


@torch.inference_mode()
def _measure_peak_memory(name: str, width: int, height: int) -> tuple[int, int]:
    """Measure one implementation; return the bytes before the fusion and at its peak."""
    torch.set_num_threads(1)
    fuse, pair = IMPLEMENTATIONS[name](), simulate_pair(width, height)
    return peak_memory.measure_peak_memory(lambda: fuse(*pair))


def compare_precisions(weights: str) -> bool:
    """Print how much faster bfloat16 is than float32, and how much the fused images differ.

    Trained weights are needed: the output of random weights is no image.

    Args:
        weights: The option ``weights`` of the fusion method.

    Returns:
        Whether the mean difference of every image is within its limit.
    """
    try:
        fuse_float32, fuse_bfloat16 = (
            dmfuse.load(
                dmfuse.Options.model_validate({"weights": weights, "precision": precision}), "cpu"
            )
            for precision in ("float32", "bfloat16")
        )
    except UserError as error:
        print(f"trained weights cannot be compared: {error}")
        return False
    parameters = SceneParameters()
    differences, ratios = [], []
    for sequence in range(PAIR_COUNT):  # the first frame of each sequence
        pair = scene.render_scene(2, sequence * parameters.frames_per_sequence, parameters)
        start = time.process_time()
        exact = luminance(fuse_float32(pair.infrared, pair.visible)).astype(np.float64)
        middle = time.process_time()
        rounded = luminance(fuse_bfloat16(pair.infrared, pair.visible)).astype(np.float64)
        ratios.append((middle - start) / (time.process_time() - middle))
        differences.append(float(np.abs(exact - rounded).mean()))
    print(
        f"bfloat16 against float32, weights {weights}, {PAIR_COUNT} pairs: mean "
        f"{statistics.mean(differences):.3f} gray levels, at most {max(differences):.3f}; "
        f"{statistics.median(ratios):.2f} times faster"
    )
    return max(differences) < MAX_GRAY_LEVEL_DIFFERENCE


def compute_speedup(baseline: list[FusionTime], candidate: list[FusionTime], clock: Clock) -> float:
    """Compute the median ratio of times over the rounds.

    The two runs of a round follow each other, so that the load of the machine is about the same.
    """
    rounds = zip(baseline, candidate, strict=True)
    ratios = [getattr(first, clock) / getattr(second, clock) for first, second in rounds]
    return float(statistics.median(ratios))


def _format_times(times: list[FusionTime]) -> str:
    return (
        f"{min(seconds.processor for seconds in times):.2f} s of processor, "
        f"{min(seconds.elapsed for seconds in times):.2f} s elapsed"
    )


def _parse_size(text: str) -> tuple[int, int]:
    width, height = map(int, text.split("x"))
    if width % 16 or height % 16 or min(width, height) < 32:
        raise argparse.ArgumentTypeError(f"{text}: expected multiples of 16, at least 32")
    return width, height


def main() -> int:
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", action="append", type=_parse_size, metavar="WxH")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--weights", default="packaged", help="trained weights, for gray levels")
    parser.add_argument("--no-memory", action="store_true", help="do not measure memory")
    args = parser.parse_args()
    torch.set_num_threads(1)
    within_limits = True
    for width, height in args.size or SIZES:
        with torch.inference_mode():
            within_limits &= compare_speed(width, height, args.runs)
        if not args.no_memory:
            within_limits &= compare_memory(width, height)
    within_limits &= compare_precisions(args.weights)
    print("within all limits" if within_limits else "NOT within all limits")
    return 0 if within_limits else 1


if __name__ == "__main__":
    run_program(main)
