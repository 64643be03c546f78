"""The plan as a graph of jobs: their ids, what they need, and which of them are left to do."""

import pytest

from fusebench import cli
from fusebench.config import schema
from fusebench.engines import jobs
from fusebench.engines.execution import is_scored
from fusebench.experiments.shards import Shard
from fusebench.storage.store import Store
from tests.helpers import dataset_folders

TASKS = """
sources:
  ir: {kind: infrared}
  both: {kind: method, method: average}
  more: {kind: method, method: average, options: {infrared_weight: 0.7}}
tasks:
  boxes: {kind: detection, dataset: m3fd, data: {split: {rule: lists}}, sources: [ir, both],
          seeds: [0, 1]}
  again: {kind: detection, dataset: m3fd, data: {split: {rule: lists}}, sources: [both],
          seeds: [0], metrics: {average_precision: {}}}
  once: {kind: detection, dataset: m3fd, data: {split: {rule: lists}}, sources: [both],
         train_on: ir, seeds: [0]}
  entropy: {kind: quality, dataset: m3fd, data: {split: {rule: lists}}, sources: [ir, both]}
  new: {kind: quality, dataset: m3fd, data: {split: {rule: lists}}, sources: [more]}
"""
TRAIN, TEST = [f"{i:05d}" for i in range(4)], [f"{i:05d}" for i in range(4, 130)]


