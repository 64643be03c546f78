"""Checks of what a paper says about its table: counts, thresholds, headline gains, bests.

``published/claims.csv`` has one line per claim: which table, which check, the number that is said,
what it is said of, and the words. ``published/facts.csv`` has what is known of the data sets.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from statistics import median

from bench.errors import BenchError
from reports.papers.audit_rows import Finding, half_unit, mean_is_off, recomputed
from reports.papers.published import FOLDER, Published, Row, number, rows_of

SINGLE = ("infrared", "visible")
Middle = Callable[[Sequence[Decimal]], Decimal]
Facts = Mapping[tuple[str, str], Decimal]  # (data set, quantity)


@dataclass(frozen=True)
class Claim:
    """One line of ``claims.csv``; its numbers as they are said."""

    table: str
    check: str
    said: tuple[Decimal, ...]
    against: str
    quote: str


@dataclass(frozen=True)
class Bound:
    """All that the number behind a printed one, or one made from such numbers, can be."""

    low: Decimal
    high: Decimal

    def can_be(self, said: Decimal) -> bool:
        """Whether a number in it rounds to what is said."""
        return self.low <= said + half_unit(said) and said - half_unit(said) <= self.high


def read(folder: Path = FOLDER) -> tuple[list[Claim], dict[tuple[str, str], Decimal]]:
    """The claims, and the facts about data sets.

    Raises:
        BenchError: If a file is damaged or a claim asks for a check that is not there.
    """
    path = folder / "claims.csv"
    claims = [
        Claim(
            line["table"],
            line["check"],
            tuple(number(word, f"{path}: {line['table']}") for word in line["said"].split()),
            line["against"],
            line["quote"],
        )
        for line in rows_of(path)
    ]
    unknown = {claim.check for claim in claims} - set(CHECKS)
    if unknown:
        raise BenchError(
            f"{path}: no check {', '.join(sorted(unknown))}; there is {', '.join(CHECKS)}"
        )
    known = folder / "facts.csv"
    return claims, {
        (fact["dataset"], fact["quantity"]): number(fact["value"], f"{known}: {fact['quantity']}")
        for fact in rows_of(known)
    }


def findings(tables: Sequence[Published], claims: Sequence[Claim], facts: Facts) -> list[Finding]:
    """The claims that do not hold.

    Raises:
        BenchError: If a claim is about a table that is not there.
    """
    by_name = {table.name: table for table in tables}
    found = []
    for claim in claims:
        if claim.table not in by_name:
            raise BenchError(f"claims.csv: no table is called {claim.table}")
        table = by_name[claim.table]
        wrong = CHECKS[claim.check](claim, table, facts)
        if wrong:
            said = f'"{claim.quote}": {wrong}'
            found.append(Finding(table.name, claim.check, "", "", (), said, table.head.by_eye))
    return found


def _count(claim: Claim, table: Published, facts: Facts) -> str:
    dataset = table.head.tags["dataset"]
    known = facts.get((dataset, claim.against))
    if known is None:
        raise BenchError(f"facts.csv: nothing about the {claim.against} of {dataset}")
    (said,) = claim.said
    return "" if said == known else f"{said} {claim.against}, but {dataset} has {known}"


def _thresholds(claim: Claim, table: Published, facts: Facts) -> str:
    """Whether steps from the first threshold meet the last, and the table's head says the same."""
    first, last, step = claim.said
    wrong = []
    if (last - first) % step:
        wrong.append(f"steps of {step} from {first} never meet {last}")
    if f"[{first}:{last}]" not in claim.against:
        wrong.append(f"the table is headed {claim.against}")
    return "; ".join(wrong)


def _mean_over(claim: Claim, table: Published, facts: Facts) -> str:
    """Whether the printed means are over as many classes as the text has."""
    (said,) = claim.said
    shown = len(table.head.classes)
    made = [row for row in table.rows if row.mean is not None and recomputed(row)]
    plain = sum(not mean_is_off(row) for row in made)
    if shown == said or not plain:
        return ""
    return (
        f"{said} classes, but {plain} of {len(made)} printed means are those of the {shown} shown"
    )


