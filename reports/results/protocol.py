"""Protocol of a task: the facts needed to reproduce its numbers, printed under each table."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pandas as pd

from fusebench.data.pairs import CAUTION_PREFIX
from fusebench.storage import hashing
from fusebench.storage.records import Record, Scalar
from reports.results.task_results import TaskResults

KEY_DIGITS = 8  # of a hash; a report has few different protocols
# May differ between the sources of a task.
SOURCE_DEPENDENT_FACTS = ("color", "ensemble", "predictions", "boxes beyond the edge")
ENSEMBLE = "ensemble"  # the fact that says how predictions are combined
NOT_RECORDED = "not recorded"  # value of a fact that a record lacks


@dataclass(frozen=True)
class TaskProtocol:
    """Protocol facts of all records of one task.

    Attributes:
        common_facts: Facts with the same value in all records, in the order of the records.
        differing_facts: Other facts: name to source to value.
        warnings: Facts that make rows hard to compare, or scores too high.
    """

    common_facts: Mapping[str, str]
    differing_facts: Mapping[str, Mapping[str, str]]
    warnings: tuple[str, ...]

    @property
    def common_line(self) -> str:
        """The common facts in one line."""
        return "; ".join(f"{name}: {value}" for name, value in self.common_facts.items())


def collect_protocol(results: TaskResults) -> TaskProtocol:
    """Collect the protocol facts of the finished records of a task."""
    facts_of_records = [(record.source, list_facts(record)) for record in results.records]
    names = list(dict.fromkeys(name for _, facts in facts_of_records for name in facts))
    common: dict[str, str] = {}
    differing: dict[str, dict[str, str]] = {}
    for name in names:
        values = {facts.get(name, NOT_RECORDED) for _, facts in facts_of_records}
        if len(values) == 1:
            common[name] = values.pop()
        else:
            differing[name] = _group_by_source(name, facts_of_records)
    common["seeds"] = _format_seeds(results)
    if results.bootstrap and results.equivalence_metrics:
        common["equivalence"] = _format_equivalence(results)
    return TaskProtocol(common, differing, tuple(_collect_warnings(results, differing)))


def list_facts(record: Record) -> dict[str, str]:
    """List the protocol facts of one record as text, in the order they are printed."""
    facts = {name: _format_value(value) for name, value in record.protocol.items()}
    facts["device"] = str(record.provenance.get("device", NOT_RECORDED))
    versions = record.provenance.get("versions") or {}
    facts["versions"] = ", ".join(f"{name} {version}" for name, version in versions.items())
    return facts


def compute_key(record: Record) -> str:
    """Hash the protocol facts of a record; equal facts have equal keys."""
    return hashing.content_hash(list_facts(record))[:KEY_DIGITS]


def build_dataframe(records: Iterable[Record]) -> pd.DataFrame:
    """Tabulate the protocols of records, one row per fact: ``protocol``, ``field``, ``value``.

    ``protocol`` is the `compute_key`.
    """
    facts_by_key = {compute_key(record): list_facts(record) for record in records}
    rows = [
        (key, name, value) for key, facts in facts_by_key.items() for name, value in facts.items()
    ]
    return pd.DataFrame(rows, columns=["protocol", "field", "value"])


def _format_value(value: Scalar) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else str(value)


def _group_by_source(
    name: str, facts_of_records: list[tuple[str, dict[str, str]]]
) -> dict[str, str]:
    """Return the values of one fact by source; several of one source are joined by bars."""
    values: dict[str, list[str]] = {}
    for source, facts in facts_of_records:
        if name == ENSEMBLE and name not in facts:  # other sources combine nothing
            continue
        values.setdefault(source, []).append(facts.get(name, NOT_RECORDED))
    return {source: " | ".join(dict.fromkeys(texts)) for source, texts in values.items()}


def _format_seeds(results: TaskResults) -> str:
    seeds = {record.seed for record in results.records if record.seed is not None}
    return ", ".join(map(str, sorted(seeds))) or "none (nothing is trained)"


def _format_equivalence(results: TaskResults) -> str:
    """Describe what the equivalence tests compare, e.g. ``margin 1 point of mIoU, all pairs``."""
    options = results.equivalence
    titles = ", ".join(results.columns[metric].mean_title for metric in results.equivalence_metrics)
    pairs = "all pairs" if options.reference is None else f"against {options.reference}"
    if options.sources:
        pairs += f" of {', '.join(options.sources)}"
    return f"margin {results.equivalence_margin_text} of {titles}, {pairs}"


def _collect_warnings(results: TaskResults, differing: Mapping[str, object]) -> list[str]:
    warnings = []
    if results.is_simulated:
        warnings.append("simulated: the images were drawn by a program, not taken by cameras.")
    if any(record.protocol.get("split leaks") for record in results.records):
        warnings.append(
            "the split leaks: neighboring frames are in train and test, so scores are too good."
        )
    recorded = {
        f"{name.removeprefix(CAUTION_PREFIX)}: {value}."
        for record in results.records
        for name, value in record.protocol.items()
        if name.startswith(CAUTION_PREFIX)
    }
    warnings += sorted(recorded)
    unexpected = [
        name
        for name in differing
        if name not in SOURCE_DEPENDENT_FACTS and not name.startswith(CAUTION_PREFIX)
    ]
    if unexpected:
        warnings.append(
            f"the protocols of the rows differ in {', '.join(unexpected)} (listed below); "
            "compare with care."
        )
    return warnings
