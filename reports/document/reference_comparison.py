"""Whether fused sources are better than the reference sources, and the reverse.

Reference sources use both sensors without a fused image: an ensemble of the predictions on both, or
a model that reads both as channels. Image fusion is worth its cost only if it is better. The claim
"source s is better than every source of the other group" is tested by an intersection-union test
(Berger, "Multiparameter hypothesis testing and acceptance sampling", Technometrics 24(4), 1982): s
against each of them, and the largest p-value is that of the claim. So no reference source is
selected by its score. The p-values are adjusted (Holm) over all claims, those of the fused sources
and those of the reference sources, each against the other group.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from reports.results.bootstrap_scores import TaskBootstrap
from reports.results.task_results import TaskResults
from reports.statistics import confidence_intervals
from reports.statistics.confidence_intervals import CONFIDENCE_LEVEL, Estimate
from reports.tables import significance_text
from reports.tables.comparison import ColumnHeader, ScoreTable, TableRow, find_best_row
from reports.tables.number_format import (
    format_score,
    format_signed_score,
    get_difference_unit,
)
from reports.tables.result_text import format_cell


@dataclass(frozen=True)
class GroupClaim:
    """The claim that a source is better than every source of the other group.

    Attributes:
        row: The source.
        best_other: The other group's source with the best mean.
        estimate: Estimate of the difference to it.
        p_value: Of the claim: 1 if the source is not better than each of the others.
        adjusted_p_value: Adjusted for all claims of the task.
    """

    row: TableRow
    best_other: TableRow
    estimate: Estimate
    p_value: float
    adjusted_p_value: float = 1.0

    @property
    def is_shown(self) -> bool:
        """Whether the claim is shown."""
        return self.adjusted_p_value < 1 - CONFIDENCE_LEVEL


def build_sentence(results: TaskResults, table: ScoreTable) -> str:
    """Build the sentence of the answer; empty without fused or without reference sources.

    Args:
        results: The task.
        table: Its main table, whose last column is the mean.
    """
    column = len(table.headers) - 1
    fused, references = _split_rows(table, column)
    if results.kind == "quality" or not fused or not references:
        return ""
    header = table.headers[column]
    best_fused = find_best_row(fused, header, column)
    best_reference = find_best_row(references, header, column)
    assert best_fused is not None
    assert best_reference is not None
    claims = test_claims(results, table)
    if not claims:
        best_texts = (_format_source(row, header, column) for row in (best_reference, best_fused))
        return (
            "Of the sources that use both sensors without a fused image, {} is best; the best "
            "fused image is {}. Not tested."
        ).format(*best_texts)
    significant = [claim for claim in claims if claim.is_shown]
    better_fused = [claim for claim in significant if claim.row.source_results.is_fused]
    if better_fused:
        texts = "; ".join(_format_claim(claim, header, column) for claim in better_fused)
        return f"Better than every source that uses both sensors without a fused image: {texts}."
    text = (
        "No fused image is shown to be better than every source that uses both sensors without one "
        f"(the best: {_format_source(best_reference, header, column)})"
    )
    if significant:
        texts = "; ".join(_format_claim(claim, header, column) for claim in significant)
        text += f". Better than every fused image: {texts}"
    return f"{text}."


def build_plain_sentence(results: TaskResults, table: ScoreTable) -> str:
    """Build the same sentence without statistics, for the headline."""
    column = len(table.headers) - 1
    fused, references = _split_rows(table, column)
    if results.kind == "quality" or not fused or not references:
        return ""
    header = table.headers[column]
    best = find_best_row(references, header, column)
    assert best is not None
    score = format_score(best.cells[column].mean, header)
    text = f"{best.source_results.source_name} ({header.title} {score})"
    claims = test_claims(results, table)
    if not claims:
        return (
            f"The best source that uses both sensors without a fused image is {text}; not tested."
        )
    significant = [claim.row.source_results for claim in claims if claim.is_shown]
    better_fused = [source.source_name for source in significant if source.is_fused]
    if better_fused:
        names = ", ".join(better_fused)
        return f"Better than every source that uses both sensors without a fused image: {names}."
    sentence = (
        "No fused image is shown to be better than every source that uses both sensors without "
        f"one; the best of these is {text}."
    )
    if significant:
        names = ", ".join(source.source_name for source in significant)
        sentence += f" Better than every fused image: {names}."
    return sentence


def test_claims(results: TaskResults, table: ScoreTable) -> list[GroupClaim]:
    """Test every fused source against all reference sources, and the reverse.

    Args:
        results: The task.
        table: Its main table, whose last column is the mean.

    Returns:
        One claim per source, with adjusted p-values; empty if a source cannot be tested.
    """
    column = len(table.headers) - 1
    groups = _split_rows(table, column)
    if results.bootstrap is None or not all(groups):
        return []
    claims = []
    for rows, others in (groups, groups[::-1]):
        for row in rows:
            claim = _test_claim(table.headers[column], column, row, others, results.bootstrap)
            if claim is None:
                return []
            claims.append(claim)
    adjusted = confidence_intervals.adjust_p_values([claim.p_value for claim in claims])
    return [
        GroupClaim(claim.row, claim.best_other, claim.estimate, claim.p_value, value)
        for claim, value in zip(claims, adjusted, strict=True)
    ]


def _split_rows(table: ScoreTable, column: int) -> tuple[list[TableRow], list[TableRow]]:
    """Return the rows of fused and of reference sources, those with a score."""
    rows = [row for row in table.rows if row.cells and row.cells[column].mean is not None]
    fused = [row for row in rows if row.source_results.is_fused]
    return fused, [row for row in rows if row.source_results.is_reference]


def _test_claim(
    header: ColumnHeader,
    column: int,
    row: TableRow,
    others: Sequence[TableRow],
    bootstrap: TaskBootstrap,
) -> GroupClaim | None:
    """Test a source against all others, without adjustment; None if one cannot be tested."""
    samples = [
        bootstrap.build_sample(
            each.source_results.source_name, header.score_key, each.cells[column].seed_scores
        )
        for each in (row, *others)
    ]
    sign = 1 if header.better == "higher" else -1
    estimates, p_values = [], []
    for sample in samples[1:]:
        estimate = (
            confidence_intervals.estimate_difference(samples[0], sample)
            if samples[0] and sample
            else None
        )
        if estimate is None:
            return None
        estimates.append(estimate)
        p_values.append(estimate.p_value if sign * estimate.value > 0 else 1.0)
    best = find_best_row(others, header, column)
    assert best is not None  # all of them have a mean
    return GroupClaim(row, best, estimates[list(others).index(best)], max(p_values))


def _format_source(row: TableRow, header: ColumnHeader, column: int) -> str:
    score = format_cell(row.cells[column], header)
    return f"{row.source_results.source_name}, {header.title} {score}"


def _format_claim(claim: GroupClaim, header: ColumnHeader, column: int) -> str:
    value, low, high = (
        format_signed_score(number, header)
        for number in (claim.estimate.value, claim.estimate.low, claim.estimate.high)
    )
    difference = f"{value} {get_difference_unit(header)}".rstrip()
    p_value = significance_text.format_p_value(claim.adjusted_p_value)
    return (
        f"{_format_source(claim.row, header, column)} (against the best of them, "
        f"{claim.best_other.source_results.source_name}: {difference}, [{low}, {high}], "
        f"adjusted p {p_value})"
    )
