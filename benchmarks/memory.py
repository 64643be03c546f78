"""Memory of fusion methods, of the default metrics and of SegFormer: estimated and measured.

python -m benchmarks.memory                      images of 640 x 480
python -m benchmarks.memory --size 1280x960

Columns, in MiB: the estimate that decides whether an image is refused
(`fusebench.runtime.memory.available`: 0.8 of it does not fit), the measured peak of the resident
memory beyond what the process has with everything loaded, and their ratio. A ratio above 1.25 would
refuse images that fit. Each line is measured in a new process, after a small image.
"""

import argparse
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np

from fusebench import plugins
from fusebench.runtime import printable
from fusebench.runtime.memory import array_bytes
from fusebench.runtime.program import run_program
from fusion.methods import (
    _learned,
    average,
    guided_filter,
    hybrid_multiscale,
    laplacian,
    low_pass_ratio,
    maximum,
)
from fusion.networks import inference_memory
from fusion.profiling.peak_memory import measure_peak_memory
from fusion.scoring import presets
from fusion.scoring.metric import load_metrics
from fusion.scoring.score_images import score_pair

PLAIN_METHODS = {
    "average": average,
    "maximum": maximum,
    "laplacian": laplacian,
    "low_pass_ratio": low_pass_ratio,
    "guided_filter": guided_filter,
    "hybrid_multiscale": hybrid_multiscale,
}
NETWORKS = ("dmfuse", "dmnet", "student")
SMALL = (48, 64)


def measure_method(name: str, height: int, width: int) -> tuple[float, int]:
    """Return the estimated and the measured bytes of a fusion method."""
    method = plugins.load_fusion_method(name)
    options = method.Options()
    fuse = method.load(options, "cpu")
    if name in PLAIN_METHODS:
        estimate = float(PLAIN_METHODS[name].BYTES_PER_PIXEL * height * width)
    else:
        assert method.load_network is not None
        network = method.load_network(options, "cpu")
        tiling = options.tiling_options
        network_bytes = inference_memory.estimate_bytes(network, height, width, tiling)
        estimate = max(network_bytes, _learned.COLOR_BYTES_PER_PIXEL * height * width)
    rng = np.random.default_rng(0)

    def fuse_noise(height: int, width: int) -> None:
        infrared = rng.integers(0, 256, (height, width), np.uint8)
        fuse(infrared, rng.integers(0, 256, (height, width, 3), np.uint8))

    return estimate, _measure(fuse_noise, height, width)


def measure_metrics(name: str, height: int, width: int) -> tuple[float, int]:
    """Return the estimated and the measured bytes of the metrics of a preset."""
    import cv2

    cv2.setNumThreads(1)
    metrics = load_metrics(presets.METRIC_PRESETS[name])

    def score(height: int, width: int) -> None:
        rng = np.random.default_rng(0)
        infrared, visible, fused = (rng.integers(0, 256, (height, width), np.uint8) for _ in "123")
        score_pair(infrared, visible, {"fused": fused}, metrics)

    estimate = (
        height
        * width
        * array_bytes.measure_bytes_per_pixel(
            lambda grays: score_pair(grays[0], grays[1], {"fused": grays[2]}, metrics), 3
        )
    )
    return estimate, _measure(score, height, width)


def measure_segformer(backbone: str, height: int, width: int) -> tuple[float, int]:
    """Return the estimated and the measured bytes of SegFormer."""
    import torch

    from segmentation.models.segformer import inference, network
    from segmentation.models.segformer.options import Options

    segformer = network.build_network(Options.model_validate({"backbone": backbone}), 9).eval()

    def predict(height: int, width: int) -> None:
        with torch.inference_mode():
            inference.predict_labels(segformer, torch.zeros(1, 3, height, width, dtype=torch.uint8))

    estimate = inference.estimate_bytes(segformer, height, width)
    return estimate, _measure(predict, height, width)


def _measure(call: Callable[[int, int], object], height: int, width: int) -> int:
    """Measure a call with a large image after one with a small one."""
    call(*SMALL)
    before, peak = measure_peak_memory(lambda: call(height, width))
    return peak - before


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", default="640x480", help="width x height (default: 640x480)")
    width, height = map(int, parser.parse_args().size.split("x"))
    cases = [
        *((measure_method, name) for name in (*PLAIN_METHODS, *NETWORKS)),
        *((measure_metrics, name) for name in presets.METRIC_PRESETS),
        (measure_segformer, "mit_b0"),
    ]
    printable.print_text(f"{'':17} {'estimate':>9} {'measured':>9} {'ratio':>6}")
    for measure, name in cases:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            estimate, measured = pool.submit(measure, name, height, width).result()
        printable.print_text(
            f"{name:17} {estimate / 2**20:9.0f} {measured / 2**20:9.0f} {estimate / measured:6.2f}"
        )
    return 0


if __name__ == "__main__":
    run_program(main)
