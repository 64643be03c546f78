"""Seconds per 640 x 480 image of every fusion metric: plain loops, pure functions, shared work.

python -m benchmarks.metrics               every metric, and the tables of both papers
python -m benchmarks.metrics --no-loops    without the loops

pure: the metric's function by itself, float64. first: with the work on the sources shared, the
first fused image of a pair. further: each further one. loops: benchmarks/loops on a part of the
image, scaled by the number of pixels. Processor time, the best of several runs; the images are
noise of several octaves.

What a process makes once, for its first pair of a size, is outside "first": the filters of phase
congruency, and those entries of the edge FMI's table that the images ask for.
"""

import argparse
import time
from collections.abc import Callable

import cv2
import numpy as np

from fusebench import plugins
from fusebench.data.images import Gray
from fusion.scoring import presets
from fusion.scoring.cache import CachingEvaluator, direct_evaluator
from fusion.scoring.metric import Metric, load_metrics
from tests.helpers import naive_metrics

HEIGHT, WIDTH = 480, 640


def make_noise_image(seed: int) -> Gray:
    """An image with detail at every scale, (480, 640)."""
    rng = np.random.default_rng(seed)
    image = np.zeros((HEIGHT, WIDTH))
    for octave in range(6):
        coarse = rng.standard_normal((HEIGHT >> octave, WIDTH >> octave)) * 2**octave
        image += cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    image = (image - image.min()) / (image.max() - image.min())
    return np.rint(image * 255).astype(np.uint8)


def measure_seconds(work: Callable[[], object], repeats: int) -> float:
    """Processor time of one call, the best of several."""
    work()
    best = float("inf")
    for _ in range(repeats):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return best


def measure_first_and_further(metrics: tuple[Metric, ...], repeats: int) -> tuple[float, float]:
    """Seconds of the first fused image of a pair, and of each further one; not of a first pair."""
    a, b, f = SOURCE_PAIR[0], SOURCE_PAIR[1], FUSED_IMAGE
    found = []
    for _ in range(repeats + 1):
        once = CachingEvaluator(a, b)
        spent = []
        for fused in (f, f[::-1].copy(), f[:, ::-1].copy()):
            start = time.process_time()
            for metric in metrics:
                metric.measure((a, b), fused, once)
            spent.append(time.process_time() - start)
            once.drop_fused_results()
        found.append(spent)
    found = found[1:]
    return min(s[0] for s in found), min(min(s[1:]) for s in found)


SOURCE_PAIR = make_noise_image(1), make_noise_image(2)
FUSED_IMAGE = ((SOURCE_PAIR[0].astype(np.uint16) + SOURCE_PAIR[1] + 1) >> 1).astype(np.uint8)


def measure_loop_seconds(name: str) -> float:
    """Seconds of the plain loops, from a part of the images."""
    side = slice(0, 176 if name == "multi_scale_structural_similarity" else 96)
    parts = [image[side, side] for image in (*SOURCE_PAIR, FUSED_IMAGE)]
    start = time.process_time()
    naive_metrics.NAIVE_METRICS[name](*parts)
    return (time.process_time() - start) * FUSED_IMAGE.size / parts[0].size


def print_row(title: str, metrics: tuple[Metric, ...], repeats: int, looped: float | None) -> None:
    """Print one row of the table."""
    pure = 0.0
    for metric in metrics:
        pure += measure_seconds(
            lambda m=metric: m.value(SOURCE_PAIR, FUSED_IMAGE, direct_evaluator), repeats
        )
    first, further = measure_first_and_further(metrics, repeats)
    words = f"{title:32}{pure:9.4f}{first:9.4f}{further:9.4f}"
    if looped is not None:
        words += f"{looped:10.2f}{looped / pure:9.0f}{looped / further:10.0f}"
    print(words, flush=True)


def main() -> None:
    """Print the table."""
    flags = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    flags.add_argument("--no-loops", action="store_true")
    flags.add_argument("--repeats", type=int, default=3)
    args = flags.parse_args()
    cv2.setNumThreads(1)
    print(f"seconds per {WIDTH} x {HEIGHT} image; x: times faster than the loops")
    print(
        f"{'':32}{'pure':>9}{'first':>9}{'further':>9}{'loops':>10}{'x pure':>9}{'x further':>10}"
    )
    looped: dict[str, float] = {}
    for name in plugins.list_plugins("fusion.metrics"):
        (metric,) = load_metrics({name: {}})
        if not args.no_loops:
            looped[name] = measure_loop_seconds(name)
        print_row(metric.signature, (metric,), args.repeats, looped.get(name))
    for name, names in presets.METRIC_PRESETS.items():
        total = sum(looped[one] for one in names) if looped else None
        print_row(f"all of {name}", load_metrics(names), args.repeats, total)


if __name__ == "__main__":
    main()
