"""What is exported of a task: its splits, the images of its sources and finished predictions.

Nothing is computed: images and predictions that are not finished are one error, which names the
command that makes them.
"""

import argparse
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from fusebench.config.reference_sources import ChannelsSource, EnsembleSource
from fusebench.data.pairs import Split
from fusebench.errors import UserError
from fusebench.experiments import commands, sources
from fusebench.experiments.plan import Plan
from fusebench.experiments.planning.run import Run
from fusebench.experiments.sources import SourceImages
from fusebench.storage import hashing
from fusebench.storage.store import Store

Labels = Literal["boxes", "label_map"]
SPLITS = ("train", "test")


@dataclass(frozen=True)
class SourceContent:
    """The images of one source.

    Attributes:
        name: Its name in the task file.
        kind: Kind in the task file, e.g. ``infrared``; ensembles and stacked channels have the
            visible images here.
        images: Image file per key, by split. A split is missing if the task makes no images of
            this source for it.
        spec: Spec of the images by split: everything that decides their pixels.
    """

    name: str
    kind: str
    images: Mapping[str, Mapping[str, Path]]
    spec: Mapping[str, Any]


@dataclass(frozen=True)
class RunPredictions:
    """Predictions of one finished run on the test split.

    Attributes:
        source_name: The source that was tested.
        seed: Random seed of the training; None if nothing was trained.
        folder: Folder of the store with the predicted boxes or label maps.
        spec: Spec of that folder.
    """

    source_name: str
    seed: int | None
    folder: Path
    spec: Mapping[str, Any]

    @property
    def label(self) -> str:
        """Source and seed, as text."""
        return self.source_name if self.seed is None else f"{self.source_name}-seed{self.seed}"


