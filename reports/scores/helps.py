"""What the best fused source helps with, in words: classes, conditions, kinds of error.

Every sentence follows from a table of the report. A difference is called better or worse only by
its verdict; where a table has no verdicts, its largest differences are named as not tested.
"""

from collections.abc import Iterator, Sequence

from reports.records.results import Results
from reports.scores import tables
from reports.scores.comparison import Heading, Line, Table, best
from reports.scores.numbers import signed, unit
from reports.significance import statistics


def said(results: Results, main: Table) -> list[str]:
    """A sentence for classes, one for conditions, one for kinds of error, as far as there are any.

    Args:
        results: The task.
        main: Its main table, whose last column is the mean.
    """
    source = _fused(main)
    if source is None or not results.classes:
        return []
    metric = next(iter(results.columns))
    asked = [("class", main)]
    if results.scenes:
        asked.append(("condition", tables.by_scene(results, metric)))
    asked += [("kind of error", tables.means(results, name)) for name in tables.errors(results)]
    found = [_sentence(word, table, source, results.other_means) for word, table in asked]
    return [sentence for sentence in found if sentence]


def _fused(table: Table) -> str | None:
    """The best fused source by the last column, if it has differences to single sensors."""
    fusions = [line for line in table.lines if line.differences]
    line = best(fusions, table.headings[-1], len(table.headings) - 1)
    return line.row.source if line else None


def _sentence(word: str, table: Table, source: str, means: Sequence[str]) -> str:
    """Without the columns of means, of all classes or of fewer."""
    line = next(line for line in table.lines if line.row.source == source)
    columns = [
        i
        for i, heading in enumerate(table.headings)
        if not heading.is_mean and not (heading.quantity and heading.quantity.name in means)
    ]
    if any(line.comparisons[i] for i in columns if line.comparisons):
        parts = [*_judged(table, line, columns)]
        return f"By {word}: {'; '.join(parts)}."
    parts = [*_largest(table, line, columns)]
    return f"By {word}, not tested: {'; '.join(parts)}." if parts else ""


def _judged(table: Table, line: Line, columns: Sequence[int]) -> Iterator[str]:
    """Where it is better and where worse, with the difference, and how many show none."""
    shown = {i: found for i in columns if (found := line.comparisons[i])}
    for verdict in (statistics.BETTER, statistics.WORSE):
        these = [i for i, found in shown.items() if found.verdict == verdict]
        if these:
            yield f"{verdict} in {', '.join(_named(table, line, i) for i in these)}"
    rest = sum(found.verdict == statistics.UNSHOWN for found in shown.values())
    if rest == len(shown):
        yield f"{statistics.UNSHOWN} in any of {rest}" if rest > 1 else statistics.UNSHOWN
    elif rest:
        yield f"{statistics.UNSHOWN} in {rest} of {len(shown)}"


def _largest(table: Table, line: Line, columns: Sequence[int]) -> Iterator[str]:
    """The largest difference to the better and that to the worse, if they are seen as printed."""
    gains = {i: g for i in columns if line.differences and (g := _gain(table, line, i))}
    if gains and max(gains.values()) > 0:
        yield f"most improved in {_named(table, line, max(gains, key=lambda i: gains[i]))}"
    if gains and min(gains.values()) < 0:
        yield f"most worsened in {_named(table, line, min(gains, key=lambda i: gains[i]))}"


def _gain(table: Table, line: Line, column: int) -> float:
    """The difference as printed, positive to the better; 0 where it is not known."""
    heading, gap = table.headings[column], line.differences[column]
    shown = 0.0 if gap is None else heading.rounded(gap)
    return shown if heading.better == "higher" else -shown


def _named(table: Table, line: Line, column: int) -> str:
    heading = table.headings[column]
    gap = line.differences[column]
    assert gap is not None
    return f"{_title(heading)} ({signed(gap, heading)} {unit(heading)}".rstrip() + ")"


def _title(heading: Heading) -> str:
    return " ".join(heading.title.split())
