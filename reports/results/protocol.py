"""The protocol line under every table: what a reader needs to repeat or doubt its numbers."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pandas as pd

from fusebench.storage import hashing
from fusebench.storage.records import Record, Scalar
from reports.results.task_results import TaskResults

WARNING_PREFIX = "caution: "  # facts that are warnings, of all rows or of some
KEY_DIGITS = 8  # of a key: ample for the few that a report has
SOURCE_DEPENDENT_FACTS = (
    "color",
    "predictions",
)  # facts that are allowed to differ between the sources of a task


@dataclass(frozen=True)
class TaskProtocol:
    """The facts of all records of one task.

    Attributes:
        common: Facts that are the same in all records, in the order of the records.
        differing: Fact to source to what it is there, for facts that are not.
        warnings: What makes the rows hard to compare, or the numbers too good.
    """

    common_facts: Mapping[str, str]
    differing_facts: Mapping[str, Mapping[str, str]]
    warnings: tuple[str, ...]

    @property
    def common_line(self) -> str:
        """The common facts in one line."""
        return "; ".join(f"{name}: {value}" for name, value in self.common_facts.items())


def collect_protocol(results: TaskResults) -> TaskProtocol:
    """What the finished records of a task say about how they were made."""
    found = [(record.source, list_facts(record)) for record in results.records]
    names = list(dict.fromkeys(name for _, said in found for name in said))
    common: dict[str, str] = {}
    differing: dict[str, dict[str, str]] = {}
    for name in names:
        values = {facts.get(name, "not said") for _, facts in found}
        if len(values) == 1:
            common[name] = values.pop()
        else:
            differing[name] = _group_by_source(name, found)
    common["seeds"] = _format_seeds(results)
    return TaskProtocol(common, differing, tuple(_collect_warnings(results, differing)))


def list_facts(record: Record) -> dict[str, str]:
    """What one record says about how it was made, in words, in the order it is printed."""
    said = {name: _format_value(value) for name, value in record.protocol.items()}
    said["device"] = str(record.provenance.get("device", "not said"))
    versions = record.provenance.get("versions") or {}
    said["versions"] = ", ".join(f"{name} {number}" for name, number in versions.items())
    return said


def compute_key(record: Record) -> str:
    """Digest of what a record says about how it was made, the same where the facts are."""
    return hashing.content_hash(list_facts(record))[:KEY_DIGITS]


def build_dataframe(records: Iterable[Record]) -> pd.DataFrame:
    """The facts by their `compute_key`, one row per fact: ``protocol``, ``field``, ``value``."""
    made = {compute_key(record): list_facts(record) for record in records}
    rows = [(mine, name, value) for mine, said in made.items() for name, value in said.items()]
    return pd.DataFrame(rows, columns=["protocol", "field", "value"])


def _format_value(value: Scalar) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else str(value)


def _group_by_source(name: str, found: list[tuple[str, dict[str, str]]]) -> dict[str, str]:
    said: dict[str, list[str]] = {}
    for source, facts in found:
        said.setdefault(source, []).append(facts.get(name, "not said"))
    return {source: " | ".join(dict.fromkeys(values)) for source, values in said.items()}


def _format_seeds(results: TaskResults) -> str:
    seeds = {record.seed for record in results.records if record.seed is not None}
    return ", ".join(map(str, sorted(seeds))) or "none (nothing is trained)"


def _collect_warnings(results: TaskResults, differing: Mapping[str, object]) -> list[str]:
    said = []
    if results.is_simulated:
        said.append("simulated: the images were drawn by a program, not taken by cameras.")
    if any(record.protocol.get("split leaks") for record in results.records):
        said.append(
            "the split leaks: neighboring frames are in train and test, so scores are too good."
        )
    told = {
        f"{name.removeprefix(WARNING_PREFIX)}: {value}."
        for record in results.records
        for name, value in record.protocol.items()
        if name.startswith(WARNING_PREFIX)
    }
    said += sorted(told)
    odd = [
        name
        for name in differing
        if name not in SOURCE_DEPENDENT_FACTS and not name.startswith(WARNING_PREFIX)
    ]
    if odd:
        said.append(
            f"rows were not made alike: {', '.join(odd)} differ{'s' if len(odd) == 1 else ''} "
            "between records (listed below); compare with care."
        )
    return said
