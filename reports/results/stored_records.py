"""Finished records of a folder of results, grouped by what their specs share, and their results.

There is no task file here: records are of one comparison (a setting) if their specs differ only in
the seed and in how the images of their source were made.
"""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fusebench.config import schema
from fusebench.experiments import specs
from fusebench.runtime import progress
from fusebench.storage import hashing, records
from fusebench.storage.records import Record
from fusebench.storage.store import Store
from reports.results import bootstrap_cache, bootstrap_scores, bootstrap_scoring
from reports.results.bootstrap_scores import BootstrapScores, TaskBootstrap
from reports.results.task_results import SINGLE_SENSOR_KINDS, SourceResults, TaskResults

DIGEST_LENGTH = 8  # hex digits; one folder has few settings
SHARED_TRAINING_PREFIX = "trained on "  # of the protocol of a model that all sources share
MADE_ELSEWHERE = "made elsewhere"  # protocol of external predictions (prediction files of the user)
PER_SOURCE_OPTIONS = ("file", "images", "folder")  # options that name their files


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


def read_stored_records(store: Store) -> tuple[StoredRecord, ...]:
    """Read all finished records: by task, setting, source (sensors first), spec and seed.

    Raises:
        UserError: If a record is damaged.
    """
    entries = []
    for kind in schema.TASK_CLASSES:
        for result in store.iterate_finished(kind):
            record = records.read_record(result.path / "record.json")
            setting, spec = compute_setting(record.spec), compute_seedless_digest(record.spec)
            entries.append(StoredRecord(record, result.path, setting, spec))
    return tuple(sorted(entries, key=_get_sort_key))


def get_group_key(entry: StoredRecord) -> tuple[str, ...]:
    """Return the values that all records of one comparison share."""
    record = entry.record
    return record.kind, record.task, record.dataset, entry.setting


def _get_sort_key(entry: StoredRecord) -> tuple[Any, ...]:
    record = entry.record
    kinds = SINGLE_SENSOR_KINDS
    rank = kinds.index(record.source_kind) if record.source_kind in kinds else len(kinds)
    seed = -1 if record.seed is None else record.seed
    return *get_group_key(entry), rank, record.source, entry.spec, seed


def group_by_row(entries: Sequence[StoredRecord]) -> dict[str, list[StoredRecord]]:
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


def compute_setting(spec: Mapping[str, Any]) -> str:
    """Compute the digest of the parts of a spec that all sources and seeds of a comparison share.

    Left out are the seed and everything that is specific to a source: how its images were fused,
    the file names of external predictions, and how an ensemble combines predictions.
    """
    shared = _drop_seed(spec)
    protocol = str(spec.get("protocol", ""))
    if "images" in shared:  # a quality task
        shared["images"] = _reduce_images(shared["images"])
    if "members" in shared.get("predicted", {}):  # an ensemble: its members share the setting
        shared["predicted"] = shared["predicted"]["members"][0]
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
    for trained in specs.list_training_specs(copied):
        trained.pop("seed", None)
    return copied


def _reduce_images(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Reduce the spec of a source's images to the data set and its pairs."""
    return {name: spec[name] for name in ("dataset", "pairs") if name in spec}


def collect_task_results(store: Store, by_row: Mapping[str, Sequence[StoredRecord]]) -> TaskResults:
    """Collect the results of one setting from its records by row."""
    sources = []
    for row_name, row_entries in by_row.items():
        row_records = tuple(entry.record for entry in row_entries)
        seeds = tuple(record.seed for record in row_records)
        source_kind = row_records[0].source_kind
        sources.append(SourceResults(row_name, source_kind, seeds, row_records, command=""))
    kind, task, dataset, _ = get_group_key(next(iter(by_row.values()))[0])
    return TaskResults(task, kind, dataset, tuple(sources), _collect_bootstrap(store, by_row))


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
