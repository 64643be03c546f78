"""Checks of what a paper says about its table: counts, thresholds, headline gains, bests.

``published/claims.csv`` has one line per claim: which table, which check, the number that is said,
what it is said of, and the words. ``published/facts.csv`` has what is known of the data sets.
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
    """One line of ``claims.csv``; its numbers as they are said."""

    table: str
    check: str
    values: tuple[Decimal, ...]
    subject: str
    quote: str


@dataclass(frozen=True)
class RoundingInterval:
    """All that the number behind a printed one, or one made from such numbers, can be."""

    low: Decimal
    high: Decimal

    def can_round_to(self, said: Decimal) -> bool:
        """Whether a number in it rounds to what is said."""
        return (
            self.low <= said + max_rounding_error(said)
            and said - max_rounding_error(said) <= self.high
        )


def read_claims_and_facts(
    folder: Path = TABLES_FOLDER,
) -> tuple[list[Claim], dict[tuple[str, str], Decimal]]:
    """The claims, and the facts about data sets.

    Raises:
        UserError: If a file is damaged or a claim asks for a check that is not there.
    """
    path = folder / "claims.csv"
    claims = [
        Claim(
            line["table"],
            line["check"],
            tuple(parse_number(word, f"{path}: {line['table']}") for word in line["said"].split()),
            line["against"],
            line["quote"],
        )
        for line in read_csv_rows(path)
    ]
    unknown = {claim.check for claim in claims} - set(CHECKS)
    if unknown:
        raise UserError(
            f"{path}: no check {', '.join(sorted(unknown))}; there is {', '.join(CHECKS)}"
        )
    known = folder / "facts.csv"
    return claims, {
        (fact["dataset"], fact["quantity"]): parse_number(
            fact["value"], f"{known}: {fact['quantity']}"
        )
        for fact in read_csv_rows(known)
    }


def collect_findings(
    tables: Sequence[PublishedTable], claims: Sequence[Claim], facts: DatasetFacts
) -> list[Finding]:
    """The claims that do not hold.

    Raises:
        UserError: If a claim is about a table that is not there.
    """
    by_name = {table.name: table for table in tables}
    found = []
    for claim in claims:
        if claim.table not in by_name:
            raise UserError(f"claims.csv: no table is called {claim.table}")
        table = by_name[claim.table]
        wrong = CHECKS[claim.check](claim, table, facts)
        if wrong:
            said = f'"{claim.quote}": {wrong}'
            found.append(Finding(table.name, claim.check, "", "", (), said, table.metadata.by_eye))
    return found


def _check_count(claim: Claim, table: PublishedTable, facts: DatasetFacts) -> str:
    dataset = table.metadata.tags["dataset"]
    known = facts.get((dataset, claim.subject))
    if known is None:
        raise UserError(f"facts.csv: nothing about the {claim.subject} of {dataset}")
    (said,) = claim.values
    return "" if said == known else f"{said} {claim.subject}, but {dataset} has {known}"


def _check_thresholds(claim: Claim, table: PublishedTable, facts: DatasetFacts) -> str:
    """Whether steps from the first threshold meet the last, and the table's head says the same."""
    first, last, step = claim.values
    wrong = []
    if (last - first) % step:
        wrong.append(f"steps of {step} from {first} never meet {last}")
    if f"[{first}:{last}]" not in claim.subject:
        wrong.append(f"the table is headed {claim.subject}")
    return "; ".join(wrong)


def _check_mean_class_count(claim: Claim, table: PublishedTable, facts: DatasetFacts) -> str:
    """Whether the printed means are over as many classes as the text has."""
    (said,) = claim.values
    shown = len(table.metadata.classes)
    made = [row for row in table.rows if row.mean is not None and recompute_mean(row)]
    plain = sum(not is_mean_inconsistent(row) for row in made)
    if shown == said or not plain:
        return ""
    return (
        f"{said} classes, but {plain} of {len(made)} printed means are those of the {shown} shown"
    )


