"""What fusion methods cost, as tables of text."""

import textwrap
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from fusion.profiling.measurement import MeasuredCost, OperationCounts, ProfileRequest

if TYPE_CHECKING:
    from fusion.checkpoints.load_network import TrainedDMFuse, TrainedDMNet

FULL_WIDTH = 128  # inner width of the uncompressed networks
COUNTING_NOTE = (
    "Their way takes a pass of the denoising network for each image where a fusion takes three, "
    "gives it one channel instead of three, and leaves normalizations and attention out. It does "
    "not give the 1516.136 G of width 1; nothing that was tried does."
)


def _format_rows(rows: Sequence[Sequence[str]]) -> list[str]:
    """A table as text: the first column to the left, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(wide) if place == 0 else cell.rjust(wide)
            for place, (cell, wide) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


HEADINGS = (
    *("source", "size", "parameters", "GMACs", "as printed M", "as printed G"),
    *("seconds", "least", "most", "memory MB"),
)


def format_measurements(
    rows: Iterable[tuple[ProfileRequest, OperationCounts, MeasuredCost]],
) -> list[str]:
    """What was measured, a line per method and size."""
    return _format_rows([HEADINGS, *(_format_measurement(*row) for row in rows)])


def _format_measurement(
    asked: ProfileRequest, counts: OperationCounts, spent: MeasuredCost
) -> tuple[str, ...]:
    """One line of the table."""

    def number(value: float | None, decimals: int, unit: float = 1) -> str:
        return "-" if value is None else f"{value / unit:,.{decimals}f}"

    return (
        asked.source,
        f"{asked.width}x{asked.height}",
        f"{counts.parameters:,}",
        number(counts.macs, 3, 1e9),
        number(counts.paper_parameters, 3),
        number(counts.paper_macs, 3),
        *(
            number(value, 3)
            for value in (spent.median_seconds, spent.min_seconds, spent.max_seconds)
        ),
        number(spent.peak_memory_bytes, 1, 1e6),
    )


def format_paper_comparison() -> list[str]:
    """The papers' networks at 256 x 256: true counts, counted in their way, and printed."""
    from fusion.profiling import mac_counting

    head = ("parameters", "GMACs of a pair", "their way M", "printed M")
    rows: list[tuple[str, ...]] = [("width", "U-Net", *head, "their way G", "printed G")]
    for inner, (millions, billions) in mac_counting.DMFUSE_PAPER_COUNTS.items():
        network = mac_counting.build_paper_dmfuse(inner)
        unet = f"{mac_counting.count_parameters(network.denoising):,}"
        macs = mac_counting.count_as_in_paper(network, 256, 256).macs or 0
        counts = _format_counts(network, f"{millions:.3f}")
        rows.append((_format_width(inner), unet, *counts, f"{macs:.3f}", f"{billions:.3f}"))
    found = ["DMFuse, Tables 5 and 7", *_format_rows(rows)]
    rows = [("width", *head)]
    for inner in mac_counting.DMFUSE_PAPER_COUNTS:
        printed = f"{mac_counting.DMNET_PAPER_PARAMETERS:.3f}" if inner == FULL_WIDTH else "-"
        rows.append(
            (_format_width(inner), *_format_counts(mac_counting.build_paper_dmnet(inner), printed))
        )
    return [*found, *textwrap.wrap(COUNTING_NOTE, 98), "", "DMNet, Table VIII", *_format_rows(rows)]


def _format_counts(network: "TrainedDMFuse | TrainedDMNet", printed: str) -> tuple[str, ...]:
    """Parameters and GMACs of a pair; millions of parameters in the paper's way and as printed."""
    from fusion.profiling import mac_counting

    return (
        f"{mac_counting.count_parameters(network):,}",
        f"{mac_counting.count_pair_macs(network, 256, 256).macs / 1e9:,.3f}",
        f"{mac_counting.count_as_in_paper(network, 256, 256).parameters:.3f}",
        printed,
    )


def _format_width(inner: int) -> str:
    return "1" if inner == FULL_WIDTH else f"1/{FULL_WIDTH // inner}"
