"""Audit of what a paper claims about its table: counts, thresholds, gains, numbers of best scores.

``published/claims.csv`` has one line per claim: table, check, claimed values, subject, and quote.
``published/facts.csv`` has facts about the data sets.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from statistics import median

from fusebench.errors import UserError
from reports.literature.audit_rows import (
    Finding,
    is_mean_inconsistent,
    max_rounding_error,
    recompute_mean,
)
from reports.literature.published_tables import (
    TABLES_FOLDER,
    PublishedRow,
    PublishedTable,
    parse_number,
    read_csv_rows,
)

SINGLE_SENSORS = ("infrared", "visible")
AverageFunction = Callable[[Sequence[Decimal]], Decimal]
DatasetFacts = Mapping[tuple[str, str], Decimal]  # (data set, quantity)


@dataclass(frozen=True)
class Claim:
    """One line of ``claims.csv``.

    Attributes:
        table: Name of the table.
        check: Key of `CHECKS`.
        values: Claimed numbers, with the claimed decimals.
        subject: Subject of the claim: a method, or a quantity of the data set.
        quote: The claim in the paper's words.
    """

    table: str
    check: str
    values: tuple[Decimal, ...]
    subject: str
    quote: str


@dataclass(frozen=True)
class RoundingInterval:
    """Interval of the true values of a number that is computed from rounded numbers."""

    low: Decimal
    high: Decimal

    def can_round_to(self, number: Decimal) -> bool:
        """Return whether any value in the interval rounds to the number."""
        error = max_rounding_error(number)
        return self.low <= number + error and number - error <= self.high


def read_claims_and_facts(
    folder: Path = TABLES_FOLDER,
) -> tuple[list[Claim], dict[tuple[str, str], Decimal]]:
    """Read the claims, and the facts by (data set, quantity).

    Raises:
        UserError: If a file cannot be read or a claim names an unknown check.
    """
    claims_file, facts_file = folder / "claims.csv", folder / "facts.csv"
    claims = [
        Claim(
            line["table"],
            line["check"],
            tuple(
                parse_number(value, f"{claims_file}: {line['table']}")
                for value in line["values"].split()
            ),
            line["subject"],
            line["quote"],
        )
        for line in read_csv_rows(claims_file)
    ]
    unknown = {claim.check for claim in claims} - set(CHECKS)
    if unknown:
        raise UserError(
            f"{claims_file}: unknown check {', '.join(sorted(unknown))}; expected one of "
            f"{', '.join(CHECKS)}"
        )
    facts = {
        (line["dataset"], line["quantity"]): parse_number(
            line["value"], f"{facts_file}: {line['quantity']}"
        )
        for line in read_csv_rows(facts_file)
    }
    return claims, facts


def collect_findings(
    tables: Sequence[PublishedTable], claims: Sequence[Claim], facts: DatasetFacts
) -> list[Finding]:
    """Collect the claims that do not hold.

    Raises:
        UserError: If a claim is about an unknown table.
    """
    by_name = {table.name: table for table in tables}
    findings = []
    for claim in claims:
        if claim.table not in by_name:
            raise UserError(
                f"claims.csv: unknown table {claim.table}; expected one of {', '.join(by_name)}"
            )
        table = by_name[claim.table]
        contradiction = CHECKS[claim.check](claim, table, facts)
        if contradiction:
            message = f'"{claim.quote}": {contradiction}'
            by_eye = table.metadata.by_eye
            findings.append(Finding(table.name, claim.check, "", "", (), message, by_eye))
    return findings


def compute_gain_intervals(
    rows: Sequence[PublishedRow], method: str
) -> dict[str, RoundingInterval]:
    """Compute the gain of a method's mean over every baseline it may have been compared with.

    Baselines are each other row, and the mean and the median of the others, of the other fusion
    methods, of the single sensors and of all rows.

    Returns:
        Description of the comparison to the gain, relative in percent and in points.
    """
    means = {row.method: row.mean for row in rows if row.mean is not None}
    others = [name for name in means if name != method]
    groups = {
        "the others": others,
        "the other fusions": [name for name in others if name not in SINGLE_SENSORS],
        "the single sensors": [name for name in others if name in SINGLE_SENSORS],
        "all rows, its own included": list(means),
    }
    baselines: dict[str, tuple[list[str], AverageFunction]] = {
        f"against {name}": ([name], _mean) for name in others
    }
    for group, names in groups.items():
        if names:
            baselines[f"against the mean of {group}"] = (names, _mean)
            baselines[f"against the median of {group}"] = (names, median)
    intervals = {}
    for baseline, (names, average) in baselines.items():
        low, high = (_compute_extreme_gain(means, method, names, average, sign) for sign in (-1, 1))
        intervals[f"{baseline} (relative)"] = RoundingInterval(low[0], high[0])
        intervals[f"{baseline} (points)"] = RoundingInterval(low[1], high[1])
    return intervals


def _check_count(claim: Claim, table: PublishedTable, facts: DatasetFacts) -> str:
    """Compare a claimed count with the data set's."""
    dataset = table.metadata.tags["dataset"]
    count = facts.get((dataset, claim.subject))
    if count is None:
        raise UserError(
            f"facts.csv: no fact about the {claim.subject} of {dataset}, which claims.csv needs; "
            "add it"
        )
    (claimed,) = claim.values
    return "" if claimed == count else f"{claimed} {claim.subject}, but {dataset} has {count}"


