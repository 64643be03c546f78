"""The task file that compares the packaged fusion methods."""

from fusebench.config import schema
from fusebench.experiments import resolution
from tests.helpers.paths import REPOSITORY

FILE = REPOSITORY / "configs/fusion-methods.yaml"
MODEL_TASKS = ("scenes-detection", "scenes-segmentation", "msrs-detection")


def test_the_model_tasks_have_both_sensors_three_seeds_and_the_teacher_as_reference(tmp_path):
    file = schema.load_task_file(FILE)
    resolved = resolution.resolve_tasks(file, MODEL_TASKS, tmp_path, FILE.parent)
    for task in resolved.values():
        names = [source.name for source in task.sources]
        assert names == ["infrared", "visible", "laplacian", "dmfuse", "dmnet", "student"]
        assert task.task.seeds == (0, 1, 2)
        assert task.task.equivalence.reference == "dmfuse"


def test_every_method_of_the_file_is_scored_by_eight_metrics_and_those_of_faults(tmp_path):
    file = schema.load_task_file(FILE)
    task = resolution.resolve_tasks(file, ["msrs-quality"], tmp_path, FILE.parent)["msrs-quality"]
    methods = {n for n, s in file.sources.items() if isinstance(s, schema.FusionMethodSource)}
    assert {source.name for source in task.sources} == methods
    assert len(task.task.metrics) == 11