def _check_best_means(claim: Claim, table: PublishedTable, facts: DatasetFacts) -> str:
    """In how many metrics the method has the highest mean."""
    leads = [m for m, rows in table.rows_by_metric.items() if _is_best(rows, claim.subject, None)]
    return _check_lead_count(claim, leads, "means")


def _check_best_classes(claim: Claim, table: PublishedTable, facts: DatasetFacts) -> str:
    """In how many classes the method has the highest number."""
    rows = next(iter(table.rows_by_metric.values()))
    leads = [name for name in table.metadata.classes if _is_best(rows, claim.subject, name)]
    return _check_lead_count(claim, leads, "classes")


def _check_lead_count(claim: Claim, leads: Sequence[str], of: str) -> str:
    (said,) = claim.values
    if len(leads) == said:
        return ""
    return f"{claim.subject} is best in {len(leads)} {of}, not {said}: {', '.join(leads)}"


def _is_best(rows: Sequence[PublishedRow], method: str, column: str | None) -> bool:
    scores = {row.method: row.mean if column is None else row.cells[column] for row in rows}
    mine = scores.pop(method)
    return mine is not None and all(mine > other for other in scores.values() if other is not None)


def _check_gain(claim: Claim, table: PublishedTable, facts: DatasetFacts) -> str:
    """Whether one comparison gives all gains that are said, rounding of the table allowed for."""
    fitting = [
        [
            way
            for way, bound in compute_gain_intervals(rows, claim.subject).items()
            if bound.can_round_to(said)
        ]
        for rows, said in zip(table.rows_by_metric.values(), claim.values, strict=True)
    ]
    if set.intersection(*map(set, fitting)):
        return ""
    parts = [
        f"{said} only {' or '.join(ways) or 'from none'}"
        for said, ways in zip(claim.values, fitting, strict=True)
    ]
    return f"no one comparison of the table gives all of them: {'; '.join(parts)}"


def compute_gain_intervals(
    rows: Sequence[PublishedRow], method: str
) -> dict[str, RoundingInterval]:
    """What a method gains in the mean on everything it may have been compared with, in words.

    Relative to it in per cent, and in points: each other row, and the mean and the median of the
    others, of the other fusions, of the single sensors and of all rows.
    """
    means = {row.method: row.mean for row in rows if row.mean is not None}
    others = [name for name in means if name != method]
    groups = {
        "the others": others,
        "the other fusions": [name for name in others if name not in SINGLE_SENSORS],
        "the single sensors": [name for name in others if name in SINGLE_SENSORS],
        "all rows, its own among them": list(means),
    }
    compared: dict[str, tuple[list[str], AverageFunction]] = {
        f"against {name}": ([name], _mean) for name in others
    }
    for words, names in groups.items():
        if names:
            compared[f"against the mean of {words}"] = (names, _mean)
            compared[f"against the median of {words}"] = (names, median)
    found = {}
    for words, (names, middle) in compared.items():
        low, high = (_compute_extreme_gain(means, method, names, middle, sign) for sign in (-1, 1))
        found[f"{words} (relative)"] = RoundingInterval(low[0], high[0])
        found[f"{words} (points)"] = RoundingInterval(low[1], high[1])
    return found


def _compute_extreme_gain(
    means: Mapping[str, Decimal],
    method: str,
    names: Sequence[str],
    middle: AverageFunction,
    sign: int,
) -> tuple[Decimal, Decimal]:
    """The smallest (sign -1) or largest (+1) gain that the printed means allow."""
    moved = {name: mean - sign * max_rounding_error(mean) for name, mean in means.items()}
    mine = moved[method] = means[method] + sign * max_rounding_error(means[method])
    base = middle([moved[name] for name in names])
    points = (mine - base) * (100 if mine <= 1 else 1)
    return (mine / base - 1) * 100, points


def _mean(numbers: Sequence[Decimal]) -> Decimal:
    return sum(numbers, Decimal(0)) / len(numbers)


CHECKS: dict[str, Callable[[Claim, PublishedTable, DatasetFacts], str]] = {
    "count": _check_count,
    "thresholds": _check_thresholds,
    "gain": _check_gain,
    "best mean": _check_best_means,
    "best classes": _check_best_classes,
    "mean over": _check_mean_class_count,
}
