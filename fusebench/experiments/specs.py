"""Specs of a run: everything that affects the content of its result folders, ready to be hashed."""

from collections.abc import Mapping, Sequence
from typing import Any

from fusebench.config import schema
from fusebench.data.pairs import Split
from fusebench.experiments.resolution import ResolvedModel, ResolvedTask
from fusebench.experiments.sources import SourceImages
from fusebench.storage import hashing, image_index


def build_specs(
    resolved: ResolvedTask,
    model: ResolvedModel | None,
    train_images: SourceImages | None,
    test_images: SourceImages,
    seed: int | None,
) -> dict[str, dict[str, Any]]:
    """Build the specs of the folders of a run; each contains the specs that it depends on.

    Args:
        resolved: The task.
        model: The model for the source of this run; None for a quality task.
        train_images: The training images; None if nothing is trained.
        test_images: The images to test on, or to score.
        seed: Random seed of the training; None if nothing is trained.

    Returns:
        Specs under ``record``, and with a model also ``trained`` and ``predicted``.
    """
    splits = [images.split for images in (train_images, test_images) if images is not None]
    record = _build_record_spec(resolved, splits)
    if model is None:
        return {"record": record | {"images": test_images.spec}}
    trained = _build_training_spec(resolved.task.kind, model, train_images, seed)
    predict_options = model.predict_options.model_dump(mode="json")
    if train_images is None:  # one copy of the weights, independent of prediction options
        predict_options["options"] = model.spec_options.model_dump(mode="json")
    predicted = {"trained": trained, "predict": predict_options, "images": test_images.spec}
    return {
        "trained": trained,
        "predicted": predicted,
        "record": record | _build_prediction_spec(resolved, predicted),
    }


def build_ensemble_specs(
    resolved: ResolvedTask, predicted: dict[str, Any], splits: Sequence[Split]
) -> dict[str, dict[str, Any]]:
    """Build the specs of the folders of an ensemble's run, which trains nothing itself.

    Args:
        resolved: The task.
        predicted: Spec of the combined predictions; see `ResolvedEnsemble.build_spec`.
        splits: The splits of its members; the last one is tested.

    Returns:
        Specs under ``predicted`` and ``record``.
    """
    record = _build_record_spec(resolved, splits) | _build_prediction_spec(resolved, predicted)
    return {"predicted": predicted, "record": record}


def _build_record_spec(resolved: ResolvedTask, splits: Sequence[Split]) -> dict[str, Any]:
    """Build the part of a record's spec that every kind of task has; the last split is tested."""
    return {
        "kind": resolved.task.kind,
        "labels": hashing.hash_labels(splits[-1]),
        "division": {split.name: hashing.hash_split_metadata(split) for split in splits},
        "metrics": {
            **{metric.name: metric.spec for metric in resolved.metrics},
            **{metric.name: metric.spec for metric in resolved.fusion_metrics},
        },
    }


def _build_prediction_spec(resolved: ResolvedTask, predicted: dict[str, Any]) -> dict[str, Any]:
    """Build the part of a record's spec that tasks with predictions have."""
    return {
        "protocol": resolved.protocol,
        **collect_reported_options(resolved.task),
        "predicted": predicted,
        "image_index": image_index.VERSION,
    }


def list_training_specs(record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """List the specs of the trained models in a record's spec: one, or one per ensemble member.

    It is empty for a quality task.
    """
    predicted = record.get("predicted", {})
    return [part["trained"] for part in predicted.get("members", [predicted]) if "trained" in part]


def collect_reported_options(task: schema.Task) -> dict[str, Any]:
    """Return the options of a task that affect its record but not the predictions."""
    options = {
        "chosen": task.chosen if isinstance(task, schema.ModelTaskBase) else (),
        "classes": task.leading_classes,
        "without": task.excluded_classes,
    }
    return {option: list(values) for option, values in options.items() if values}


def _build_training_spec(
    kind: str, model: ResolvedModel, train_images: SourceImages | None, seed: int | None
) -> dict[str, Any]:
    """Build the spec of a trained or pretrained model."""
    plugin = model.plugin
    spec: dict[str, Any] = {
        "kind": kind,
        "model": model.name,
        "version": plugin.VERSION,
        "dependencies": dict(plugin.dependency_hashes(model.options)),
    }
    if train_images is None:
        return spec | {"options": dict(plugin.download_options(model.spec_options))}
    return spec | {
        "options": model.spec_options.model_dump(mode="json"),
        "seed": seed,
        "images": train_images.spec,
        "labels": hashing.hash_labels(train_images.split),
    }
