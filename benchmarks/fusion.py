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

from bench.errors import BenchError
from bench.images import luminance
from bench.scenes import scene
from bench.scenes.knobs import Knobs
from benchmarks.forms import FORMS, images
from fusion import memory
from fusion.methods import dmfuse

SIZES = ((256, 256), (640, 480))
PROMISED = {  # ratios of processor time
    ("float32", (256, 256)): 1.25,
    ("float32", (640, 480)): 1.5,
    ("bfloat16", (256, 256)): 2.8,
    ("bfloat16", (640, 480)): 3.5,
}
DIFFERENCE = 1e-4  # largest, of float32
GRAY_LEVELS = 0.5  # mean, of bfloat16 with trained weights
PAIRS = 8  # on which that is measured
MEMORY = 3.2e9  # bytes, of float32 at 640 x 480


@dataclass(frozen=True)
class Spent:
    """Seconds of one fusion."""

    processor: float
    elapsed: float


def compared(width: int, height: int, runs: int) -> bool:
    """Print the comparison at one size; whether it is as promised.

    Args:
        width: In pixels, a multiple of 16.
        height: Likewise.
        runs: Of each form.
    """
    pair = images(width, height)
    forms = {name: make() for name, make in FORMS.items()}
    spent: dict[str, list[Spent]] = {name: [] for name in forms}
    fused: dict[str, Tensor] = {}
    for number in range(runs):
        for name in list(forms) if number % 2 == 0 else reversed(forms):
            start = time.process_time(), time.perf_counter()
            fused[name] = forms[name](*pair)
            spent[name].append(
                Spent(time.process_time() - start[0], time.perf_counter() - start[1])
            )
            print(f"{name}: {spent[name][-1]}", file=sys.stderr)
    slow = spent.pop("straightforward")
    print(f"{width} x {height}, {runs} runs: straightforward {_seconds(slow)}")
    kept = True
    for name, quick in spent.items():
        wanted = PROMISED.get((name, (width, height)), 0)
        ratios = [f"{part} {_faster(slow, quick, part):.2f}" for part in ("processor", "elapsed")]
        off = (fused[name] - fused["straightforward"]).abs()
        print(f"  {name}: {_seconds(quick)}; times faster: {', '.join(ratios)}, wanted {wanted}")
        print(f"    difference: largest {off.max():.1e}, mean {off.mean():.1e}")
        kept &= _faster(slow, quick, "processor") >= wanted
        kept &= name != "float32" or bool(off.max() <= DIFFERENCE)
    return kept


def remembered(width: int, height: int) -> bool:
    """Print the peak memory of every form, each in a process of its own; whether as promised."""
    kept = True
    for name in FORMS:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as alone:
            before, peak = alone.submit(_peak, name, width, height).result()
        print(
            f"  {name}: peak {peak / 1e9:.2f} GB, {(peak - before) / 1e9:.2f} of it for the fusion"
        )
        if name == "float32" and (width, height) == (640, 480):
            kept = peak <= MEMORY
    return kept


@torch.inference_mode()
def _peak(name: str, width: int, height: int) -> tuple[int, int]:
    torch.set_num_threads(1)
    form, pair = FORMS[name](), images(width, height)
    return memory.peak_of(lambda: form(*pair))


def in_gray_levels(weights: str) -> bool:
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
    except BenchError as fault:
        print(f"gray levels cannot be compared: {fault}")
        return False
    differences = []
    for number in range(PAIRS):
        pair = scene.draw(2, number * Knobs().frames_per_sequence, Knobs())
        exact, rough = (
            luminance(each(pair.infrared, pair.visible)).astype(np.float64) for each in fuse
        )
        differences.append(float(np.abs(exact - rough).mean()))
    print(
        f"bfloat16 against float32, weights {weights}, {PAIRS} pairs: mean "
        f"{statistics.mean(differences):.3f} gray levels, most {max(differences):.3f}"
    )
    return max(differences) < GRAY_LEVELS


def _seconds(spent: list[Spent]) -> str:
    return (
        f"{min(x.processor for x in spent):.2f} s of processor, "
        f"{min(x.elapsed for x in spent):.2f} s elapsed"
    )


def _faster(slow: list[Spent], quick: list[Spent], part: str) -> float:
    """Median over the rounds, whose forms ran one after the other and so under the same load."""
    rounds = zip(slow, quick, strict=True)
    return float(statistics.median(getattr(x, part) / getattr(y, part) for x, y in rounds))


def _size(words: str) -> tuple[int, int]:
    width, height = map(int, words.split("x"))
    if width % 16 or height % 16 or min(width, height) < 32:
        raise argparse.ArgumentTypeError(f"{words}: expected multiples of 16, at least 32")
    return width, height


def main() -> int:
    """Run the command line; return the exit status."""
    flags = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    flags.add_argument("--size", action="append", type=_size, metavar="WxH")
    flags.add_argument("--runs", type=int, default=3)
    flags.add_argument("--weights", default="packaged", help="trained ones, for the gray levels")
    flags.add_argument("--no-memory", action="store_true", help="leave the memory out")
    args = flags.parse_args()
    torch.set_num_threads(1)
    kept = True
    for width, height in args.size or SIZES:
        with torch.inference_mode():
            kept &= compared(width, height, args.runs)
        if not args.no_memory:
            kept &= remembered(width, height)
    kept &= in_gray_levels(args.weights)
    print("as promised" if kept else "NOT as promised")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
