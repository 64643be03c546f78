"""Memory that the scoring of a pair needs: as many worker processes as fit, or an error beforehand.

The kernel kills a process that takes too much, without a message.
"""

from collections.abc import Callable, Mapping, Sequence

from fusebench.data.images import Gray
from fusebench.runtime import printable
from fusebench.runtime.memory import array_bytes, available

AMPLE_BYTES_PER_PIXEL = 2048  # with more, nothing is measured; all default metrics take 1236


def limit_workers(
    sizes: Mapping[str, tuple[int, int]],
    fused_count: int,
    score: Callable[[Sequence[Gray]], object],
    workers: int,
) -> int:
    """Return how many of the worker processes fit into memory.

    Args:
        sizes: Key of each pair to width and height in pixels.
        fused_count: Number of fused images of a pair that are read at the same time.
        score: Scores an infrared, a visible and a fused image with all metrics.
        workers: Number of processes that were requested.

    Returns:
        At most ``workers``, at least 1.

    Raises:
        UserError: If the largest pair does not fit even by itself.
    """
    if not sizes:
        return workers
    key, (width, height) = max(sizes.items(), key=lambda entry: entry[1][0] * entry[1][1])
    pixels = width * height
    if available.is_ample(workers * pixels, AMPLE_BYTES_PER_PIXEL):
        return workers
    try:
        bytes_per_pixel = array_bytes.measure_bytes_per_pixel(score, 3)
    except Exception:  # noqa: BLE001 - a fault of a metric is reported with the pair that has it
        return workers
    estimate = round(pixels * (bytes_per_pixel + 2 + fused_count))
    available.check_memory(
        estimate,
        f"pair {key}: scoring images of {width} x {height} pixels",
        f"score fewer metrics at a time, {available.SMALLER_IMAGES_ADVICE}",
    )
    fitting = available.count_fitting(estimate)
    if fitting is None or fitting >= workers:
        return workers
    fitting = max(1, fitting)
    printable.print_message(
        f"worker processes: {fitting} instead of {workers}, because each needs about "
        f"{available.format_size(estimate)} of memory (images of {width} x {height} pixels)"
    )
    return fitting
