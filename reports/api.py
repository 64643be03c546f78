"""Finished records of a folder of results as tables: `fusebench.load_results`.

There is no task file here. Records are grouped by what their specs share; the tables, intervals
and verdicts are those of the report.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

import pandas as pd

from fusebench.config import schema
from fusebench.errors import UserError
from fusebench.option_values import validate_model
from fusebench.runtime.unknown_names import suggest_names
from fusebench.storage.store import Store
from reports.document import equivalence, equivalence_text, selection, tidy_means
from reports.results import stored_records
from reports.results.score_index import index_scores
from reports.results.stored_records import StoredRecord
from reports.tables import tidy_scores

SCORE_COLUMNS = (
    *("task", "kind", "dataset", "setting", "source", "source_kind", "spec", "seed"),
    *("level", "condition", "class", "metric", "score", "unit", "better", "signature"),
    *(*tidy_scores.FACT_COLUMNS, "protocol"),
)
DIFFERENCE_COLUMNS = (
    *("task", "kind", "dataset", "setting", "source", "source_kind", "spec"),
    *("level", "condition", "class", "metric", "seeds", "mean", "mean_low", "mean_high"),
    *("compared_with", "difference", "low", "high", "p", "p_holm", "verdict", "unit", "better"),
    *("table", "protocol"),
)
EQUIVALENCE_COLUMNS = (
    *("task", "kind", "dataset", "setting"),
    *(name.replace(" ", "_").lower() for name in equivalence_text.CSV_COLUMNS),
)
RENAMED_COLUMNS = {  # of the report's table of means
    "low": "mean_low",
    "high": "mean_high",
    "compared with": "compared_with",
    "difference low": "low",
    "difference high": "high",
    "p Holm": "p_holm",
}


@dataclass(frozen=True)
class StoredResults:
    """All finished records of one folder of results.

    Attributes:
        store: The folder.
        entries: By task, setting, source (infrared and visible first), spec and seed.
    """

    store: Store
    entries: tuple[StoredRecord, ...]

    def scores(self) -> pd.DataFrame:
        """Tabulate every score of every record: columns `SCORE_COLUMNS`."""
        table = tidy_scores.build_dataframe([entry.record for entry in self.entries])
        described = [
            (entry.setting, *_describe(entry, location.metric))
            for entry in self.entries
            for location in index_scores(entry.record)  # in the order of the table
        ]
        names = ["setting", "source", "source_kind", "spec", "unit", "better"]
        columns = pd.DataFrame(described, columns=names)
        joined = table.drop(columns="source").rename(columns={"value": "score"}).join(columns)
        return joined[list(SCORE_COLUMNS)]

    def differences(self) -> pd.DataFrame:
        """Tabulate the differences to the better single sensor: columns `DIFFERENCE_COLUMNS`.

        Raises:
            UserError: If a file of a record is damaged, or a metric has another version now.
        """
        tables = [_build_differences(self.store, group) for group in self._list_groups()]
        return _concatenate(tables, DIFFERENCE_COLUMNS)

    def equivalence(
        self,
        margin: float = 1.0,
        *,
        reference: str | None = None,
        sources: Sequence[str] = (),
        metrics: Sequence[str] = (),
    ) -> pd.DataFrame:
        """Tabulate the equivalence tests of sources: columns `EQUIVALENCE_COLUMNS`.

        Raises:
            UserError: If an option is wrong, no record has a named source or metric, a file of a
                record is damaged, or a metric has another version now.
        """
        options = _validate_equivalence(margin, reference, sources, metrics)
        groups = self._list_groups()
        _check_names(groups, options)
        tables = [_build_equivalences(self.store, group, options) for group in groups]
        return _concatenate(tables, EQUIVALENCE_COLUMNS)

    def _list_groups(self) -> list[list[StoredRecord]]:
        """List the records of every setting."""
        return [list(group) for _, group in groupby(self.entries, stored_records.get_group_key)]


def load_results(folder: Path) -> StoredResults:
    """Load all finished records of a folder; see `fusebench.load_results`.

    Raises:
        UserError: If the folder does not exist, has no finished record, or one is damaged.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; name one that was given to --out")
    store = Store(folder)
    entries = stored_records.read_stored_records(store)
    if not entries:
        raise UserError(f"{folder}: no finished records; expected a folder like runs/")
    return StoredResults(store, entries)


