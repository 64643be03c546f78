"""Collects what a report needs from the store: records, statistics, costs; and their hash."""

import argparse
from collections.abc import Sequence
from dataclasses import asdict, replace
from itertools import groupby
from pathlib import Path

from fusebench.config import schema
from fusebench.evaluation import bootstrap
from fusebench.experiments import commands, costs, failures
from fusebench.experiments.plan import Plan
from fusebench.experiments.planning.run import Run
from fusebench.storage import cost_profiles, hashing
from fusebench.storage.store import Store
from reports.attributes import stored_attributes
from reports.document import (
    efficiency,
)
from reports.document.efficiency import Efficiency
from reports.results import bootstrap_cache, bootstrap_scoring
from reports.results.images import image_scores, quality_bootstrap
from reports.results.predictions import get_modified_times
from reports.results.robustness.collection import collect_robustness
from reports.results.task_results import SourceResults, TaskResults
from reports.viewer.writing import PictureOptions


def collect_results(plan: Plan, store: Store, args: argparse.Namespace) -> list[TaskResults]:
    """Read the records of every planned task from the store, and its bootstrap statistics."""
    task_results = []
    for name, runs_of_task in groupby(plan.runs, key=lambda run: run.task_name):
        runs = list(runs_of_task)
        sources = [
            _collect_source(list(runs_of_source), store, args)
            for _, runs_of_source in groupby(runs, key=lambda run: run.source_name)
        ]
        task = runs[0].task
        results = TaskResults(
            name,
            task.kind,
            runs[0].test_split.dataset,
            tuple(sources),
            bootstrap_cache.collect_task_bootstrap(runs, store),
            task.preset or "",
            quality_bootstrap=quality_bootstrap.collect_quality_bootstrap(runs, store),
            image_scores=image_scores.collect_image_scores(runs, store),
        )
        if isinstance(task, schema.ModelTaskBase):
            corrupted = [run for run in plan.corrupted_runs if run.task_name == name]
            robustness = collect_robustness(runs, corrupted, store)
            results = replace(results, equivalence=task.equivalence, robustness=robustness)
            if results.image_scores:
                attributes = stored_attributes.collect_attributes(runs[0].test_split, store)
                results = replace(results, pair_attributes=attributes)
        task_results.append(results)
    return task_results


def _collect_source(runs: Sequence[Run], store: Store, args: argparse.Namespace) -> SourceResults:
    """Read records and failures of all runs of one source of a task."""
    records = [run.read_record(store) for run in runs]
    run_failures = [(run.seed, failures.read_failure(run, store)) for run in runs]
    unfinished = [run for run, record in zip(runs, records, strict=True) if not record]
    mismatched = [len(store.with_label(run.task.kind, run.label)) for run in unfinished]
    first = runs[0]
    return SourceResults(
        source_name=first.source_name,
        source_kind=first.source.kind,
        planned_seeds=tuple(run.seed for run in runs),
        records=tuple(record for record in records if record is not None),
        command=commands.build_task_command(
            args, first.task.kind, first.task_name, first.source_name
        ),
        failures=tuple((seed, failure) for seed, failure in run_failures if failure is not None),
        mismatched_run_count=sum(mismatched),
    )


def build_efficiency(
    plan: Plan, store: Store, task_results: Sequence[TaskResults], args: argparse.Namespace
) -> Efficiency | None:
    """Collect cost profiles and training times; None if no fusion method is planned."""
    fusion_methods = costs.select_fusion_methods(plan)
    if not fusion_methods:
        return None
    profiles = costs.find_profiles(store.root, fusion_methods)
    profiled = {source for source, _ in profiles}
    missing = tuple(name for name in fusion_methods if name not in profiled)
    return Efficiency(
        costs=tuple(profiles),
        training_times=tuple(efficiency.collect_training_times(task_results)),
        sources_without_profile=missing,
        profile_command=commands.build_profile_command(args, missing if profiled else ()),
    )


def compute_inputs_hash(
    plan: Plan,
    store: Store,
    task_results: Sequence[TaskResults],
    arguments: tuple[str, PictureOptions],
) -> str:
    """Hash all inputs of the report: records, plan, arguments, and the code of the report."""
    command, pictures = arguments
    code_folder = Path(__file__).parents[1]
    patterns = ("*.py", "formats/templates/*", "viewer/templates/*", "published/*")
    code = sorted(file for pattern in patterns for file in code_folder.rglob(pattern))
    sources = [(results, source) for results in task_results for source in results.sources]
    profiles = cost_profiles.read_profiles(store.root)
    return hashing.content_hash(
        {
            "records": [
                record.model_dump(mode="json")
                for results in task_results
                for record in results.records
            ],
            "failures": [
                [results.name, source.source_name, seed, failure.model_dump(mode="json")]
                for results, source in sources
                for seed, failure in source.failures
            ],
            "runs": [str(run.get_record_folder(store)) for run in plan.all_runs],
            "robustness": [
                record.model_dump(mode="json")
                for results in task_results
                if results.robustness
                for record in results.robustness.records
            ],
            "sample_images": [get_modified_times(run, store) for run in plan.runs],
            "mismatched_runs": [source.mismatched_run_count for _, source in sources],
            "skipped_tasks": [[task.task_name, task.reason] for task in plan.skipped_tasks],
            "command": command,
            "pictures": asdict(pictures),
            "equivalence": [
                results.equivalence.model_dump(mode="json") for results in task_results
            ],
            "attributes": [results.pair_attributes is not None for results in task_results],
            "profiles": [profile.model_dump(mode="json") for profile in profiles],
            "bootstrap": [
                bootstrap_scoring.VERSION,
                bootstrap.RESAMPLE_COUNT,
                bootstrap.DEFAULT_SEED,
            ],
            "code": [hashing.compute_file_sha256(file) for file in code if file.is_file()],
        }
    )
