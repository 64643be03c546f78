"""Numbers and findings in words, never beyond the numbers."""

from collections.abc import Iterable, Sequence

from bench.failures import Failure
from reports.records.results import Results, Row
from reports.scores import certainty, numbers, quality
from reports.scores.certainty import MARKS
from reports.scores.comparison import (
    BETTER_SINGLE,
    Comparison,
    Entry,
    Heading,
    Line,
    Table,
    best,
    best_single,
    singles_equal,
    versus,
)
from reports.scores.numbers import MINUS, number, signed, unit

UNDEFINED = numbers.UNDEFINED
MISSING = "missing"
CHANCE = "One seed: differences of this size may be chance."
UNTESTED = "Not tested for significance."
SEEDS_DIFFER = "seeds differ"
SPREAD = "± is the sample standard deviation over seeds."


def entry(found: Entry, heading: Heading) -> str:
    """Mean ± standard deviation, e.g. ``71.2 ± 0.4``; says so if some seeds have no score."""
    text = number(found.mean, heading)
    if found.spread is not None:
        text += f" ± {number(found.spread, heading)}"
    if 0 < len(found.defined) < len(found.scores):
        text += f" (n={len(found.defined)})"
    return text


def difference(score: float | None, heading: Heading, compared: Comparison | None = None) -> str:
    """A difference with its sign, and the verdict if there is one, e.g. ``+1.3 better``."""
    if score is None:
        return UNDEFINED
    text = signed(score, heading)
    return f"{text} {MARKS.get(compared.verdict, compared.verdict)}" if compared else text


def correlation(value: float) -> str:
    """A number between -1 and 1 with its sign, e.g. ``+0.90``."""
    return f"{round(value, 2) + 0.0:+.2f}".replace("-", MINUS)


def counted(number: int, what: str) -> str:
    """So many of a thing, e.g. ``3 tables``."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def status(every: Iterable[Results], undrawn: Sequence[str]) -> str:
    """How much of the plan is finished.

    Args:
        every: All tasks that are planned.
        undrawn: Tasks that cannot be planned yet, because their scenes are drawn by the first run.
    """
    rows = [row for results in every for row in results.rows]
    planned = sum(len(row.planned) for row in rows)
    done, failed = (sum(len(row.records) for row in rows), sum(len(row.failed) for row in rows))
    waiting = ", ".join(undrawn)
    if not planned:
        return f"No run is planned yet: the first run draws the scenes of {waiting}."
    said = f"{done} of {planned} planned runs finished{f', {failed} failed' if failed else ''}"
    if waiting:
        said += f"; not counted: {waiting}, whose scenes the first run draws"
    return f"{said}."


def seeds(line: Line) -> str:
    """How many of a source's seeds are there; nothing where it has no seeds."""
    row = line.row
    if row.planned == (None,) or not row.records:
        return ""
    if row.missing:
        return f"{len(row.records)} of {len(row.planned)} seeds"
    return f"{len(row.planned)} seed{'' if len(row.planned) == 1 else 's'}"


def gap(row: Row) -> str:
    """What a source that is not finished lacks, e.g. ``1 of 3 seeds missing``, and what failed.

    Finished runs of other data or settings, as after an image was changed, are not passed over.
    """
    alike: dict[str, dict[int | None, Failure]] = {}
    for seed, failure in row.failed:
        alike.setdefault(failure.reason, {})[seed] = failure
    said = []
    for reason, those in alike.items():
        every = len(those) == len(row.planned)
        seeds = f"seed{'s' if len(those) > 1 else ''} {', '.join(map(str, those))} "
        last = max(failure.where for failure in those.values())
        said.append(f"{'' if every else seeds}failed: {reason} ({last})")
    unrun = len(row.missing) - len(row.failed)
    if unrun == len(row.planned):
        said.append(MISSING)
    elif unrun:
        said.append(f"{unrun} of {len(row.planned)} seeds {MISSING}")
    if row.others:
        which = "one is" if row.others == 1 else f"{row.others} are"
        said.append(f"{which} finished with other data or settings, and not counted")
    return "; ".join(said)


def caption(table: Table) -> str:
    """Unit and which way is better, where all columns agree."""
    first = table.headings[0]
    said = ["points, 0 to 100"] if all(h.scale == 100 for h in table.headings) else []
    if {heading.better for heading in table.headings} == {first.better}:
        said.append(f"{first.better} is better")
    return "; ".join(said)


