"""DMFuse's fast path against the straightforward form: time, memory, difference.

python benchmarks/fusion.py                      256 x 256 and 640 x 480; about 20 minutes
python benchmarks/fusion.py --size 256x256       one size (width x height); may be repeated
python benchmarks/fusion.py --runs 5             of each form; their order alternates

One process, one thread, width 1/4, three channels, random orthogonal weights: the time does not
depend on what the weights are. All forms see the same simulated pair and the same noise. The
straightforward form runs the denoising network to its end six times, keeps all features, and
attends with all H + W affinities of every pixel side by side, as the released code does. Ratios
are of processor time, which other work on the machine changes least, and of elapsed time, the
median over the rounds. Memory is the peak of a process of its own (resident set size), and how
much of it came with the fusion. What bfloat16 changes in fused images is measured with trained
weights (--weights: packaged, a file, the folder of a training).

Exit status 1 if a ratio, a difference or the memory is not what this project promises, or there
are no weights to compare gray levels with.
"""

import argparse
import statistics
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

# Run as a file, this file's folder comes first, and this file would hide the package it measures.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import torch
from torch import Tensor

from benchmarks.dmfuse_implementations import IMPLEMENTATIONS, simulate_pair
from fusebench.data.images import luminance
from fusebench.errors import UserError
from fusebench.simulator import scene
from fusebench.simulator.parameters import SceneParameters
from fusion.methods import dmfuse
from fusion.profiling import peak_memory

SIZES = ((256, 256), (640, 480))
MIN_SPEEDUPS = {  # ratios of processor time
    ("float32", (256, 256)): 1.25,
    ("float32", (640, 480)): 1.5,
    ("bfloat16", (256, 256)): 2.8,
    ("bfloat16", (640, 480)): 3.5,
}
MAX_DIFFERENCE = 1e-4  # largest, of float32
MAX_GRAY_LEVEL_DIFFERENCE = 0.5  # mean, of bfloat16 with trained weights
PAIR_COUNT = 8  # on which that is measured
MAX_MEMORY_BYTES = 3.2e9  # bytes, of float32 at 640 x 480


@dataclass(frozen=True)
class FusionTime:
    """Seconds of one fusion."""

    processor: float
    elapsed: float


def compare_speed(width: int, height: int, runs: int) -> bool:
    """Print the comparison at one size; whether it is as promised.

    Args:
        width: In pixels, a multiple of 16.
        height: Likewise.
        runs: Of each form.
    """
    pair = simulate_pair(width, height)
    forms = {name: make() for name, make in IMPLEMENTATIONS.items()}
    spent: dict[str, list[FusionTime]] = {name: [] for name in forms}
    fused: dict[str, Tensor] = {}
    for number in range(runs):
        for name in list(forms) if number % 2 == 0 else reversed(forms):
            start = time.process_time(), time.perf_counter()
            fused[name] = forms[name](*pair)
            spent[name].append(
                FusionTime(time.process_time() - start[0], time.perf_counter() - start[1])
            )
            print(f"{name}: {spent[name][-1]}", file=sys.stderr)
    slow = spent.pop("straightforward")
    print(f"{width} x {height}, {runs} runs: straightforward {_format_times(slow)}")
    kept = True
    for name, quick in spent.items():
        wanted = MIN_SPEEDUPS.get((name, (width, height)), 0)
        ratios = [
            f"{part} {_compute_speedup(slow, quick, part):.2f}" for part in ("processor", "elapsed")
        ]
        off = (fused[name] - fused["straightforward"]).abs()
        print(
            f"  {name}: {_format_times(quick)}; times faster: {', '.join(ratios)}, wanted {wanted}"
        )
        print(f"    difference: largest {off.max():.1e}, mean {off.mean():.1e}")
        kept &= _compute_speedup(slow, quick, "processor") >= wanted
        kept &= name != "float32" or bool(off.max() <= MAX_DIFFERENCE)
    return kept


def compare_memory(width: int, height: int) -> bool:
    """Print the peak memory of every form, each in a process of its own; whether as promised."""
    kept = True
    for name in IMPLEMENTATIONS:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as alone:
            before, peak = alone.submit(_measure_peak_memory, name, width, height).result()
        print(
            f"  {name}: peak {peak / 1e9:.2f} GB, {(peak - before) / 1e9:.2f} of it for the fusion"
        )
        if name == "float32" and (width, height) == (640, 480):
            kept = peak <= MAX_MEMORY_BYTES
    return kept


@torch.inference_mode()
def _measure_peak_memory(name: str, width: int, height: int) -> tuple[int, int]:
    torch.set_num_threads(1)
    form, pair = IMPLEMENTATIONS[name](), simulate_pair(width, height)
    return peak_memory.measure_peak_memory(lambda: form(*pair))


def compare_gray_levels(weights: str) -> bool:
    """Print how far bfloat16 moves fused images from float32 ones; whether as promised.

    Only trained weights tell: what random ones make of a pair is no image.
    """
    try:
        fuse = [
            dmfuse.load(
                dmfuse.Options.model_validate({"weights": weights, "precision": precision}), "cpu"
            )
            for precision in ("float32", "bfloat16")
        ]
    except UserError as fault:
        print(f"gray levels cannot be compared: {fault}")
        return False
    differences = []
    for number in range(PAIR_COUNT):
        pair = scene.render_scene(
            2, number * SceneParameters().frames_per_sequence, SceneParameters()
        )
        exact, rough = (
            luminance(each(pair.infrared, pair.visible)).astype(np.float64) for each in fuse
        )
        differences.append(float(np.abs(exact - rough).mean()))
    print(
        f"bfloat16 against float32, weights {weights}, {PAIR_COUNT} pairs: mean "
        f"{statistics.mean(differences):.3f} gray levels, most {max(differences):.3f}"
    )
    return max(differences) < MAX_GRAY_LEVEL_DIFFERENCE


def _format_times(spent: list[FusionTime]) -> str:
    return (
        f"{min(x.processor for x in spent):.2f} s of processor, "
        f"{min(x.elapsed for x in spent):.2f} s elapsed"
    )


def _compute_speedup(slow: list[FusionTime], quick: list[FusionTime], part: str) -> float:
    """Median over the rounds, whose forms ran one after the other and so under the same load."""
    rounds = zip(slow, quick, strict=True)
    return float(statistics.median(getattr(x, part) / getattr(y, part) for x, y in rounds))


def _parse_size(words: str) -> tuple[int, int]:
    width, height = map(int, words.split("x"))
    if width % 16 or height % 16 or min(width, height) < 32:
        raise argparse.ArgumentTypeError(f"{words}: expected multiples of 16, at least 32")
    return width, height


def main() -> int:
    """Run the command line; return the exit status."""
    flags = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    flags.add_argument("--size", action="append", type=_parse_size, metavar="WxH")
    flags.add_argument("--runs", type=int, default=3)
    flags.add_argument("--weights", default="packaged", help="trained ones, for the gray levels")
    flags.add_argument("--no-memory", action="store_true", help="leave the memory out")
    args = flags.parse_args()
    torch.set_num_threads(1)
    kept = True
    for width, height in args.size or SIZES:
        with torch.inference_mode():
            kept &= compare_speed(width, height, args.runs)
        if not args.no_memory:
            kept &= compare_memory(width, height)
    kept &= compare_gray_levels(args.weights)
    print("as promised" if kept else "NOT as promised")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