def _check_thresholds(claim: Claim, table: PublishedTable, facts: DatasetFacts) -> str:
    """Check that steps from the first threshold reach the last, and that the header agrees."""
    first, last, step = claim.values
    contradictions = []
    if (last - first) % step:
        contradictions.append(f"steps of {step} from {first} never reach {last}")
    if f"[{first}:{last}]" not in claim.subject:
        contradictions.append(f"the header of the table is {claim.subject}")
    return "; ".join(contradictions)


def _check_mean_class_count(claim: Claim, table: PublishedTable, facts: DatasetFacts) -> str:
    """Check that the printed means are means over the claimed number of classes."""
    (claimed,) = claim.values
    printed = len(table.metadata.classes)
    with_mean = [row for row in table.rows if row.mean is not None and recompute_mean(row)]
    consistent = sum(not is_mean_inconsistent(row) for row in with_mean)
    if printed == claimed or not consistent:
        return ""
    return (
        f"{claimed} classes, but {consistent} of {len(with_mean)} printed means are those of the "
        f"{printed} printed classes"
    )


def _check_best_means(claim: Claim, table: PublishedTable, facts: DatasetFacts) -> str:
    """Check in how many metrics the method has the highest mean."""
    metrics = [
        metric
        for metric, rows in table.rows_by_metric.items()
        if _is_best(rows, claim.subject, None)
    ]
    return _check_lead_count(claim, metrics, "means")


def _check_best_classes(claim: Claim, table: PublishedTable, facts: DatasetFacts) -> str:
    """Check in how many classes the method has the highest score."""
    rows = next(iter(table.rows_by_metric.values()))
    classes = [name for name in table.metadata.classes if _is_best(rows, claim.subject, name)]
    return _check_lead_count(claim, classes, "classes")


def _check_lead_count(claim: Claim, leads: Sequence[str], kind: str) -> str:
    (claimed,) = claim.values
    if len(leads) == claimed:
        return ""
    return f"{claim.subject} is best in {len(leads)} {kind}, not {claimed}: {', '.join(leads)}"


def _is_best(rows: Sequence[PublishedRow], method: str, column: str | None) -> bool:
    """Return whether only this method has the highest score in a column; None for the mean."""
    scores = {row.method: row.mean if column is None else row.cells[column] for row in rows}
    score = scores.pop(method)
    return score is not None and all(
        score > other for other in scores.values() if other is not None
    )


def _check_gain(claim: Claim, table: PublishedTable, facts: DatasetFacts) -> str:
    """Check that one comparison gives all claimed gains, within the rounding of the table."""
    possible = [
        [
            baseline
            for baseline, interval in compute_gain_intervals(rows, claim.subject).items()
            if interval.can_round_to(claimed)
        ]
        for rows, claimed in zip(table.rows_by_metric.values(), claim.values, strict=True)
    ]
    if set.intersection(*map(set, possible)):
        return ""
    parts = [
        f"{claimed} only {' or '.join(baselines) or 'from none'}"
        for claimed, baselines in zip(claim.values, possible, strict=True)
    ]
    return f"no single comparison in the table gives all of them: {'; '.join(parts)}"


def _compute_extreme_gain(
    means: Mapping[str, Decimal],
    method: str,
    names: Sequence[str],
    average: AverageFunction,
    sign: int,
) -> tuple[Decimal, Decimal]:
    """Compute the smallest (sign -1) or largest (+1) gain, relative in percent and in points.

    The method's mean is moved by its rounding error in one direction, all others in the opposite.
    """
    moved = {name: mean - sign * max_rounding_error(mean) for name, mean in means.items()}
    score = moved[method] = means[method] + sign * max_rounding_error(means[method])
    baseline = average([moved[name] for name in names])
    points = (score - baseline) * (100 if score <= 1 else 1)
    return (score / baseline - 1) * 100, points


def _mean(numbers: Sequence[Decimal]) -> Decimal:
    return sum(numbers, Decimal(0)) / len(numbers)


CHECKS: dict[str, Callable[[Claim, PublishedTable, DatasetFacts], str]] = {
    "count": _check_count,
    "thresholds": _check_thresholds,
    "gain": _check_gain,
    "best mean": _check_best_means,
    "best classes": _check_best_classes,
    "classes of the mean": _check_mean_class_count,
}
