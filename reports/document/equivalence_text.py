"""Equivalence of sources as text: table, notes, sentence of the answer, and CSV file."""

from collections.abc import Sequence

import pandas as pd

from fusebench.runtime import file_names
from reports.document.equivalence import NOT_TESTED, UNDECIDED, EquivalenceComparison
from reports.results.task_results import TaskResults
from reports.statistics.confidence_intervals import Estimate
from reports.statistics.equivalence import SIGNIFICANCE_LEVEL, EquivalenceTest, RequiredSizes
from reports.statistics.power import POWER
from reports.tables import significance_text
from reports.tables.comparison import ColumnHeader
from reports.tables.number_format import UNDEFINED, format_signed_score
from reports.tables.text_table import TextRow, TextTable

NO_NUMBER = "no number"
CSV_COLUMNS = (
    *("column", "source", "other", "difference", "low", "high", "p", "p Holm", "margin"),
    *("equivalence low", "equivalence high", "p equivalence", "p equivalence Holm", "verdict"),
    *("needed for", "units", "units needed", "seeds", "seeds needed", "both times", "reason"),
)
INTERVAL_PERCENT = round(100 * (1 - 2 * SIGNIFICANCE_LEVEL))


def build_table(
    results: TaskResults, comparisons: Sequence[EquivalenceComparison]
) -> TextTable | None:
    """Build the table of all comparisons; None without any."""
    if not comparisons:
        return None
    titles = [results.columns[metric].mean_title for metric in results.equivalence_metrics]
    headers = (
        ("against", ""),
        ("score", ""),
        ("verdict", "on the source"),
        ("difference", "points, 95 % interval"),
        ("p", "adjusted"),
        (f"{INTERVAL_PERCENT} % interval", f"margin ±{results.equivalence.margin:g}"),
        ("p of equivalence", "adjusted"),
        ("needed", "to decide"),
    )
    return TextTable(
        title=f"Equivalence within {results.equivalence_margin_text} of {', '.join(titles)}",
        caption="",
        csv_file=f"tables/{file_names.make_safe_file_name(results.name)}-equivalence.csv",
        headers=headers,
        rows=tuple(_build_row(results, comparison) for comparison in comparisons),
        difference_rows=(),
        notes=tuple(_build_notes(results, comparisons)),
        has_mean_column=False,
    )


def build_sentence(results: TaskResults, comparisons: Sequence[EquivalenceComparison]) -> str:
    """Build the sentence of the answer; empty if there is nothing to say.

    With a reference, all verdicts are listed; without one, only those of equivalent pairs.
    """
    reference = results.equivalence.reference
    texts_by_verdict: dict[str, list[str]] = {}
    for comparison in sorted(comparisons, key=_get_rank):
        if comparison.is_equivalent or (reference and comparison.verdict != NOT_TESTED):
            text = _describe_comparison(results, comparison)
            texts_by_verdict.setdefault(comparison.verdict, []).append(text)
    if not texts_by_verdict:
        return ""
    title = f"Against {reference}" if reference else "Pairs"
    parts = [f"{verdict}: {', '.join(texts)}" for verdict, texts in texts_by_verdict.items()]
    return f"{title}, {'; '.join(parts)}."


def build_dataframe(
    results: TaskResults, comparisons: Sequence[EquivalenceComparison]
) -> pd.DataFrame:
    """Tabulate all comparisons for a CSV file, scores in points: columns `CSV_COLUMNS`."""
    rows = [_build_csv_row(results, comparison) for comparison in comparisons]
    counts = dict.fromkeys(("units", "units needed", "seeds needed", "both times"), "Int64")
    return pd.DataFrame(rows, columns=list(CSV_COLUMNS)).astype(counts)


def _get_unit_name(results: TaskResults) -> str:
    """Return what is resampled: ``sequences`` or ``images``."""
    first = results.bootstrap.first_scores if results.bootstrap else None
    return "sequences" if first and first.is_clustered else "images"


def _get_rank(comparison: EquivalenceComparison) -> int:
    """Rank what a comparison shows: equivalence first, then nothing, then a difference alone."""
    return 0 if comparison.is_equivalent else 1 + comparison.is_different


def _build_row(results: TaskResults, comparison: EquivalenceComparison) -> TextRow:
    estimate, test, header = comparison.estimate, comparison.test, comparison.header
    texts = [comparison.other, header.title, comparison.verdict]
    if estimate is None or test is None:
        texts += [UNDEFINED] * 5
    else:
        texts += [
            f"{format_signed_score(estimate.value, header)} {_format_interval(estimate, header)}",
            significance_text.format_p_value(comparison.difference_p_value),
            _format_interval(test, header),
            significance_text.format_p_value(comparison.equivalence_p_value),
            _format_required_sizes(results, comparison.required) if comparison.required else "",
        ]
    return TextRow(comparison.source, "", tuple((text, 0) for text in texts))


def _format_interval(interval: Estimate | EquivalenceTest, header: ColumnHeader) -> str:
    low, high = (format_signed_score(end, header) for end in (interval.low, interval.high))
    return f"[{low}, {high}]"


