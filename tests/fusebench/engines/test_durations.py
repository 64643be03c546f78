"""Durations of jobs from finished jobs that are like them."""

import json

import pytest

from fusebench.engines import durations, jobs, states
from fusebench.engines.durations import Measurement
from fusebench.experiments.shards import Shard
from fusebench.storage import manifest
from tests.fusebench.engines.test_jobs import TASKS, build, study

__all__ = ["TASKS", "study"]  # the fixture


def finish(store, job, files):
    folder = store.root / job.id
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content))
    manifest.write_manifest(folder, manifest.build_entries(folder))


def select(graph, kind):
    return [job for job in graph.values() if job.kind == kind]


def test_trainings_of_other_sources_and_seeds_are_alike(study):
    graph = build(study, "boxes", "again", "entropy")
    trainings = select(graph, "trained")
    assert len(trainings) == 4
    assert len({durations.get_likeness(job) for job in trainings}) == 1
    # `again` has other metrics: its runs are not scored in the same time.
    assert len({durations.get_likeness(job) for job in select(graph, "detection")}) == 2


def test_the_time_of_a_training_is_the_median_of_those_like_it(study):
    graph = build(study, "boxes")
    first, second, third, fourth = select(graph, "trained")
    for job, seconds in ((first, 10), (second, 40), (third, 20)):
        finish(study, job, {"time.json": {"seconds": seconds}, "model.json": "x" * 998})
    measured = durations.measure_finished_jobs(graph, study)
    assert durations.estimate_seconds([fourth], measured, {}) == {fourth.id: 20}
    (size,) = durations.estimate_bytes([fourth], measured).values()
    assert 1000 < size < 1100
    scored = select(graph, "detection")[0]
    assert durations.estimate_seconds([scored], measured, {}) == {scored.id: None}


def test_fusing_is_measured_per_image(study):
    graph = build(study, "boxes")
    train, test = select(graph, "fused")  # 4 and 126 images of one method
    finish(study, train, {})
    states.end_job(study.root, train, "done", 2.0)
    measured = durations.measure_finished_jobs(graph, study)
    shard = jobs.build_shard_job(test, Shard(1, 2))
    assert durations.estimate_seconds([test, shard], measured, {}) == {
        test.id: pytest.approx(126 * 0.5),
        shard.id: pytest.approx(63 * 0.5),
    }


def test_a_job_that_joins_shards_has_nothing_left_to_fuse(study):
    graph = jobs.add_shards(build(study, "entropy"), study, 2)
    *parts, join = select(graph, "fused")
    rates = {durations.get_likeness(join): 0.1}
    seconds = durations.estimate_seconds(select(graph, "fused"), [], rates)
    assert [round(seconds[job.id], 6) for job in (*parts, join)] == [6.3, 6.3, 0]


def test_the_record_of_a_whole_run_has_the_time_of_its_training_too(study):
    graph = build(study, "boxes")
    first, second, *_ = select(graph, "detection")
    finish(
        study,
        first,
        {"record.json": {"provenance": {"seconds": 110.0, "training": {"seconds": 100.0}}}},
    )
    measured = durations.measure_finished_jobs(graph, study)
    assert durations.estimate_seconds([second], measured, {}) == {second.id: 10.0}


def test_what_was_measured_is_preferred_to_a_profile(study):
    (_, job) = select(build(study, "boxes"), "fused")
    likeness = durations.get_likeness(job)
    measured = [Measurement(likeness, 10, 5.0, None)]
    assert durations.estimate_seconds([job], measured, {likeness: 9.0}) == {job.id: 63.0}
