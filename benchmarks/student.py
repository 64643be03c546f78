"""Time the student in every runtime, with the Laplacian pyramid as the reference, in one run.

python -m benchmarks.student                     640 x 480; about a minute
python -m benchmarks.student --size 1024x768     another size (width x height)

Setting: one process, one thread, packaged weights, one simulated pair; freed memory is kept, as in
all programs that fuse. Times are processor time for a pair of luminance images, uint8 in and out:
the smallest and the median of the rounds, in which the order of the candidates alternates, so that
no images are in the processor's cache. "With color" is the whole method on a color image. The
difference is the largest one of the fused luminance to PyTorch in float32, in gray levels.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from functools import partial

import cv2
import numpy as np
import torch

from fusebench.data.images import Gray, luminance
from fusebench.errors import UserError
from fusebench.runtime import printable
from fusebench.runtime.memory.allocator import keep_freed_memory
from fusebench.runtime.program import run_program
from fusebench.simulator import scene
from fusebench.simulator.parameters import SceneParameters
from fusion.methods import laplacian, student
from fusion.networks.student_onnx import OnnxStudent
from fusion.networks.tiled_inference import TilingOptions, fuse_images

REFERENCE = "laplacian, luminance"
BASELINE = "PyTorch, float32"  # of the differences
RUNTIMES = (BASELINE, "PyTorch, bfloat16", "ONNX Runtime")
ROUNDS = 20


def build_candidates(width: int, height: int) -> dict[str, Callable[[], Gray]]:
    """Build the functions that are timed; each returns luminance, uint8 (H, W)."""
    rendered = scene.render_scene(2, 0, SceneParameters(width=width, height=height))
    infrared, color = rendered.infrared, rendered.visible
    visible = luminance(color)
    network = student.load_network(student.Options(), "cpu")
    fuse = partial(fuse_images, infrared=infrared, visible=visible, device="cpu")
    whole_method = student.load(student.Options(), "cpu")
    fuse_laplacian = partial(laplacian.fuse_luminance, levels=laplacian.Options().levels)
    return {
        REFERENCE: lambda: np.rint(fuse_laplacian(infrared, visible)).clip(0, 255).astype(np.uint8),
        BASELINE: lambda: fuse(network, tiling=TilingOptions()),
        "PyTorch, bfloat16": lambda: fuse(network, tiling=TilingOptions(precision="bfloat16")),
        "ONNX Runtime": partial(fuse, OnnxStudent(network), tiling=TilingOptions()),
        "PyTorch, float32, with color": lambda: luminance(whole_method(infrared, color)),
    }


def compare(width: int, height: int) -> None:
    """Print times, ratios to the reference, and differences at one size."""
    candidates = build_candidates(width, height)
    fused = {name: fuse() for name, fuse in candidates.items()}  # also the warm-up
    seconds: dict[str, list[float]] = {name: [] for name in candidates}
    for number in range(ROUNDS):
        for name in list(candidates) if number % 2 == 0 else reversed(candidates):
            start = time.process_time()
            candidates[name]()
            seconds[name].append(time.process_time() - start)
    reference = statistics.median(seconds[REFERENCE])
    printable.print_text(f"{width} x {height}, {ROUNDS} rounds")
    for name, times in seconds.items():
        difference = np.abs(fused[name].astype(int) - fused[BASELINE]).max()
        median = statistics.median(times)
        text = f"  {name}: {1e3 * min(times):.1f} ms (median {1e3 * median:.1f}), "
        text += f"{median / reference:.2f} times the reference"
        printable.print_text(text + (f", difference {difference}" if name in RUNTIMES else ""))


def main() -> int:
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", default="640x480", metavar="WxH")
    text = parser.parse_args().size
    width, _, height = text.partition("x")
    if not (width.isdigit() and height.isdigit()):
        raise UserError(f"--size {text}: expected WIDTHxHEIGHT in pixels, e.g. 640x480")
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    with keep_freed_memory():
        compare(int(width), int(height))
    return 0


if __name__ == "__main__":
    run_program(main)
