"""What the differences of two stores are worth, source by source, where the images are the same.

AP and IoU are tested by resampling (`reports.stores.retested`), fusion metrics by image
(`reports.stores.paired`); over the seeds that both stores have.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from reports.scores.numbers import MINUS
from reports.significance import statistics
from reports.stores import paired, retested
from reports.stores.pairs import Finished, Key, differing, groups, per_image

RESAMPLED = "bootstrap and seeds"
BY_IMAGE = "t by sequence"


@dataclass(frozen=True)
class Tested:
    """One difference of a source, B minus A; fractions as in the records.

    Attributes:
        name: Class; None for the mean.
        a: The score in A, over the seeds and images of the test.
        b: The same in B.
        interval: Both ends at 95 %; None where there is too little for one.
        p: Two-sided.
        adjusted: p adjusted (Holm) for all resampled differences of the task; None for others.
        how: Which test.
        said: All of it in words.
    """

    source: str
    name: str | None
    metric: str
    a: float
    b: float
    interval: tuple[float, float] | None
    p: float | None
    adjusted: float | None
    verdict: str
    how: str
    said: str


def of(pairs: Sequence[tuple[Key, Finished, Finished]]) -> tuple[list[Tested], list[str]]:
    """Every tested difference of one task, and why others were not tested."""
    found: list[Tested] = []
    untested: list[str] = []
    changed: list[retested.Change] = []
    for source, same in groupby(pairs, key=lambda pair: pair[0].source):
        runs = list(same)
        _, a, b = runs[0]
        first, second = [one for _, one, _ in runs], [one for *_, one in runs]
        if not a.same_images(b):
            untested.append(f"{source}: other test images in A and B, not tested")
        elif a.record.kind == "quality":
            found += _means(source, first, second)
        elif retested.able([*first, *second]):
            changed += retested.changes(source, first, second)
        elif any(list(differing(one.record, other.record)) for _, one, other in runs):
            untested.append(f"{source}: no saved matches or counts in A and B, not tested")
    return [*found, *_resampled(changed)], untested


def _resampled(changed: Sequence[retested.Change]) -> Iterator[Tested]:
    adjusted = statistics.holm([change.estimate.p for change in changed])
    for change, p in zip(changed, adjusted, strict=True):
        estimate = change.estimate
        yield Tested(
            source=change.source,
            name=change.name,
            metric=change.metric,
            a=change.a,
            b=change.b,
            interval=(estimate.low, estimate.high),
            p=estimate.p,
            adjusted=p,
            verdict=retested.verdict(p),
            how=RESAMPLED,
            said=retested.said(change, p),
        )


def _means(source: str, a: Sequence[Finished], b: Sequence[Finished]) -> Iterator[Tested]:
    """The tests of scores that are means over images, of fusion metrics."""
    first, second = per_image(a), per_image(b)
    for name, scores in first.items():
        others = second.get(name, {})
        found = paired.compare(scores, others, groups(b[0])) if scores != others else None
        if found is None:
            continue
        yield Tested(
            source=source,
            name=None,
            metric=name,
            a=found.first,
            b=found.first + found.mean,
            interval=found.interval,
            p=found.p,
            adjusted=None,
            verdict=_verdict(found),
            how=BY_IMAGE,
            said=f"{source}, {name}: {_said(found)}",
        )


def _verdict(found: paired.Difference) -> str:
    if found.interval is None:
        return ""
    shown = found.interval[0] > 0 or found.interval[1] < 0
    return retested.SHOWN if shown else statistics.UNSHOWN


def _said(found: paired.Difference) -> str:
    said = f"B - A {signed(found.mean, 4)} on {found.images} images in {found.groups} groups"
    if found.interval is None:
        return f"{said}, too few groups for an interval"
    low, high = (signed(end, 4) for end in found.interval)
    said += f", 95 % interval {low} to {high}"
    if found.p is not None:
        said += f", p = {found.p:.3f}" if found.p >= 0.001 else ", p < 0.001"
    return f"{said}: {_verdict(found)}"


def signed(value: float, decimals: int) -> str:
    """A number with its sign and so many decimals."""
    return f"{value:+.{decimals}f}".replace("-", MINUS)
