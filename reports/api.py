"""Finished records of a folder of results as tables: `fusebench.load_results`.

There is no task file here. Records are grouped by what their specs share; the tables, intervals
and verdicts are those of the report.
"""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

import pandas as pd

from fusebench.config import schema
from fusebench.errors import UserError
from fusebench.option_values import validate_model
from fusebench.runtime import progress
from fusebench.runtime.unknown_names import suggest_names
from fusebench.storage import hashing, records
from fusebench.storage.records import Record
from fusebench.storage.store import Store
from reports.document import equivalence, equivalence_text, selection, tidy_means
from reports.results import bootstrap_cache, bootstrap_scores, bootstrap_scoring
from reports.results.bootstrap_scores import BootstrapScores, TaskBootstrap
from reports.results.score_index import index_scores
from reports.results.task_results import SINGLE_SENSOR_KINDS, SourceResults, TaskResults
from reports.tables import tidy_scores

DIGEST_LENGTH = 8  # hex digits; one folder has few settings
SHARED_TRAINING_PREFIX = "trained on "  # of the protocol of a model that all sources share
MADE_ELSEWHERE = "made elsewhere"  # protocol of external predictions (prediction files of the user)
PER_SOURCE_OPTIONS = ("file", "images", "folder")  # options that name their files
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
class StoredRecord:
    """A finished record and its folder.

    Attributes:
        record: The record.
        folder: Where it is stored.
        setting: Digest of the parts of the spec that all records of one comparison share.
        spec: Digest of everything that decides the scores, without the seed.
    """

    record: Record
    folder: Path
    setting: str
    spec: str


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
        tables = [
            _build_differences(self.store, list(group))
            for _, group in groupby(self.entries, key=lambda entry: _get_group_key(entry))
        ]
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
            UserError: If an option is wrong, no record is of a named source, a file of a record is
                damaged, or a metric has another version now.
        """
        options = _validate_equivalence(margin, reference, sources, metrics)
        groups = [
            list(group)
            for _, group in groupby(self.entries, key=lambda entry: _get_group_key(entry))
        ]
        names = {name: None for group in groups for name in _group_by_row(group)}
        columns = {name: None for entry in self.entries for name in entry.record.columns}
        named_sources = [*sources, *([] if reference is None else [reference])]
        for wanted, known in ((named_sources, names), (metrics, columns)):
            for name in wanted:
                if name not in known:
                    hint = suggest_names(name, known)
                    raise UserError(f"equivalence: no record has {name!r}{hint}")
        tables = [_build_equivalences(self.store, group, options) for group in groups]
        return _concatenate(tables, EQUIVALENCE_COLUMNS)


def load_results(folder: Path) -> StoredResults:
    """Load all finished records of a folder; see `fusebench.load_results`.

    Raises:
        UserError: If the folder does not exist, has no finished record, or one is damaged.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; name one that was given to --out")
    store = Store(folder)
    entries = []
    for kind in schema.TASK_CLASSES:
        for result in store.iterate_finished(kind):
            record = records.read_record(result.path / "record.json")
            setting, spec = compute_setting(record.spec), compute_seedless_digest(record.spec)
            entries.append(StoredRecord(record, result.path, setting, spec))
    if not entries:
        raise UserError(f"{folder}: no finished records; expected a folder like runs/")
    return StoredResults(store, tuple(sorted(entries, key=_get_sort_key)))


def compute_setting(spec: Mapping[str, Any]) -> str:
    """Compute the digest of the parts of a spec that all sources and seeds of a comparison share.

    Left out are the seed and everything that is specific to a source: how its images were fused,
    and the file names of external predictions.
    """
    shared = _drop_seed(spec)
    protocol = str(spec.get("protocol", ""))
    if "images" in shared:  # a quality task
        shared["images"] = _reduce_images(shared["images"])
    if "predicted" in shared:
        predicted, trained = shared["predicted"], shared["predicted"]["trained"]
        predicted["images"] = _reduce_images(predicted["images"])
        if "images" in trained and not protocol.startswith(SHARED_TRAINING_PREFIX):
            trained["images"] = _reduce_images(trained["images"])
        if protocol == MADE_ELSEWHERE:
            del trained["dependencies"]
            # Older records have the options with the training, as if there was one.
            for options in (trained["options"], predicted["predict"].get("options", {})):
                for name in PER_SOURCE_OPTIONS:
                    options.pop(name, None)
    return hashing.content_hash(shared)[:DIGEST_LENGTH]


def compute_seedless_digest(spec: Mapping[str, Any]) -> str:
    """Compute the digest of a spec without its seed: equal for the seeds of one source."""
    return hashing.content_hash(_drop_seed(spec))[:DIGEST_LENGTH]


def _drop_seed(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Copy a spec without the seed of the training."""
    copied = deepcopy(dict(spec))
    copied.get("predicted", {}).get("trained", {}).pop("seed", None)
    return copied


def _reduce_images(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Reduce the spec of a source's images to the data set and its pairs."""
    return {name: spec[name] for name in ("dataset", "pairs") if name in spec}


def _get_group_key(entry: StoredRecord) -> tuple[str, ...]:
    """Return the values that all records of one comparison share."""
    record = entry.record
    return record.kind, record.task, record.dataset, entry.setting


def _get_sort_key(entry: StoredRecord) -> tuple[Any, ...]:
    record = entry.record
    kinds = SINGLE_SENSOR_KINDS
    rank = kinds.index(record.source_kind) if record.source_kind in kinds else len(kinds)
    seed = -1 if record.seed is None else record.seed
    return *_get_group_key(entry), rank, record.source, entry.spec, seed


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
        "sources": tuple(sources),
        "metrics": tuple(metrics),
    }
    return validate_model(schema.EquivalenceOptions, options, "equivalence")