@pytest.fixture
def study(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tasks.yaml").write_text(TASKS)
    folder = dataset_folders.write_m3fd(tmp_path / "data/m3fd", [*TRAIN, *TEST])
    (folder / "meta").mkdir()
    (folder / "meta/train.txt").write_text("\n".join(TRAIN))
    (folder / "meta/test.txt").write_text("\n".join(TEST))
    return Store(tmp_path / "runs")


def build(store, *names):
    flags = [part for name in names for part in ("--task", name)]
    args = cli.build_parser("toy", "").parse_args(flags)
    run_plan = cli.build_plan_from_args(args, tuple(schema.TASK_CLASSES), generate=False)
    return jobs.build_jobs(run_plan, store)


def count_kinds(some_jobs):
    kinds = [job.kind for job in some_jobs.values()]
    return {kind: kinds.count(kind) for kind in dict.fromkeys(kinds)}


def get_label(job_id):
    return job_id.rpartition("-")[0]


def remain(some_jobs, store, *kinds):
    return jobs.select_remaining(
        some_jobs, store, lambda job: job.kind in kinds, lambda run: is_scored(run, store)
    )


def finish(store, job_id):
    (store.root / job_id).mkdir(parents=True)


def test_each_folder_is_one_job_however_many_runs_need_it(study):
    graph = build(study, "boxes", "again", "once", "entropy")
    # ir has no fused images; both has the training and the test images. Of the detectors, `again`
    # shares that of `boxes`, and `once` shares that of ir.
    assert count_kinds(graph) == {
        "fused": 2, "trained": 4, "predicted": 5, "detection": 6, "quality": 2,
    }  # fmt: skip
    shared = [job for job in graph.values() if job.kind == "trained" and len(job.runs) > 1]
    assert [[run.task_name for run in job.runs] for job in shared] == [
        ["boxes", "once"],
        ["boxes", "again"],
    ]


def test_a_job_needs_the_folders_that_it_reads(study):
    graph = build(study, "once", "entropy")
    needs = {get_label(job.id): [get_label(need) for need in job.needs] for job in graph.values()}
    assert needs == {
        "fused/m3fd-test-average": [],
        "trained/m3fd-ir-seed0": [],
        "predicted/m3fd-both-seed0": ["trained/m3fd-ir-seed0", "fused/m3fd-test-average"],
        "detection/once-both-seed0": ["predicted/m3fd-both-seed0"],
        "quality/entropy-ir": [],
        "quality/entropy-both": ["fused/m3fd-test-average"],
    }
    ids = list(graph)
    assert all(ids.index(need) < ids.index(job.id) for job in graph.values() for need in job.needs)


def test_ids_are_the_same_in_every_process_and_name_folders_of_the_store(study):
    first, second = build(study, "boxes"), build(study, "boxes")
    assert list(first) == list(second)
    run = first[next(job for job in first if job.startswith("detection/"))].runs[0]
    assert f"detection/{run.get_record_folder(study).name}" in first


def test_one_more_source_adds_its_own_jobs_only(study):
    before, after = build(study, "entropy"), build(study, "entropy", "new")
    assert set(before) < set(after)
    assert {get_label(job) for job in set(after) - set(before)} == {
        "fused/m3fd-test-average",  # of the other option: another hash
        "quality/new-more",
    }


def test_finished_folders_and_what_only_they_need_are_left_out(study):
    graph = build(study, "once")
    assert len(remain(graph, study, "detection")) == 4
    trained = next(job for job in graph if job.startswith("trained/"))
    finish(study, trained)
    assert [job.kind for job in remain(graph, study, "detection").values()] == [
        "fused", "predicted", "detection",
    ]  # fmt: skip
    predicted = next(job for job in graph if job.startswith("predicted/"))
    finish(study, predicted)
    assert [job.kind for job in remain(graph, study, "detection").values()] == ["detection"]
    assert [job.kind for job in remain(graph, study, "detection", "fused").values()] == [
        "fused", "detection",
    ]  # fmt: skip


def test_large_folders_of_fused_images_are_divided(study):
    graph = build(study, "entropy")
    (fused,) = (job for job in graph.values() if job.kind == "fused")
    divided = jobs.add_shards(graph, study, workers=4)
    # 126 images: two shards of at least 50, although there are four workers.
    parts = [f"{fused.id}.shard1of2", f"{fused.id}.shard2of2"]
    assert [job for job in divided if job.startswith("fused/")] == [*parts, fused.id]
    assert divided[fused.id].needs == tuple(parts)
    assert jobs.add_shards(graph, study, workers=1) == graph


def test_images_that_exist_are_not_divided_again(study):
    graph = build(study, "entropy")
    (fused,) = (job for job in graph.values() if job.kind == "fused")
    partial = study.root / f"{fused.id}.partial"
    partial.mkdir(parents=True)
    for key in TEST[:60]:
        (partial / f"{key}.png").touch()
    assert list(jobs.add_shards(graph, study, workers=4)) == list(graph)


def test_a_job_of_a_shard_is_built_from_its_id_alone(study):
    graph = build(study, "entropy")
    (fused,) = (job for job in graph.values() if job.kind == "fused")
    job = jobs.find_job(graph, f"{fused.id}.shard3of7")
    assert job.shard == Shard(3, 7)
    assert jobs.find_job(graph, fused.id) is fused
    for wrong in ("fused/other", f"{fused.id}.shard8of7", f"{fused.id}.shard0of7", "x.shard1of2"):
        assert jobs.find_job(graph, wrong) is None


def test_a_shard_is_done_when_its_images_exist_anywhere(study):
    graph = build(study, "entropy")
    (fused,) = (job for job in graph.values() if job.kind == "fused")
    job = jobs.build_shard_job(fused, Shard(2, 60))  # the images 1, 61 and 121

    def is_done():
        return jobs.is_done(job, study, lambda run: False)

    assert not is_done()
    for folder, number in (
        (".partial", 1),
        (".shard1of3.partial", 61),
        (".shard2of3.partial", 121),
    ):
        path = study.root / f"{fused.id}{folder}"
        path.mkdir(parents=True)
        assert not is_done()
        (path / f"{TEST[number]}.png").touch()
    assert is_done()


def test_what_only_one_job_needs_is_executed_in_its_process(study):
    graph = build(study, "boxes", "again", "once", "entropy")
    merged = jobs.merge_chains(graph)
    # The detector of ir with seed 0 predicts for two tasks; predictions of both with seed 0 are
    # scored twice. Everything else is one chain.
    assert count_kinds(merged) == {
        "fused": 2, "trained": 1, "predicted": 1, "detection": 6, "quality": 2,
    }  # fmt: skip
    chains = [[part.kind for part in job.parts] for job in merged.values() if job.before]
    assert sorted(chains) == [
        ["predicted", "detection"],
        ["predicted", "detection"],
        ["trained", "predicted"],
        ["trained", "predicted", "detection"],
        ["trained", "predicted", "detection"],
    ]
    for job in merged.values():
        parts = {part.id for part in job.parts}
        outside = {need for part in job.parts for need in graph[part.id].needs} - parts
        assert set(job.needs) == outside <= set(merged)
    assert {part.id for job in merged.values() for part in job.parts} == set(graph)


def test_a_chain_of_jobs_that_are_left_has_no_finished_part(study):
    graph = build(study, "new", "boxes")
    trained = next(job_id for job_id in graph if job_id.startswith("trained/"))
    finish(study, trained)
    merged = jobs.merge_chains(remain(graph, study, "detection"))
    assert trained not in {part.id for job in merged.values() for part in job.parts}
    assert [len(job.parts) for job in merged.values() if job.kind == "detection"].count(2) == 1
