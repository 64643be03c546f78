"""Time every fusion metric on a 640 x 480 image: plain loops, pure functions, cached results.

python -m benchmarks.metrics               every metric, and the tables of both papers
python -m benchmarks.metrics --no-loops    without the plain loops

Columns, in seconds of processor time:
    pure     the metric's function by itself, float64
    first    the first fused image of a pair; intermediate results are cached over all metrics
    further  each further fused image of the pair
    loops    `tests.helpers.fusion.naive_metrics` on a part of the image, scaled to the whole

Times are the best of several runs. The images are noise of several octaves. "first" excludes
results that a process computes once for an image size: the filters of phase congruency, and the
entries of the edge FMI's lookup table.
"""

import argparse
import time
from collections.abc import Callable
from functools import partial

import cv2
import numpy as np

from fusebench import plugins
from fusebench.data.images import Gray
from fusebench.runtime.program import run_program
from fusion.scoring import presets
from fusion.scoring.cache import CachingEvaluator, direct_evaluator
from fusion.scoring.metric import Metric, load_metrics
from tests.helpers.fusion import naive_metrics

HEIGHT, WIDTH = 480, 640


def make_noise_image(seed: int) -> Gray:
    """Make an image with detail at every scale, uint8, (480, 640)."""
    rng = np.random.default_rng(seed)
    image = np.zeros((HEIGHT, WIDTH))
    for octave in range(6):
        coarse = rng.standard_normal((HEIGHT >> octave, WIDTH >> octave)) * 2**octave
        image += cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    image = (image - image.min()) / (image.max() - image.min())
    return np.rint(image * 255).astype(np.uint8)


SOURCE_PAIR = make_noise_image(1), make_noise_image(2)
FUSED_IMAGE = ((SOURCE_PAIR[0].astype(np.uint16) + SOURCE_PAIR[1] + 1) >> 1).astype(np.uint8)


def measure_seconds(function: Callable[[], object], repeats: int) -> float:
    """Measure the processor time of one call: the best of ``repeats``, after one to warm up."""
    function()
    best = float("inf")
    for _ in range(repeats):
        start = time.process_time()
        function()
        best = min(best, time.process_time() - start)
    return best


def measure_first_and_further(metrics: tuple[Metric, ...], repeats: int) -> tuple[float, float]:
    """Measure the seconds of the first fused image of a pair and of each further one."""
    fused_images = (FUSED_IMAGE, FUSED_IMAGE[::-1].copy(), FUSED_IMAGE[:, ::-1].copy())
    runs = []
    for _ in range(repeats + 1):
        evaluator = CachingEvaluator(*SOURCE_PAIR)
        seconds = []
        for fused in fused_images:
            start = time.process_time()
            for metric in metrics:
                metric.measure(SOURCE_PAIR, fused, evaluator)
            seconds.append(time.process_time() - start)
            evaluator.drop_fused_results()
        runs.append(seconds)
    runs = runs[1:]  # without the first pair of the process
    return min(seconds[0] for seconds in runs), min(min(seconds[1:]) for seconds in runs)


def measure_loop_seconds(name: str) -> float:
    """Measure the plain loops on a corner of the images, scaled to the whole image."""
    side = 176 if name == "multi_scale_structural_similarity" else 96
    corners = [image[:side, :side] for image in (*SOURCE_PAIR, FUSED_IMAGE)]
    start = time.process_time()
    naive_metrics.NAIVE_METRICS[name](*corners)
    return (time.process_time() - start) * FUSED_IMAGE.size / corners[0].size


def print_row(
    title: str, metrics: tuple[Metric, ...], repeats: int, loop_seconds: float | None
) -> None:
    """Print one row of the table; without the last columns where ``loop_seconds`` is None."""
    pure = sum(
        measure_seconds(partial(m.measure, SOURCE_PAIR, FUSED_IMAGE, direct_evaluator), repeats)
        for m in metrics
    )
    first, further = measure_first_and_further(metrics, repeats)
    row = f"{title:32}{pure:9.4f}{first:9.4f}{further:9.4f}"
    if loop_seconds is not None:
        row += f"{loop_seconds:10.2f}{loop_seconds / pure:9.0f}{loop_seconds / further:10.0f}"
    print(row, flush=True)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--no-loops", action="store_true", help="do not time the plain loops")
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    cv2.setNumThreads(1)
    print(f"seconds per {WIDTH} x {HEIGHT} image; x: times faster than the loops")
    heads = f"{'pure':>9}{'first':>9}{'further':>9}{'loops':>10}{'x pure':>9}{'x further':>10}"
    print(f"{'':32}{heads}")
    loop_seconds: dict[str, float] = {}
    for name in plugins.list_plugins("fusion.metrics"):
        (metric,) = load_metrics({name: {}})
        if not args.no_loops:
            loop_seconds[name] = measure_loop_seconds(name)
        print_row(metric.signature, (metric,), args.repeats, loop_seconds.get(name))
    for preset, names in presets.METRIC_PRESETS.items():
        total = sum(loop_seconds[name] for name in names) if loop_seconds else None
        print_row(f"all of {preset}", load_metrics(names), args.repeats, total)


if __name__ == "__main__":
    run_program(main)
