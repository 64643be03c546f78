"""The task file that compares fused sources with reference sources."""

import pytest

from fusebench.config import schema
from fusebench.experiments import resolution
from tests.helpers.paths import REPOSITORY

FILE = REPOSITORY / "configs/reference-sources.yaml"
METHODS_FILE = REPOSITORY / "configs/fusion-methods.yaml"


@pytest.mark.parametrize("name", ["scenes-detection", "scenes-segmentation", "msrs-detection"])
def test_models_are_trained_as_in_the_comparison_of_methods(name):
    task, other = (schema.load_task_file(file).tasks[name] for file in (FILE, METHODS_FILE))
    for field in ("dataset", "data", "seeds", "model", "options", "predict"):
        assert getattr(task, field) == getattr(other, field)
    assert set(other.sources) - {"dmnet"} < set(task.sources)


def test_every_task_has_ensembles_channels_and_a_replaced_channel(tmp_path):
    file = schema.load_task_file(FILE)
    resolved = resolution.resolve_tasks(file, list(file.tasks), tmp_path, FILE.parent)
    for task in resolved.values():
        kinds = {source.kind for source in task.sources}
        assert {"infrared", "visible", "method", "ensemble", "channels", "replace"} == kinds
