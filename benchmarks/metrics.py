"""Seconds per 640 x 480 image of every fusion metric: shared work, pure functions, plain loops.

python -m benchmarks.metrics               every metric, and the tables of both papers
python -m benchmarks.metrics --no-loops    without the loops, which take minutes

Processor time (of all threads), the best of several runs. The images are noise of several octaves.
"""

import argparse
import time
from collections.abc import Callable

import cv2
import numpy as np

from bench import plugins
from bench.images import Gray
from fusion import presets
from fusion.metric import Metric, chosen
from fusion.metrics._parts.sharing import Once, directly

HEIGHT, WIDTH = 480, 640


def noise(seed: int) -> Gray:
    """An image with detail at every scale, (480, 640)."""
    rng = np.random.default_rng(seed)
    image = np.zeros((HEIGHT, WIDTH))
    for octave in range(6):
        coarse = rng.standard_normal((HEIGHT >> octave, WIDTH >> octave)) * 2**octave
        image += cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    image = (image - image.min()) / (image.max() - image.min())
    return np.rint(image * 255).astype(np.uint8)


def seconds(work: Callable[[], object], repeats: int) -> float:
    """Processor time of one call, the best of several."""
    work()
    best = float("inf")
    for _ in range(repeats):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return best


def first_and_further(metrics: tuple[Metric, ...], repeats: int) -> tuple[float, float]:
    """Seconds of the first fused image of a pair, and of each further one."""
    a, b, f = PAIR[0], PAIR[1], FUSED
    found = []
    for _ in range(repeats + 1):
        once = Once(a, b)
        spent = []
        for fused in (f, f[::-1].copy(), f[:, ::-1].copy()):
            start = time.process_time()
            for metric in metrics:
                metric.value((a, b), fused, once)
            spent.append(time.process_time() - start)
            once.next_fused()
        found.append(spent)
    found = found[1:]
    return min(s[0] for s in found), min(min(s[1:]) for s in found)


PAIR = noise(1), noise(2)
FUSED = ((PAIR[0].astype(np.uint16) + PAIR[1] + 1) >> 1).astype(np.uint8)


def main() -> None:
    """Print the table."""
    flags = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    flags.add_argument("--no-loops", action="store_true")
    flags.add_argument("--repeats", type=int, default=5)
    args = flags.parse_args()
    cv2.setNumThreads(1)
    print(f"{'':40}{'pure':>9}{'shared':>9}{'further':>9}   seconds per {WIDTH} x {HEIGHT} image")
    for name in plugins.available("fusion.metrics"):
        (metric,) = chosen({name: {}})
        pure = seconds(lambda m=metric: m.value(PAIR, FUSED, directly), args.repeats)
        first, further = first_and_further((metric,), args.repeats)
        print(f"{metric.signature:40}{pure:9.4f}{first:9.4f}{further:9.4f}")
    for name, names in presets.METRICS.items():
        first, further = first_and_further(chosen(names), args.repeats)
        pure = sum(
            seconds(lambda m=m: m.value(PAIR, FUSED, directly), args.repeats) for m in chosen(names)
        )
        print(f"{name + ' (all)':40}{pure:9.4f}{first:9.4f}{further:9.4f}")


if __name__ == "__main__":
    main()