def notes(results: Results, table: Table) -> list[str]:
    """How to read the table."""
    said = []
    if any(found.rank for line in table.lines for found in line.entries):
        said.append("Best of a column bold, second best underlined; equal as printed is equal.")
    if any(line.differences for line in table.lines):
        single = versus(table)
        other = "the column's better single sensor" if single == BETTER_SINGLE else single
        said.append(f"Difference: mean minus that of {other}, before rounding.")
    elif results.kind != "quality" and any(
        line.entries and not line.row.single for line in table.lines
    ):
        said.append(_no_difference(results))
    if any(found.spread is not None for line in table.lines for found in line.entries):
        said.append(SPREAD)
    said += certainty.verdicts(results, table)
    counts = {len(line.row.records) for line in table.lines if line.entries}
    if 1 in counts and results.rows[0].planned != (None,) and not any(map(_tested, table.lines)):
        said.append(CHANCE)
    if len(counts) > 1:
        said.append("Sources have different numbers of finished seeds; see their names.")
    if any(found.mean is None for line in table.lines for found in line.entries):
        why = "nothing of that class to find, or nothing found" if results.classes else "see flags"
        said.append(f"{UNDEFINED} is undefined: {why}.")
    return said


def _tested(line: Line) -> bool:
    return any(line.comparisons)


def answer(results: Results, table: Table) -> str:
    """What the main table says about the task's question: does the fused image help?

    Args:
        results: The task.
        table: Its main table, whose last column is the mean.
    """
    column = len(table.headings) - 1
    heading = table.headings[column]
    lines = [line for line in table.lines if line.entries]
    leader = best(lines, heading, column)
    if results.kind == "quality" and lines:
        return " ".join([*_circumstances(results), quality.finding(table), UNTESTED])
    if leader is None:
        return "No result yet."
    said = [*_circumstances(results), _finding(table, leader, column)]
    tested = _comparison(table, column)
    if tested is None and results.rows[0].planned != (None,):
        said.append(_seeds(results))
    return " ".join([*said, certainty.covered(results) if tested else UNTESTED])


def _comparison(table: Table, column: int) -> Comparison | None:
    """How sure the difference of the best fused source is in a column."""
    fusions = [line for line in table.lines if not line.row.single and line.entries]
    fused = best(fusions, table.headings[column], column)
    if fused is None or not fused.comparisons:
        return None
    return fused.comparisons[column]


def _circumstances(results: Results) -> list[str]:
    said = ["on simulated scenes, not camera images"] if results.simulated else []
    if len(results.records) < results.planned:
        said.append(f"with {len(results.records)} of {results.planned} runs finished")
    text = ", ".join(said)
    return [f"{text[0].upper()}{text[1:]}:"] if said else []


def _seeds(results: Results) -> str:
    counts = {len(row.records) for row in results.rows if row.records}
    if counts == {1}:
        return CHANCE
    return f"{'' if len(counts) == 1 else 'Up to '}{max(counts)} seeds per source."


def _finding(table: Table, leader: Line, column: int) -> str:
    heading = table.headings[column]
    single = best_single(table, column)
    fusions = [line for line in table.lines if not line.row.single and line.entries]
    fused = best(fusions, heading, column)
    if single is None or fused is None:
        return _best_finished(table, leader, column)
    who, other = _scored(fused, heading, column), _scored(single, heading, column)
    if singles_equal(table, column):
        names = [line.row.source for line in table.lines if line.row.single and line.entries]
        alike = ", ".join(name for name in names if name != single.row.source)
        other = f"{other}, which scores like {alike}"
    elif versus(table) == BETTER_SINGLE:
        other = f"{BETTER_SINGLE}, {other}"
    rivals = f"the best of {len(fusions)} fused sources" if len(fusions) > 1 else "fused"
    tested = _comparison(table, column)
    if tested:
        return f"{certainty.finding(tested, heading, who, other, rivals)}."
    gap = fused.differences[column]
    if gap is None:
        return f"No difference between {who}, {rivals}, and {other}: their seeds differ."
    shown = heading.rounded(gap if heading.better == "higher" else -gap)
    amount = f"{abs(shown):.{heading.decimals}f} {unit(heading)}".rstrip()
    if shown > 0:
        return f"{who}, {rivals}, is {amount} better than {other}."
    if shown < 0:
        return f"{who}, {rivals}, is {amount} worse than {other}."
    return f"{who}, {rivals}, equals {other}, as printed."


def _best_finished(table: Table, leader: Line, column: int) -> str:
    """The best of the sources that are there, or those that share the best score as printed."""
    heading = table.headings[column]
    best_score = number(leader.entries[column].mean, heading)
    names = [
        line.row.source
        for line in table.lines
        if line.entries and number(line.entries[column].mean, heading) == best_score
    ]
    if len(names) == 1:
        return f"{_scored(leader, heading, column)} is the best finished source."
    return f"{', '.join(names)} share the best score, {heading.title} {best_score}."


def _scored(line: Line, heading: Heading, column: int) -> str:
    return f"{line.row.source} ({heading.title} {entry(line.entries[column], heading)})"


def _no_difference(results: Results) -> str:
    singles = [row for row in results.rows if row.single]
    if not singles:
        return "No difference to a single sensor: the task lists neither infrared nor visible."
    return "No difference to a single sensor yet: not all single sensors are finished."
