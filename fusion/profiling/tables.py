"""Costs of fusion methods as text tables."""

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from fusion.profiling.files import CostRow
from fusion.profiling.published_sizes import PUBLISHED_SIZES

if TYPE_CHECKING:
    from fusion.checkpoints.load_network import TrainedDMFuse, TrainedDMNet

FULL_WIDTH = 128  # inner width of the uncompressed networks
COUNTING_NOTE = (
    "The paper counts one pass of the denoising network for each image where a fusion takes three, "
    "with one channel instead of three, and without normalizations and attention. This counting "
    "does not give the 1516.136 G of width 1; no other counting that was tried does."
)
MEASUREMENT_HEADINGS = (
    *("source", "size", "parameters", "GMACs", "as printed M", "as printed G"),
    *("seconds", "min", "max", "CPU seconds", "runs", "memory MB"),
)
BUSY_RATIO = 1.3  # elapsed over processor time of one thread


def format_measurements(rows: Sequence[CostRow]) -> list[str]:
    """Format the measurements, a line per method and size, and notes on them."""
    notes = []
    if any(row.cost.repetitions and not row.cost.has_warm_up for row in rows):
        notes.append("1*: the first fusion, without a warm-up: no time was left for another")
    if any(map(_was_delayed, rows)):
        notes.append(
            "The machine was busy: fusing waited for a processor. Compare the CPU seconds, which "
            "are those of one core."
        )
    lines = _format_rows([MEASUREMENT_HEADINGS, *map(_format_measurement, rows)])
    return lines + [line for note in notes for line in textwrap.wrap(note, 98)]


def format_published_sizes() -> list[str]:
    """Format the sizes of published methods and where they come from."""
    rows = [("published method", "parameters", "table entries")]
    rows += [
        (size.method, f"{size.parameters:,}", _format_number(size.table_entries, 0))
        for size in PUBLISHED_SIZES
    ]
    origins = ["origin", *(size.origin for size in PUBLISHED_SIZES)]
    return [f"{line}  {origin}" for line, origin in zip(_format_rows(rows), origins, strict=True)]


def _was_delayed(row: CostRow) -> bool:
    """Return whether a fusion with one thread took much longer than its processor time."""
    elapsed, processor = row.cost.median_seconds, row.cost.processor_seconds
    if elapsed is None or processor is None or row.timing.threads != 1:
        return False
    return elapsed > BUSY_RATIO * processor + 0.01  # the clocks' resolution


def _format_rows(rows: Sequence[Sequence[str]]) -> list[str]:
    """Align the first column to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if index == 0 else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _format_measurement(row: CostRow) -> tuple[str, ...]:
    request, counts, cost = row.request, row.counts, row.cost
    return (
        request.name,
        f"{request.width}x{request.height}",
        f"{counts.parameters:,}",
        _format_number(counts.macs, 3, 1e9),
        _format_number(counts.paper_parameters, 3),
        _format_number(counts.paper_macs, 3),
        _format_number(cost.median_seconds, 3),
        _format_number(cost.min_seconds, 3),
        _format_number(cost.max_seconds, 3),
        _format_number(cost.processor_seconds, 3),
        f"{cost.repetitions}{'' if cost.has_warm_up else '*'}",
        _format_number(cost.peak_memory_bytes, 1, 1e6),
    )


def _format_number(value: float | None, decimals: int, unit: float = 1) -> str:
    return "-" if value is None else f"{value / unit:,.{decimals}f}"


def format_paper_comparison() -> list[str]:
    """Format the papers' networks at 256 x 256: exact, counted as in the paper, and printed."""
    from fusion.profiling import mac_counting

    columns = ("parameters", "GMACs of a pair", "paper's count M", "printed M")
    dmfuse = [("width", "U-Net", *columns, "paper's count G", "printed G")]
    for inner, (millions, billions) in mac_counting.DMFUSE_PAPER_COUNTS.items():
        network = mac_counting.build_paper_dmfuse(inner)
        assert network.denoising is not None
        unet = f"{mac_counting.count_parameters(network.denoising):,}"
        macs = mac_counting.count_as_in_paper(network, 256, 256).macs or 0
        counts = _format_counts(network, f"{millions:.3f}")
        dmfuse.append((_format_width(inner), unet, *counts, f"{macs:.3f}", f"{billions:.3f}"))
    dmnet: list[tuple[str, ...]] = [("width", *columns)]
    for inner in mac_counting.DMFUSE_PAPER_COUNTS:
        printed = f"{mac_counting.DMNET_PAPER_PARAMETERS:.3f}" if inner == FULL_WIDTH else "-"
        network_counts = _format_counts(mac_counting.build_paper_dmnet(inner), printed)
        dmnet.append((_format_width(inner), *network_counts))
    return [
        "DMFuse, Tables 5 and 7",
        *_format_rows(dmfuse),
        *textwrap.wrap(COUNTING_NOTE, 98),
        "",
        "DMNet, Table VIII",
        *_format_rows(dmnet),
    ]


def _format_counts(
    network: "TrainedDMFuse | TrainedDMNet", printed: str
) -> tuple[str, str, str, str]:
    """Format parameters, GMACs of a pair, and millions of parameters as in the paper."""
    from fusion.profiling import mac_counting

    return (
        f"{mac_counting.count_parameters(network):,}",
        f"{mac_counting.count_pair_macs(network, 256, 256).macs / 1e9:,.3f}",
        f"{mac_counting.count_as_in_paper(network, 256, 256).parameters:.3f}",
        printed,
    )


def _format_width(inner: int) -> str:
    return "1" if inner == FULL_WIDTH else f"1/{FULL_WIDTH // inner}"
