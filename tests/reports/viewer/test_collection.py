"""What the viewer shows: finished sources with images, and both sensors in any case."""

import pytest

from fusebench.config import schema
from fusebench.experiments.planning.run import Run
from fusebench.storage.records import Column, Record
from fusebench.storage.store import Store
from reports.viewer import collection, page_data, pictures
from tests.helpers.reports.synthetic_records import (
    PROTOCOL,
    PROVENANCE,
    finish_run,
    make_runs,
    make_source_images,
    write_split,
)


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "runs")


def test_only_finished_sources_are_shown_and_the_first_finished_seed(tmp_path, store):
    split = write_split(tmp_path / "data")
    runs = make_runs("detection", split, tmp_path, seeds=(0, 1), fused=("mine", "other"))
    unfinished = {("visible", 0), ("other", 0), ("other", 1)}
    for planned in runs:
        if (planned.source_name, planned.seed) not in unfinished:
            finish_run(planned, store, (0.5, 0.5))
    (task,) = collection.collect_tasks(runs, store)
    assert [(source.name, source.seed) for source in task.sources] == [
        *(("infrared", 0), ("visible", 1), ("mine", 0))
    ]
    assert all(source.is_scored for source in task.sources)
    assert set(task.sources[2].images) == set(split.keys)


def test_sensors_that_are_no_sources_are_shown_without_a_score(tmp_path, store):
    runs = make_runs("segmentation", write_split(tmp_path / "data", masks=True), tmp_path)
    finish_run(runs[2], store, (0.5, 0.5))
    (task,) = collection.collect_tasks(runs[2:], store)
    assert [(source.name, source.is_scored) for source in task.sources] == [
        *(("average", True), ("infrared", False), ("visible", False))
    ]
    first = task.split.pairs[0]
    assert task.sources[1].images[first.key] == first.infrared
    assert task.sources[2].images[first.key] == first.visible


def test_a_task_without_results_is_not_shown(tmp_path, store):
    runs = make_runs("detection", write_split(tmp_path / "data"), tmp_path)
    assert collection.collect_tasks(runs, store) == []


def test_a_quality_task_has_its_metrics_per_pair(tmp_path, store):
    split = write_split(tmp_path / "data")
    source = schema.SensorSource(kind="visible")
    task = schema.QualityTask(kind="quality", dataset="toy", sources=("visible",))
    images = make_source_images("visible", source, split, tmp_path)
    specs = {"record": {"of": "quality"}}
    planned = Run("toy-quality", task, None, images, None, specs)
    record = Record(
        **{"task": "toy-quality", "kind": "quality", "dataset": "toy", "source": "visible"},
        **{"source_kind": "visible", "seed": None, "spec": {}, "provenance": PROVENANCE},
        **{"values": {"en": 1.0}, "counts": {"images": 4}, "classes": (), "protocol": PROTOCOL},
        columns={"en": Column(title="EN", mean_title="EN")},
    )

    def write(folder):
        record.write(folder)
        (folder / "per_image.csv").write_text("key,en,flags\n00,6.54321987,\n01,,\n02,inf,\n")

    store.get_or_create("quality", planned.label, specs["record"], write)
    (collected,) = collection.collect_tasks([planned], store)
    assert list(collected.metrics) == ["en"]
    assert collected.sources[0].scores == {"en": {"00": 6.54321987, "02": float("inf")}}
    assert [source.name for source in collected.sources] == ["visible", "infrared"]
    folders = pictures.assign_folders([collected])
    data = page_data.build_task_data(collected, split.keys, folders, {}, {})
    scores = [pair["scores"] for pair in data["pairs"]]
    # rounded, undefined, infinite, not in the file; the infrared image is not scored
    assert scores == [[[6.5432], None], [[None], None], [[None], None], [[None], None]]