@dataclass(frozen=True)
class TaskContent:
    """What is exported of one task.

    Attributes:
        task_name: Its name in the task file.
        kind: ``detection``, ``segmentation`` or ``quality``.
        splits: Pairs with their labels by split, ``train`` first.
        sources: The sources.
        predictions: The finished runs.
    """

    task_name: str
    kind: str
    splits: Mapping[str, Split]
    sources: tuple[SourceContent, ...]
    predictions: tuple[RunPredictions, ...]

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names in the order of their ids."""
        return next(iter(self.splits.values())).classes

    @property
    def spec(self) -> dict[str, Any]:
        """Everything that decides the exported files."""
        return {
            "task": self.task_name,
            "splits": {
                name: [hashing.hash_labels(split), hashing.hash_split_metadata(split)]
                for name, split in self.splits.items()
            },
            "sources": {source.name: dict(source.spec) for source in self.sources},
            "predictions": {run.label: hashing.content_hash(run.spec) for run in self.predictions},
        }


def select_runs(run_plan: Plan, args: argparse.Namespace, *, has_one_source: bool) -> list[Run]:
    """Select the runs of the one task that is exported.

    Raises:
        UserError: If several tasks, or several sources where the format has one, are selected; or
            if the simulated scenes of the task are not rendered.
    """
    for skipped in run_plan.skipped_tasks:
        if skipped.will_be_generated and not run_plan.runs:
            command = commands.build_fusion_command(args, skipped.task_name)
            raise UserError(
                f"task {skipped.task_name}: its simulated scenes are not rendered yet; run "
                f"`{command}` first"
            )
    task_names = list(dict.fromkeys(run.task_name for run in run_plan.runs))
    if len(task_names) > 1:
        raise UserError(
            f"--to {args.to} exports one task, and these flags select {len(task_names)}; name one "
            f"with --task: {', '.join(task_names)}"
        )
    source_names = list(dict.fromkeys(run.source_name for run in run_plan.runs))
    if has_one_source and len(source_names) > 1:
        raise UserError(
            f"--to {args.to} exports the images of one source, and task {task_names[0]} has "
            f"{len(source_names)}; name one with --source: {', '.join(source_names)}"
        )
    source = run_plan.runs[0].source
    if has_one_source and isinstance(source.config, EnsembleSource | ChannelsSource):
        raise UserError(
            f"--to {args.to} exports the images of a source, and {source.name} (kind "
            f"{source.kind}) has none of its own; name a source that has, or export --to "
            "predictions"
        )
    return list(run_plan.runs)


def select_splits(
    runs: Sequence[Run], names: Sequence[str], labels: Sequence[Labels]
) -> dict[str, Split]:
    """Select the splits that are exported.

    Args:
        runs: Runs of one task.
        names: ``train`` and ``test``; empty: those that the task has.
        labels: Labels, one kind of which the format needs; empty: none.

    Raises:
        UserError: If the task has no such split, or the data set has no such labels.
    """
    run = next((run for run in runs if run.train_images is not None), runs[0])
    splits = {"test": run.test_split}
    if run.train_images is not None:
        splits = {"train": run.train_images.split, **splits}
    for name in names:
        if name not in splits:
            raise UserError(
                f"task {run.task_name} has no {name} split, because it trains no model; name a "
                "task that does, or leave --split out"
            )
    selected = {name: split for name, split in splits.items() if not names or name in names}
    for split in selected.values():
        if labels and all(split.find_unlabeled(kind) is not None for kind in labels):
            need = " or ".join("boxes" if kind == "boxes" else "label maps" for kind in labels)
            raise UserError(
                f"task {run.task_name}: its data set {split.dataset} has no {need}, which this "
                "format needs; choose another format or task"
            )
    return selected


def collect_sources(
    runs: Sequence[Run], split_names: Iterable[str], store: Store, args: argparse.Namespace
) -> tuple[SourceContent, ...]:
    """Collect the images of every source of the runs.

    Raises:
        UserError: If images are not made yet; names the command that makes them. Or if no source
            of the task has images of a split.
    """
    contents, missing = [], {}
    for run in {run.source_name: run for run in runs}.values():
        required = _list_required_images(run, split_names)
        files = {name: sources.find_images(each, store) for name, each in required.items()}
        images = {name: by_key for name, by_key in files.items() if by_key is not None}
        if absent := [name for name in files if name not in images]:
            missing[run.source_name] = absent
        spec = {name: each.spec for name, each in required.items()}
        contents.append(SourceContent(run.source_name, run.source.kind, images, spec))
    task_name = runs[0].task_name
    if missing:
        names = "; ".join(f"{name}: {' and '.join(parts)}" for name, parts in missing.items())
        one_source = next(iter(missing)) if len(missing) == 1 else None
        command = commands.build_fusion_command(args, task_name, one_source)
        raise UserError(
            f"task {task_name}: images are not made yet ({names}); run `{command}` first"
        )
    for name in split_names:
        if not any(name in each.images for each in contents):
            trained = next(run.train_images for run in runs if run.train_images is not None)
            shared = trained.source.name
            raise UserError(
                f"task {task_name} trains one model on the source {shared}, so that others have no "
                f"{name} images; export --source {shared}, or --split test"
            )
    return tuple(contents)


def collect_predictions(
    runs: Sequence[Run], store: Store, args: argparse.Namespace, *, are_required: bool
) -> tuple[RunPredictions, ...]:
    """Collect the predictions of the finished runs.

    Raises:
        UserError: If ``are_required`` and the task predicts nothing or a run is not finished;
            names the command that finishes it.
    """
    finished, missing = [], []
    for run in runs:
        if run.model is None:
            continue
        spec = run.specs["predicted"]
        folder = store.find_finished("predicted", run.prediction_label, spec)
        if folder is None:
            missing.append(run)
        else:
            finished.append(RunPredictions(run.source_name, run.seed, folder, spec))
    if are_required and missing:
        names = list(dict.fromkeys(run.source_name for run in missing))
        kind, task_name = missing[0].task.kind, missing[0].task_name
        one_source = names[0] if len(names) == 1 else None
        command = commands.build_task_command(args, kind, task_name, one_source)
        raise UserError(
            f"task {task_name}: {len(missing)} of {len(runs)} runs have no predictions yet (of "
            f"{', '.join(names)}); run `{command}` first, or select finished ones with --source "
            "and --seed"
        )
    if are_required and not finished:
        raise UserError(f"task {runs[0].task_name} is a quality task, which predicts nothing")
    return tuple(finished)


def _list_required_images(run: Run, split_names: Iterable[str]) -> dict[str, SourceImages]:
    """List the images of the run's source by split."""
    required = {}
    for name in split_names:
        if name == "test":
            required[name] = run.test_images
        elif run.train_images is not None and run.train_images.source.name == run.source_name:
            required[name] = run.train_images
    return required
