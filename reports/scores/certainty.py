"""How sure the numbers are, in words: no finding is stronger than its verdict."""

from collections.abc import Sequence
from itertools import compress

from reports.records.results import Results
from reports.scores.comparison import Comparison, Heading, Line, Table
from reports.scores.numbers import UNDEFINED, number, signed, unit
from reports.significance import statistics
from reports.significance.resampling import RESAMPLES
from reports.significance.statistics import Estimate

REPEATED = "Differences that stand in an earlier table too are judged there."
MARKS = {statistics.UNSHOWN: "?"}  # in a cell; better and worse are said in full


def interval(found: Estimate | None, heading: Heading) -> str:
    """The 95 % interval of a score, e.g. ``[70.1, 72.3]``, or a dash where there is none."""
    if found is None:
        return UNDEFINED
    return f"[{number(found.low, heading)}, {number(found.high, heading)}]"


def compared(found: Comparison | None, heading: Heading) -> str:
    """How sure a difference is, e.g. ``[+0.2, +2.4], p 0.02, adjusted 0.06``."""
    if found is None:
        return UNDEFINED
    ends = ", ".join(signed(end, heading) for end in (found.estimate.low, found.estimate.high))
    return f"[{ends}], p {chance(found.estimate.p)}, adjusted {chance(found.adjusted)}"


def of_scores(line: Line, headings: Sequence[Heading]) -> tuple[str, ...]:
    """How sure the scores of a line are, per column; empty where nothing is known of any."""
    if not any(entry.estimate for entry in line.entries):
        return ()
    pairs = zip(line.entries, headings, strict=True)
    return tuple(interval(e.estimate, h) if e.estimate else "" for e, h in pairs)


def of_differences(line: Line, headings: Sequence[Heading]) -> tuple[str, ...]:
    """How sure the differences of a line are, per column; empty where nothing is known of any."""
    if not line.comparisons:
        return ()
    pairs = zip(line.comparisons, headings, strict=True)
    return tuple(compared(c, h) if c else "" for c, h in pairs)


def intervals(table: Table) -> list[tuple[str, list[str]]]:
    """The interval of every score of the sources that have any."""
    return [
        (
            line.row.source,
            [interval(e.estimate, h) for e, h in zip(line.entries, table.headings, strict=True)],
        )
        for line in table.lines
        if any(entry.estimate for entry in line.entries)
    ]


def comparisons(table: Table) -> list[tuple[str, list[str]]]:
    """How sure every difference is, of the sources that have any."""
    return [
        (
            line.row.source,
            [compared(c, h) for c, h in zip(line.comparisons, table.headings, strict=True)],
        )
        for line in table.lines
        if line.comparisons
    ]


def chance(p: float) -> str:
    """A p-value with two digits, e.g. ``0.032``."""
    return "<0.001" if p < 0.001 else f"{p:.2g}"


def covered(results: Results) -> str:
    """What the intervals of a task do and do not answer for; nothing where there are none."""
    drawn = results.evidence.first if results.evidence else None
    if drawn is None:
        return ""
    what = f"{drawn.units} {'sequences' if drawn.grouped else 'images'}"
    said = f"Intervals are 95 %: bootstrap, {RESAMPLES} resamples of {what}"
    if not drawn.grouped and drawn.sequences < drawn.images:
        said += f" (from {drawn.sequences} sequences; they say nothing of others)"
    counts = {len(row.records) for row in results.rows if row.records}
    if 1 in counts:
        alone = "Seeds were not varied" if len(counts) == 1 else "Some sources have one seed"
        return f"{said}. {alone}: where there is one seed, they cover other images, not trainings."
    few = f"{min(counts)}{'' if len(counts) == 1 else ' or more'} seeds"
    return f"{said}, and the variance over {few}, as Student's t."


def verdicts(results: Results, table: Table) -> list[str]:
    """How the verdicts of a table were reached, and what its intervals cover."""
    made = [found for line in table.lines for found in line.comparisons if found]
    judged = [not heading.repeated for heading in table.headings]
    gaps = [g for line in table.lines for g in compress(line.differences, judged)]
    shown = [gap for gap in gaps if gap is not None]
    said = []
    if made:
        said.append(
            f"Better, worse: p below {1 - statistics.LEVEL:.2f}, adjusted (Holm) for the "
            f"{len(made)} comparison{'s' if len(made) > 1 else ''} of this table. "
            f"{MARKS[statistics.UNSHOWN]}: {statistics.UNSHOWN}, which is not the same as equal."
        )
    if made and len(shown) > len(made):
        said.append("No mark: not tested.")
    if not all(judged) and any(line.differences for line in table.lines):
        said.append(REPEATED)
    if made or any(entry.estimate for line in table.lines for entry in line.entries):
        said.append(covered(results))
    return said


def finding(found: Comparison, heading: Heading, who: str, other: str, rivals: str) -> str:
    """A finding with its interval, no stronger than the verdict."""
    gap = signed(found.estimate.value, heading)
    amount = f"{gap} {unit(heading)}".rstrip()
    ends = f"{amount}, {compared(found, heading)}"
    if found.verdict == statistics.UNSHOWN:
        return f"No difference shown between {who}, {rivals}, and {other}: {ends}"
    return f"{who}, {rivals}, is {found.verdict} than {other}: {ends}"
