"""Headline of a task: which source is best, whether that is shown, and where fusion helps or hurts.

Plain sentences without p-values. Every number is one of the task's main table or of its table by
condition; no sentence claims more than the verdict of its difference.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from reports.results.task_results import TaskResults
from reports.statistics.confidence_intervals import BETTER, NO_DIFFERENCE_SHOWN, WORSE
from reports.tables import fusion_metric_tables, where_fusion_helps
from reports.tables.comparison import (
    ScoreTable,
    TableRow,
    are_single_sensors_equal,
    find_best_row,
    find_better_single_sensor,
)
from reports.tables.inference import rank_text
from reports.tables.number_format import format_score, format_signed_score, get_difference_unit

HELPS, HURTS, UNDECIDED = "Fusion helps", "Fusion hurts", "No difference shown"
NOT_TESTED, NOT_COMPARED = "Not tested", "Not compared yet"
NO_RESULT, RANKING = "No result yet", "Ranking only"
LABEL_BY_VERDICT = {BETTER: HELPS, WORSE: HURTS, NO_DIFFERENCE_SHOWN: UNDECIDED}
MAX_NAMED_COLUMNS = 4  # classes and conditions that a sentence names


@dataclass(frozen=True)
class Headline:
    """The answer to a task's question in plain words.

    Attributes:
        label: One of the labels of this module.
        sentence: The best fused source against the better single sensor.
        where: (verdict, sentence) on the classes and conditions in which the best fused source is
            better, worse, or neither.
        notes: Further sentences: sources tied for best, reference sources, robustness.
        candidate: Name of the best fused source; empty without a comparison.
        baseline: Name of the better single sensor; empty without a comparison.
    """

    label: str
    sentence: str
    where: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    candidate: str = ""
    baseline: str = ""

    @property
    def text(self) -> str:
        """All sentences after the label, as one paragraph."""
        return " ".join([self.sentence, *(text for _, text in self.where), *self.notes])


def build_headline(
    results: TaskResults,
    main: ScoreTable,
    condition_tables: Sequence[ScoreTable],
    notes: Sequence[str] = (),
) -> Headline:
    """Build the headline of a task.

    Args:
        results: The task.
        main: Its main table, whose last column is the mean.
        condition_tables: Its tables by condition, at most one.
        notes: Sentences on reference sources and robustness; empty ones are left out.
    """
    rows = [row for row in main.rows if row.cells]
    if not rows:
        return Headline(NO_RESULT, "No run of this task is finished.")
    if results.kind == "quality":
        return Headline(RANKING, fusion_metric_tables.describe_mean_rank(main))
    column = len(main.headers) - 1
    single = find_better_single_sensor(main, column)
    fused = find_best_row(
        [row for row in rows if row.source_results.is_fused],
        main.headers[column],
        column,
    )
    difference = fused.differences[column] if fused and fused.differences else None
    if single is None or fused is None or difference is None:
        answer = where_fusion_helps.build_answer(results, main)
        return Headline(NOT_COMPARED, answer, notes=tuple(filter(None, notes)))
    comparison = fused.comparisons[column] if fused.comparisons else None
    label = LABEL_BY_VERDICT[comparison.verdict] if comparison else NOT_TESTED
    name = fused.source_results.source_name
    best = rank_text.describe_best(main, column)
    return Headline(
        label=label,
        sentence=_describe_difference(main, label, fused, single, difference),
        where=_describe_columns(results, name, main, condition_tables),
        notes=tuple(note for note in (best, *notes) if note),
        candidate=name,
        baseline=single.source_results.source_name,
    )


def _describe_difference(
    table: ScoreTable, label: str, fused: TableRow, single: TableRow, difference: float
) -> str:
    header = table.headers[-1]
    column = len(table.headers) - 1
    fused_name, single_name = (row.source_results.source_name for row in (fused, single))
    fused_score, single_score = (
        format_score(row.cells[column].mean, header) for row in (fused, single)
    )
    rounded = header.round_score(difference)
    gain = rounded if header.better == "higher" else -rounded
    amount = f"{abs(rounded):.{header.decimals}f} {get_difference_unit(header)}".rstrip()
    sensor = (
        f"{single_name} ({single_score}), which scores like the other sensor"
        if are_single_sensors_equal(table, column)
        else f"{single_name} ({single_score}), the better sensor"
    )
    if gain == 0:
        relation = f"{fused_name} ({header.title} {fused_score}) scores the same as {sensor}"
    else:
        direction = "ahead of" if gain > 0 else "behind"
        relation = f"{fused_name} ({header.title} {fused_score}) is {amount} {direction} {sensor}"
    if label == HELPS:
        return f"{relation}: more than chance explains."
    if label == HURTS:
        return f"The best fused source, {relation}: more than chance explains."
    if label == NOT_TESTED:
        return f"{relation}. This is not tested: it may be chance."
    best, _ = rank_text.list_possible_best(table, column)
    # a source without a fused image may be shown to be better than both
    prefix = "" if len(best) == 1 else "No source is shown to be best. "
    return f"{prefix}{relation}; chance alone can explain that."


def _describe_columns(
    results: TaskResults, source: str, main: ScoreTable, condition_tables: Sequence[ScoreTable]
) -> tuple[tuple[str, str], ...]:
    """Describe in which classes and conditions a source is better or worse, by its verdicts."""
    tables = [("class", "classes", main)]
    tables += [("condition", "conditions", table) for table in condition_tables]
    named: dict[str, list[str]] = {BETTER: [], WORSE: []}
    undecided = []
    for singular, plural, table in tables:
        verdicts = [*_list_verdicts(table, source, results.other_means)]
        for text, verdict in verdicts:
            named.get(verdict, []).append(text)
        count = sum(verdict == NO_DIFFERENCE_SHOWN for _, verdict in verdicts)
        if count:
            undecided.append(f"{count} {singular if count == 1 else plural}")
    sentences = [
        (verdict, f"{source} is {verdict} in {_join_names(names)}.")
        for verdict, names in named.items()
        if names
    ]
    if undecided:
        others = "the other " if sentences else "any of "
        text = f"No difference is shown in {others}{' and '.join(undecided)}."
        sentences.append((NO_DIFFERENCE_SHOWN, text))
    return tuple(sentences)


def _list_verdicts(
    table: ScoreTable, source: str, means: Sequence[str]
) -> Iterator[tuple[str, str]]:
    """Yield (column with its difference, verdict) of every tested column that is not a mean."""
    row = next(row for row in table.rows if row.source_results.source_name == source)
    for header, difference, comparison in zip(
        table.headers, row.differences, row.comparisons, strict=False
    ):
        is_mean = header.is_mean or (header.score_key and header.score_key.class_or_mean in means)
        if not is_mean and comparison is not None and difference is not None:
            title = " ".join(header.title.split())
            yield f"{title} ({format_signed_score(difference, header)})", comparison.verdict


def _join_names(names: Iterable[str]) -> str:
    """Join names by commas; those beyond `MAX_NAMED_COLUMNS` are counted."""
    listed = list(names)
    if len(listed) > MAX_NAMED_COLUMNS:
        rest = len(listed) - MAX_NAMED_COLUMNS
        return f"{', '.join(listed[:MAX_NAMED_COLUMNS])} and {rest} more"
    return " and ".join(filter(None, [", ".join(listed[:-1]), listed[-1]]))
