"""Steps of a run that detection.run and segmentation.run share."""

import json
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from fusebench.evaluation.counts import DatasetCounts, build_image_weights
from fusebench.experiments import scoring, sources
from fusebench.experiments.planning.run import Run
from fusebench.storage import records
from fusebench.storage.records import Record, Scalar
from fusebench.storage.store import Store

PROTOCOL_FILE = "protocol.json"


def get_or_train_model(run: Run, store: Store, device: str) -> Path:
    """Return the folder of the run's model; trains or downloads it first if there is none.

    The folder stays empty for a model whose predictions are made elsewhere. Of an ensemble, it is
    the model of the first member.
    """
    if run.members:
        return get_or_train_model(run.members[0], store, device)
    model = run.model
    assert model is not None

    def make_model(folder: Path) -> None:
        if run.train_images is None:
            if model.plugin.download is not None:  # otherwise predictions made elsewhere
                model.plugin.download(model.options, folder=folder)
            return
        images = sources.get_labeled_images(run.train_images, store, device)
        model.plugin.train(images, model.options, seed=run.seed, device=device, folder=folder)

    return store.get_or_create("trained", run.trained_label, run.specs["trained"], make_model).path


def collect_protocol(run: Run, trained: Path | None = None) -> dict[str, Scalar]:
    """Collect the facts that a reader needs to reproduce the scores: data, model, metrics.

    If two metrics have different facts under one name, the later one gets its column's title.

    Args:
        run: The run.
        trained: Folder of the trained model; its `PROTOCOL_FILE` is included if there is one.

    Raises:
        UserError: If options do not fit the classes.
    """
    classes = run.test_split.classes
    protocol = run.build_protocol()
    protocol |= _describe_model(run)
    for metric in run.metrics:
        title = next(iter(metric.plugin.COLUMNS.values())).title
        for name, value in metric.plugin.protocol(classes, metric.options).items():
            protocol[name if protocol.get(name, value) == value else f"{name}, {title}"] = value
    if trained is not None and (trained / PROTOCOL_FILE).exists():
        protocol |= json.loads((trained / PROTOCOL_FILE).read_text(encoding="utf-8"))
    return protocol


def _describe_model(run: Run) -> dict[str, Scalar]:
    """Describe the model; of an ensemble, facts that differ are listed by member."""
    facts: dict[str, dict[str, Scalar]] = {}
    for part in run.members or (run,):
        assert part.model is not None
        options = part.model.options, part.model.predict_options
        for name, value in part.model.plugin.protocol(*options).items():
            facts.setdefault(name, {})[part.source_name] = value
    return {
        name: next(iter(by_source.values()))
        if len(set(by_source.values())) == 1
        else "; ".join(f"{source}: {value}" for source, value in by_source.items())
        for name, by_source in facts.items()
    }


def build_record(
    run: Run,
    counts: Mapping[str, DatasetCounts],
    protocol: Mapping[str, Scalar],
    provenance: Mapping[str, Any],
) -> Record:
    """Build the record of a run: scores of all test images, and of each condition alone.

    Args:
        run: The run.
        counts: File name to counts of all test images.
        protocol: See `collect_protocol`.
        provenance: See `collect_provenance`.
    """
    split = run.test_split
    conditions = sorted({pair.condition for pair in split.pairs if pair.condition is not None})
    keys = next(iter(counts.values())).keys
    weights = [np.ones(len(keys))] + [
        build_image_weights(keys, [p.key for p in split.pairs if p.condition == condition])
        for condition in conditions
    ]
    whole, *by_condition = scoring.build_scores(
        run.metrics, counts, np.stack(weights), split.classes, run.task
    )
    return Record(
        task=run.table_name,
        kind=run.task.kind,
        dataset=split.dataset,
        source=run.source_name,
        source_kind=run.source.kind,
        seed=run.seed,
        classes=split.classes,
        protocol=dict(protocol),
        columns={
            name: column for metric in run.metrics for name, column in metric.plugin.COLUMNS.items()
        },
        by_condition=dict(zip(conditions, by_condition, strict=True)),
        spec=dict(run.specs["record"]),
        provenance=dict(provenance),
        **{name: getattr(whole, name) for name in type(whole).model_fields},
    )


def collect_provenance(
    start_time: float, device: str, packages: Iterable[str], files: Mapping[str, Path]
) -> dict[str, Any]:
    """Collect time, duration, device and package versions, and the JSON files of a model.

    Args:
        start_time: `time.monotonic()` at the start of the run.
        device: Device of the run.
        packages: Distributions whose versions are listed.
        files: Name to JSON file, whose content is included; missing files are left out.
    """
    provenance = records.build_provenance(time.monotonic() - start_time, device, packages)
    return provenance | {
        name: json.loads(path.read_text(encoding="utf-8"))
        for name, path in files.items()
        if path.exists()
    }
