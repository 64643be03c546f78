"""Ensembles of segmenters from task file to record; two tiny SegFormers are averaged."""

import numpy as np
import pytest

from fusebench.config import schema
from fusebench.data import label_maps
from fusebench.experiments import plan, sources
from fusebench.storage.store import Store
from segmentation import run as segmentation
from segmentation.ensembles import mean
from segmentation.models import segformer
from tests.faults.injection import stored_contents
from tests.helpers import tiny_segmentation_dataset
from tests.helpers.damage import forget_checks

TASKS = """
sources:
  ir: {kind: infrared}
  stacked: {kind: channels}
  both: {kind: ensemble, of: [ir, stacked], fuse: mean}
tasks:
  toy: {kind: segmentation, dataset: fmb, sources: [both], options: {backbone: mit_b0,
        embedding: 16, iterations: 4, schedule: null, warm_up: 1, crop: 64, rescale: [1, 1],
        learning_rate: 1.0e-3}}
"""

pytestmark = pytest.mark.slow


@pytest.fixture
def root(tmp_path):
    tiny_segmentation_dataset.write_fmb_folder(tmp_path / "data", train=3, test=3)
    (tmp_path / "tasks.yaml").write_text(TASKS)
    return tmp_path


def execute(root, out, *flags):
    forget_checks()
    paths = ["--tasks", f"{root}/tasks.yaml", "--data", f"{root}/data", "--out", f"{root}/{out}"]
    return segmentation.main([*paths, "--device", "cpu", *flags])


def build_run(root):
    task_file = schema.load_task_file(root / "tasks.yaml")
    (run,) = plan.build_plan(task_file, ["toy"], root / "data", root).runs
    return run


def test_the_mean_of_two_segmenters_is_resumed_and_the_same_in_jobs(root, monkeypatch):
    combine, finished = mean.combine, []

    def combine_or_stop(predictions, options):
        if len(finished) == 1:
            raise KeyboardInterrupt
        finished.append(1)
        return combine(predictions, options)

    with monkeypatch.context() as patch:
        patch.setattr(mean, "combine", combine_or_stop)
        assert execute(root, "runs") == 130
    (partial,) = (root / "runs/predicted").glob("*.partial")
    assert len(list(partial.glob("*.png"))) == 1
    assert execute(root, "runs") == 0

    run, store = build_run(root), Store(root / "runs")
    record = run.read_record(store)
    assert record.protocol["ensemble"] == "mean of the class probabilities of ir, stacked"
    assert "training" not in record.provenance
    folder = store.find_finished("predicted", run.prediction_label, run.specs["predicted"])
    totals = {}
    for member in run.members:
        trained = store.find_finished("trained", member.trained_label, member.specs["trained"])
        images = sources.get_labeled_images(member.test_images, store, "cpu")
        options = member.model.options, member.model.predict_options
        for key, values in segformer.predict_probabilities(trained, images, *options, device="cpu"):
            totals[key] = totals.get(key, 0) + values.astype(np.float64)
    for key, total in totals.items():
        labels = label_maps.read_label_map(folder / f"{key}.png", run.test_split.classes)
        np.testing.assert_array_equal(labels, total.argmax(axis=0))

    assert execute(root, "jobs", "--workers", "1") == 0
    expected = stored_contents.hash_results(root / "runs")
    results = stored_contents.hash_results(root / "jobs")
    assert stored_contents.list_differences(expected, results) == []