def _format_required_sizes(results: TaskResults, required: RequiredSizes) -> str:
    """Format the sample sizes that decide a comparison, e.g. ``107 sequences or 9 seeds``."""
    unit = _get_unit_name(results)
    ways = [
        f"{count} {noun}"
        for count, noun in ((required.groups, unit), (required.seeds, "seeds"))
        if count is not None
    ]
    if not ways and required.factor is not None:
        return f"{required.factor} times the {unit} and seeds"
    return " or ".join(ways) or NO_NUMBER


def _describe_comparison(results: TaskResults, comparison: EquivalenceComparison) -> str:
    """Describe a comparison without its verdict: the pair, and the numbers that decide it."""
    estimate, test, header = comparison.estimate, comparison.test, comparison.header
    assert estimate is not None
    assert test is not None
    name = comparison.source
    if results.equivalence.reference is None:
        name += f" against {comparison.other}"
    difference = f"{header.title} {format_signed_score(estimate.value, header)} points"
    if comparison.is_different and not comparison.is_equivalent:
        return f"{name} ({difference})"
    p_value = significance_text.format_p_value(comparison.equivalence_p_value)
    text = (
        f"{difference}, {INTERVAL_PERCENT} % interval {_format_interval(test, header)}, "
        f"adjusted p of equivalence {p_value}"
    )
    if comparison.required:
        sizes = _format_required_sizes(results, comparison.required)
        text += f"; needed to show the {_get_goal(comparison.required)}: {sizes}"
    return f"{name} ({text})"


def _get_goal(required: RequiredSizes) -> str:
    return "equivalence" if required.shows_equivalence else "difference"


def _build_notes(results: TaskResults, comparisons: Sequence[EquivalenceComparison]) -> list[str]:
    margin = results.equivalence_margin_text
    count = sum(comparison.test is not None for comparison in comparisons)
    comparison_count = f"{count} comparison{'' if count == 1 else 's'}"
    notes = [
        "Difference: mean of the source minus that of the other, before rounding.",
        f"Equivalent within {margin}: two one-sided tests show that the true difference is "
        f"smaller, in both directions; p below {SIGNIFICANCE_LEVEL:.2f}, adjusted (Holm) for the "
        f"{comparison_count} of this table. Without the adjustment this is the same as a "
        f"{INTERVAL_PERCENT} % interval inside the margin.",
        f"Better, worse: p of the difference below {SIGNIFICANCE_LEVEL:.2f}, adjusted (Holm) for "
        "the comparisons of this table that no other table tests; the others have the p of that "
        "table. Differences and equivalences are adjusted separately.",
        f"Better or worse by less than {margin}: a difference is shown, and that it is smaller. "
        f"{UNDECIDED.capitalize()}: neither is shown.",
        f"Intervals and tests: {significance_text.describe_resamples(results)}",
    ]
    if any(comparison.required for comparison in comparisons):
        notes.append(
            f"Needed: shows the equivalence with {100 * POWER:.0f} % power (where the measured "
            f"difference is {margin} or more: the difference), if the true difference is the "
            "measured one and every part of the variance shrinks with its number of "
            f"{_get_unit_name(results)} and seeds, at p below {SIGNIFICANCE_LEVEL:.2f} divided by "
            "the number of comparisons."
        )
    pairs_by_reason: dict[str, list[str]] = {}
    for comparison in comparisons:
        for reason in comparison.reasons:
            pair = f"{comparison.source} against {comparison.other}"
            pairs_by_reason.setdefault(reason, []).append(pair)
    notes += [
        f"{reason[0].upper()}{reason[1:]}: {', '.join(dict.fromkeys(pairs))}."
        for reason, pairs in pairs_by_reason.items()
    ]
    return notes


def _build_csv_row(results: TaskResults, comparison: EquivalenceComparison) -> tuple[object, ...]:
    names = (comparison.header.title, comparison.source, comparison.other)
    estimate, test, sizes = comparison.estimate, comparison.test, comparison.sizes
    reason = "; ".join(comparison.reasons) or None
    margin = results.equivalence.margin
    if estimate is None or test is None or sizes is None:
        return (*names, *[None] * 5, margin, *[None] * 4, comparison.verdict, *[None] * 6, reason)
    required = comparison.required
    goal = _get_goal(required) if required else None
    needed = (required.groups, required.seeds, required.factor) if required else (None,) * 3
    return (
        *names,
        *(_scale(comparison, x) for x in (estimate.value, estimate.low, estimate.high)),
        *(round(estimate.p_value, 6), round(comparison.difference_p_value, 6), margin),
        *(_scale(comparison, test.low), _scale(comparison, test.high)),
        *(round(test.p_value, 6), round(comparison.equivalence_p_value, 6), comparison.verdict),
        *(
            goal,
            sizes.group_count,
            needed[0],
            round(sizes.seeds_per_source, 2),
            *needed[1:],
            reason,
        ),
    )


def _scale(comparison: EquivalenceComparison, score: float) -> float:
    return round(score * comparison.header.scale, 6)
