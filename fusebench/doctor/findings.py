"""What a check returns: findings, tables, histograms and the pictures that belong to them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
PICTURE_COUNT = 5  # pictures of one finding: the worst ones

Corners = tuple[float, float, float, float]  # left, top, right, bottom in pixels


@dataclass(frozen=True)
class Picture:
    """A picture of the page; drawn from the files when the page is written.

    Attributes:
        kind: ``pair``: both images; ``registration``: also both on top of each other, before and
            after the shift; ``box``: the surroundings of one box in both images; ``label_map``:
            the visible image and its label map.
        key: Key of the pair.
        caption: Text below the picture.
        shift: For ``registration``: right and down, as fractions of the image width.
        box: For ``box``: corners in pixels.
    """

    kind: Literal["pair", "registration", "box", "label_map"]
    key: str
    caption: str
    shift: tuple[float, float] = (0.0, 0.0)
    box: Corners | None = None


@dataclass(frozen=True)
class Item:
    """One file, pair or group that a finding is about.

    Attributes:
        name: Key of the pair or pairs, or path of the file.
        detail: What was measured in it; may be empty.
    """

    name: str
    detail: str = ""


@dataclass(frozen=True)
class Finding:
    """One thing that the user should know about the data set.

    Attributes:
        severity: ``error``: results would be wrong or the programs stop; ``warning``: results
            are probably affected; ``note``: a fact that a reader of the results should know.
        title: What is the case, with the number of files, in one sentence.
        advice: What to do.
        items: Everything that it concerns, worst first.
        pictures: Pictures of the worst items.
    """

    severity: Severity
    title: str
    advice: str
    items: tuple[Item, ...] = ()
    pictures: tuple[Picture, ...] = ()


@dataclass(frozen=True)
class Table:
    """A table; the first column has names, the others numbers or texts."""

    title: str
    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Histogram:
    """Counts of a measured value.

    Attributes:
        title: What is counted, with the unit.
        edges: N + 1 edges of the bins.
        counts: N counts.
        limit: Value from which on (or below which) a finding is made; None: no such value.
    """

    title: str
    edges: tuple[float, ...]
    counts: tuple[int, ...]
    limit: float | None = None


@dataclass(frozen=True)
class Section:
    """Result of one check.

    Attributes:
        name: Identifier, e.g. ``registration``.
        title: Heading.
        explanation: What was measured and what is not certain, for readers of the page.
        findings: Findings; those of errors first.
        tables: Tables of the page and of the JSON file.
        histograms: Likewise.
    """

    name: str
    title: str
    explanation: str
    findings: tuple[Finding, ...] = ()
    tables: tuple[Table, ...] = ()
    histograms: tuple[Histogram, ...] = ()


def sort_findings(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Sort findings by severity; those of one severity keep their order."""
    return tuple(sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity)))


def build_pair_finding(
    severity: Severity,
    title: str,
    advice: str,
    captions: Mapping[str, str],
    kind: Literal["pair", "label_map"] = "pair",
) -> Finding:
    """Build a finding on pairs, with pictures of the worst ones.

    Args:
        severity: See `Finding`.
        title: What is the case.
        advice: What to do.
        captions: What was measured in each pair, by key, worst first; may be empty texts.
        kind: Kind of the pictures.
    """
    pictures = [
        Picture(kind, key, f"{key}: {text}" if text else key) for key, text in captions.items()
    ]
    items = tuple(Item(key, text) for key, text in captions.items())
    return Finding(severity, title, advice, items, tuple(pictures[:PICTURE_COUNT]))


def build_histogram(
    title: str, values: Sequence[float], edges: Sequence[float], limit: float | None = None
) -> Histogram:
    """Count values between edges; values beyond the outer edges count in the outer bins."""
    clipped = np.clip(np.asarray(values, np.float64), edges[0], edges[-1])
    counts: list[int] = np.histogram(clipped, np.asarray(edges))[0].tolist()
    return Histogram(title, tuple(map(float, edges)), tuple(counts), limit)


def format_count(count: int, total: int, noun: str) -> str:
    """Format e.g. ``12 of 240 pairs (5.0 %)``."""
    share = f" ({100 * count / total:.1f} %)" if total else ""
    return f"{count:,} of {total:,} {noun}{share}"
