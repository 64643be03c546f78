"""What fusion methods cost, as tables of text."""

import textwrap
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from fusion.cost import Asked, Cost, Counts

if TYPE_CHECKING:
    from fusion.trained import DMFuse, TrainedDMNet

FULL = 128  # inner width of the uncompressed networks
NOTE = (
    "Their way takes a pass of the denoising network for each image where a fusion takes three, "
    "gives it one channel instead of three, and leaves normalisations and attention out. It does "
    "not give the 1516.136 G of width 1; nothing that was tried does."
)


def _lines(rows: Sequence[Sequence[str]]) -> list[str]:
    """A table as text: the first column to the left, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(wide) if place == 0 else cell.rjust(wide)
            for place, (cell, wide) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


HEAD = (
    *("source", "size", "parameters", "GMACs", "as printed M", "as printed G"),
    *("seconds", "least", "most", "memory MB"),
)


def measured(rows: Iterable[tuple[Asked, Counts, Cost]]) -> list[str]:
    """What was measured, a line per method and size."""
    return _lines([HEAD, *(_shown(*row) for row in rows)])


def _shown(asked: Asked, counts: Counts, spent: Cost) -> tuple[str, ...]:
    """One line of the table."""

    def number(value: float | None, decimals: int, unit: float = 1) -> str:
        return "-" if value is None else f"{value / unit:,.{decimals}f}"

    return (
        asked.source,
        f"{asked.width}x{asked.height}",
        f"{counts.parameters:,}",
        number(counts.macs, 3, 1e9),
        number(counts.printed_parameters, 3),
        number(counts.printed_macs, 3),
        *(number(value, 3) for value in (spent.seconds, spent.least, spent.most)),
        number(spent.memory, 1, 1e6),
    )


def paper() -> list[str]:
    """The papers' networks at 256 x 256: true counts, counted in their way, and printed."""
    from fusion import counting

    head = ("parameters", "GMACs of a pair", "their way M", "printed M")
    rows: list[tuple[str, ...]] = [("width", "U-Net", *head, "their way G", "printed G")]
    for inner, (millions, billions) in counting.DMFUSE.items():
        network = counting.dmfuse(inner)
        unet = f"{counting.parameters(network.denoising):,}"
        macs = counting.as_printed(network, 256, 256).macs or 0
        counts = _counted(network, f"{millions:.3f}")
        rows.append((_width(inner), unet, *counts, f"{macs:.3f}", f"{billions:.3f}"))
    found = ["DMFuse, Tables 5 and 7", *_lines(rows)]
    rows = [("width", *head)]
    for inner in counting.DMFUSE:
        printed = f"{counting.DMNET:.3f}" if inner == FULL else "-"
        rows.append((_width(inner), *_counted(counting.dmnet(inner), printed)))
    return [*found, *textwrap.wrap(NOTE, 98), "", "DMNet, Table VIII", *_lines(rows)]


def _counted(network: "DMFuse | TrainedDMNet", printed: str) -> tuple[str, ...]:
    """Parameters and GMACs of a pair; millions of parameters in the paper's way and as printed."""
    from fusion import counting

    return (
        f"{counting.parameters(network):,}",
        f"{counting.pair(network, 256, 256).macs / 1e9:,.3f}",
        f"{counting.as_printed(network, 256, 256).parameters:.3f}",
        printed,
    )


def _width(inner: int) -> str:
    return "1" if inner == FULL else f"1/{FULL // inner}"