def _best_mean(claim: Claim, table: Published, facts: Facts) -> str:
    """In how many metrics the method has the highest mean."""
    leads = [m for m, rows in table.by_metric.items() if _leads(rows, claim.against, None)]
    return _how_many(claim, leads, "means")


def _best_classes(claim: Claim, table: Published, facts: Facts) -> str:
    """In how many classes the method has the highest number."""
    rows = next(iter(table.by_metric.values()))
    leads = [name for name in table.head.classes if _leads(rows, claim.against, name)]
    return _how_many(claim, leads, "classes")


def _how_many(claim: Claim, leads: Sequence[str], of: str) -> str:
    (said,) = claim.said
    if len(leads) == said:
        return ""
    return f"{claim.against} is best in {len(leads)} {of}, not {said}: {', '.join(leads)}"


def _leads(rows: Sequence[Row], method: str, column: str | None) -> bool:
    scores = {row.method: row.mean if column is None else row.cells[column] for row in rows}
    mine = scores.pop(method)
    return mine is not None and all(mine > other for other in scores.values() if other is not None)


def _gain(claim: Claim, table: Published, facts: Facts) -> str:
    """Whether one comparison gives all gains that are said, rounding of the table allowed for."""
    fitting = [
        [way for way, bound in gains(rows, claim.against).items() if bound.can_be(said)]
        for rows, said in zip(table.by_metric.values(), claim.said, strict=True)
    ]
    if set.intersection(*map(set, fitting)):
        return ""
    parts = [
        f"{said} only {' or '.join(ways) or 'from none'}"
        for said, ways in zip(claim.said, fitting, strict=True)
    ]
    return f"no one comparison of the table gives all of them: {'; '.join(parts)}"


def gains(rows: Sequence[Row], method: str) -> dict[str, Bound]:
    """What a method gains in the mean on everything it may have been compared with, in words.

    Relative to it in per cent, and in points: each other row, and the mean and the median of the
    others, of the other fusions, of the single sensors and of all rows.
    """
    means = {row.method: row.mean for row in rows if row.mean is not None}
    others = [name for name in means if name != method]
    groups = {
        "the others": others,
        "the other fusions": [name for name in others if name not in SINGLE],
        "the single sensors": [name for name in others if name in SINGLE],
        "all rows, its own among them": list(means),
    }
    compared: dict[str, tuple[list[str], Middle]] = {
        f"against {name}": ([name], _mean) for name in others
    }
    for words, names in groups.items():
        if names:
            compared[f"against the mean of {words}"] = (names, _mean)
            compared[f"against the median of {words}"] = (names, median)
    found = {}
    for words, (names, middle) in compared.items():
        low, high = (_gain_of(means, method, names, middle, sign) for sign in (-1, 1))
        found[f"{words} (relative)"] = Bound(low[0], high[0])
        found[f"{words} (points)"] = Bound(low[1], high[1])
    return found


def _gain_of(
    means: Mapping[str, Decimal],
    method: str,
    names: Sequence[str],
    middle: Middle,
    sign: int,
) -> tuple[Decimal, Decimal]:
    """The smallest (sign -1) or largest (+1) gain that the printed means allow."""
    moved = {name: mean - sign * half_unit(mean) for name, mean in means.items()}
    mine = moved[method] = means[method] + sign * half_unit(means[method])
    base = middle([moved[name] for name in names])
    points = (mine - base) * (100 if mine <= 1 else 1)
    return (mine / base - 1) * 100, points


def _mean(numbers: Sequence[Decimal]) -> Decimal:
    return sum(numbers, Decimal(0)) / len(numbers)


CHECKS: dict[str, Callable[[Claim, Published, Facts], str]] = {
    "count": _count,
    "thresholds": _thresholds,
    "gain": _gain,
    "best mean": _best_mean,
    "best classes": _best_classes,
    "mean over": _mean_over,
}