def _describe(entry: StoredRecord, metric: str) -> tuple[str | None, ...]:
    """Return source, its kind, spec, and unit and direction of a metric; see `load_results`."""
    record, column = entry.record, entry.record.columns.get(metric)
    unit, better = (column.unit, column.better) if column else (None, None)
    return record.source, record.source_kind, entry.spec, unit, better


def _concatenate(tables: Sequence[pd.DataFrame], columns: Sequence[str]) -> pd.DataFrame:
    """Concatenate the tables that have rows."""
    filled = [table for table in tables if len(table)]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame(columns=list(columns))


def _validate_equivalence(
    margin: float, reference: str | None, sources: Sequence[str], metrics: Sequence[str]
) -> schema.EquivalenceOptions:
    options = {
        "margin": margin,
        "reference": reference,
        "sources": sources if isinstance(sources, str) else tuple(sources),
        "metrics": metrics if isinstance(metrics, str) else tuple(metrics),
    }
    return validate_model(schema.EquivalenceOptions, options, "equivalence")


def _check_names(
    groups: Sequence[Sequence[StoredRecord]], options: schema.EquivalenceOptions
) -> None:
    """Check that the records have the named sources and metrics.

    Raises:
        UserError: Naming the first that none has, a metric without intervals in points, or a source
            that has nothing to be compared with.
    """
    sources = {name: None for group in groups for name in stored_records.group_by_row(group)}
    columns = {
        name: column
        for group in groups
        for entry in group
        for name, column in entry.record.columns.items()
    }
    references = [] if options.reference is None else [options.reference]
    for wanted, known in (([*options.sources, *references], sources), (options.metrics, columns)):
        for name in wanted:
            if name not in known:
                raise UserError(f"equivalence: no record has {name!r}{suggest_names(name, known)}")
    if options.sources and len({*options.sources, *references}) == 1:
        raise UserError(
            f"equivalence: sources: {options.sources[0]!r} alone cannot be compared; name another"
        )
    for name in options.metrics:
        if not (columns[name].has_intervals and columns[name].is_in_points):
            raise UserError(
                f"equivalence: metrics: {name} has no intervals in points, so that no margin can "
                "be tested"
            )


def _build_equivalences(
    store: Store, entries: Sequence[StoredRecord], options: schema.EquivalenceOptions
) -> pd.DataFrame:
    """Tabulate the equivalence tests of one setting."""
    results = stored_records.collect_task_results(store, stored_records.group_by_row(entries))
    results = replace(results, equivalence=options)
    table = equivalence_text.build_dataframe(results, equivalence.compare_sources(results))
    table.columns = pd.Index(EQUIVALENCE_COLUMNS[4:])
    kind, task, dataset, setting = stored_records.get_group_key(entries[0])
    named = table.assign(task=task, kind=kind, dataset=dataset, setting=setting)
    return named[list(EQUIVALENCE_COLUMNS)]


def _build_differences(store: Store, entries: Sequence[StoredRecord]) -> pd.DataFrame:
    """Tabulate the differences of one setting, from the report's tables."""
    by_row = stored_records.group_by_row(entries)
    results = stored_records.collect_task_results(store, by_row)
    main_tables, collapsed_tables = selection.select_tables(results)
    table = tidy_means.build_dataframe([(results, [*main_tables, *collapsed_tables])])
    table = table[table["compared with"].notna()].rename(columns=RENAMED_COLUMNS)
    first = [by_row[name][0] for name in table["source"]]
    described = [_describe(*pair) for pair in zip(first, table["metric"], strict=True)]
    names = ["source", "source_kind", "spec", "unit", "better"]
    columns = pd.DataFrame(described, columns=names, index=table.index)
    joined = table.drop(columns="source").join(columns).assign(setting=entries[0].setting)
    return joined[list(DIFFERENCE_COLUMNS)]
