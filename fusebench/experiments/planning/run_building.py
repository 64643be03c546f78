"""Builds the runs of a task: one per source and seed, on clean or on corrupted test pairs."""

from collections.abc import Iterator, Mapping

from fusebench.data.pairs import Split
from fusebench.experiments import specs
from fusebench.experiments.planning.run import Run
from fusebench.experiments.resolution import (
    ResolvedSource,
    ResolvedTask,
)
from fusebench.experiments.robustness.corrupted_pairs import CorruptedPairs
from fusebench.experiments.sources import SourceImages
from fusebench.storage.splits.file_hashes import FileHashes


def build_runs(
    resolved: ResolvedTask,
    train: Split | None,
    test: Split,
    file_hashes: FileHashes,
    corruption: CorruptedPairs | None = None,
    clean: Mapping[tuple[str, int | None], Run] | None = None,
) -> dict[tuple[str, int | None], Run]:
    """Build the runs of a task: one per source and seed.

    The members of an ensemble are the runs of the same task and seed, whether it lists their
    sources or not.

    With a corruption, sources are left out whose images it does not change, and those of images
    that were fused elsewhere. Members of an ensemble whose images stay are the runs on clean pairs.

    Args:
        resolved: The task.
        train: Training split; None if nothing is trained.
        test: Test split.
        file_hashes: Known content hashes of files.
        corruption: Corruption of the test pairs; None: clean pairs.
        clean: The runs on clean pairs, for a corruption.

    Returns:
        Runs by source and seed; also those of members that the task does not list.
    """
    members = [member for source in resolved.sources for member in source.members]
    with_images = {s.name: s for s in (*resolved.sources, *members) if s.ensemble is None}
    shared_training = (
        SourceImages(resolved.training_source, train, file_hashes)
        if resolved.training_source is not None and train is not None
        else None
    )
    runs: dict[tuple[str, int | None], Run] = {}
    for source in with_images.values():
        if corruption is not None and not corruption.changes_source(source.config):
            continue
        test_images = SourceImages(source, test, file_hashes, corruption)
        train_images = shared_training
        if train is not None and train_images is None:
            train_images = SourceImages(source, train, file_hashes)
        for run in _build_runs_of_source(resolved, train_images, test_images):
            runs[source.name, run.seed] = run
    for source in resolved.sources:
        if source.ensemble is None or not _can_combine(source, corruption):
            continue
        test_images = SourceImages(source, test, file_hashes, corruption)
        for seed in resolved.seeds:
            keys = [(member.name, seed) for member in source.members]
            parts = tuple(runs[key] if key in runs else (clean or {})[key] for key in keys)
            runs[source.name, seed] = _build_ensemble_run(resolved, test_images, seed, parts)
    return runs


def _can_combine(ensemble: ResolvedSource, corruption: CorruptedPairs | None) -> bool:
    """Return whether an ensemble has members whose images change, and none that cannot be made."""
    if corruption is None:
        return True
    return not ensemble.is_fused_elsewhere and any(
        corruption.changes_source(member.config) for member in ensemble.members
    )


def list_runs(resolved: ResolvedTask, runs: Mapping[tuple[str, int | None], Run]) -> list[Run]:
    """List the runs of the sources that a task lists, in its order."""
    keys = [(source.name, seed) for source in resolved.sources for seed in resolved.seeds]
    return [runs[key] for key in keys if key in runs]


def _build_runs_of_source(
    resolved: ResolvedTask, train_images: SourceImages | None, test_images: SourceImages
) -> Iterator[Run]:
    """Yield the runs of a source that has images: one per seed."""
    model, test = resolved.model, test_images.split
    if model is not None:
        name = test_images.source.name
        values = {"source": name, "dataset": test.dataset, "split": test.name}
        model = model.for_source(values, f"tasks.{resolved.name}.options")
    for seed in resolved.seeds:
        yield Run(
            resolved.name,
            resolved.task,
            train_images,
            test_images,
            seed,
            specs.build_specs(resolved, model, train_images, test_images, seed),
            model,
            resolved.metrics,
            resolved.fusion_metrics,
        )


def _build_ensemble_run(
    resolved: ResolvedTask, test_images: SourceImages, seed: int | None, members: tuple[Run, ...]
) -> Run:
    """Build the run that combines the predictions of its members."""
    ensemble = test_images.source.ensemble
    assert ensemble is not None
    return Run(
        resolved.name,
        resolved.task,
        None,
        test_images,
        seed,
        specs.build_ensemble_specs(
            resolved,
            ensemble.build_spec([run.specs["predicted"] for run in members]),
            members[0].splits,
        ),
        members[0].model,
        resolved.metrics,
        members=members,
    )