def _build_equivalences(
    store: Store, entries: Sequence[StoredRecord], options: schema.EquivalenceOptions
) -> pd.DataFrame:
    """Tabulate the equivalence tests of one setting."""
    results = _collect_task_results(store, _group_by_row(entries))
    results = replace(results, equivalence=options)
    table = equivalence_text.build_dataframe(results, equivalence.compare_sources(results))
    table.columns = pd.Index(EQUIVALENCE_COLUMNS[4:])
    kind, task, dataset, setting = _get_group_key(entries[0])
    named = table.assign(task=task, kind=kind, dataset=dataset, setting=setting)
    return named[list(EQUIVALENCE_COLUMNS)]


def _group_by_row(entries: Sequence[StoredRecord]) -> dict[str, list[StoredRecord]]:
    """Group the records of one setting by the name of their row in a table."""
    by_row: dict[str, list[StoredRecord]] = {}
    specs_by_source: dict[str, set[str]] = {}
    for entry in entries:
        specs_by_source.setdefault(entry.record.source, set()).add(entry.spec)
    for entry in entries:
        # Rows of a table are named after their source; one with several specs has several rows.
        name = entry.record.source
        row_name = name if len(specs_by_source[name]) == 1 else f"{name} ({entry.spec})"
        by_row.setdefault(row_name, []).append(entry)
    return by_row


def _collect_task_results(
    store: Store, by_row: Mapping[str, Sequence[StoredRecord]]
) -> TaskResults:
    """Collect the results of one setting from its records by row."""
    sources = []
    for row_name, row_entries in by_row.items():
        row_records = tuple(entry.record for entry in row_entries)
        seeds = tuple(record.seed for record in row_records)
        source_kind = row_records[0].source_kind
        sources.append(SourceResults(row_name, source_kind, seeds, row_records, command=""))
    kind, task, dataset, _ = _get_group_key(next(iter(by_row.values()))[0])
    return TaskResults(task, kind, dataset, tuple(sources), _collect_bootstrap(store, by_row))


def _build_differences(store: Store, entries: Sequence[StoredRecord]) -> pd.DataFrame:
    """Tabulate the differences of one setting, from the report's tables."""
    by_row = _group_by_row(entries)
    results = _collect_task_results(store, by_row)
    main_tables, collapsed_tables = selection.select_tables(results)
    table = tidy_means.build_dataframe([(results, [*main_tables, *collapsed_tables])])
    table = table[table["compared with"].notna()].rename(columns=RENAMED_COLUMNS)
    first = [by_row[name][0] for name in table["source"]]
    described = [_describe(*pair) for pair in zip(first, table["metric"], strict=True)]
    names = ["source", "source_kind", "spec", "unit", "better"]
    columns = pd.DataFrame(described, columns=names, index=table.index)
    joined = table.drop(columns="source").join(columns).assign(setting=entries[0].setting)
    return joined[list(DIFFERENCE_COLUMNS)]


def _collect_bootstrap(
    store: Store, by_row: Mapping[str, Sequence[StoredRecord]]
) -> TaskBootstrap | None:
    """Read the bootstrap scores of records by row; missing ones are computed and stored."""
    pending = [
        entry
        for entries in by_row.values()
        for entry in entries
        if _find_bootstrap_folder(store, entry) is None
        and bootstrap_scoring.has_bootstrap_inputs(entry.record, entry.folder)
    ]
    if pending:
        for entry in progress.track_progress(pending, f"resample {pending[0].record.task}"):
            _compute_bootstrap(store, entry)
    collected = TaskBootstrap(
        {
            row_name: tuple(_read_bootstrap(store, entry) for entry in entries)
            for row_name, entries in by_row.items()
        }
    )
    return collected if collected.first_scores else None


def _get_bootstrap_label(entry: StoredRecord) -> str:
    """Return the label of the record's folder, without the hash; the report uses the same."""
    return entry.folder.name.rpartition("-")[0]


def _find_bootstrap_folder(store: Store, entry: StoredRecord) -> Path | None:
    spec = bootstrap_cache.build_spec(entry.record.spec)
    return store.find_finished(bootstrap_cache.STORE_KIND, _get_bootstrap_label(entry), spec)


def _read_bootstrap(store: Store, entry: StoredRecord) -> BootstrapScores | None:
    folder = _find_bootstrap_folder(store, entry)
    return None if folder is None else bootstrap_scores.read_bootstrap_scores(folder)


def _compute_bootstrap(store: Store, entry: StoredRecord) -> None:
    def write_scores(folder: Path) -> None:
        scores = bootstrap_scoring.compute_bootstrap_scores(
            entry.record, entry.folder, entry.record.classes
        )
        assert scores is not None  # its input files were checked
        bootstrap_scores.write_bootstrap_scores(folder, scores)

    spec = bootstrap_cache.build_spec(entry.record.spec)
    label = _get_bootstrap_label(entry)
    store.get_or_create(bootstrap_cache.STORE_KIND, label, spec, write_scores)
