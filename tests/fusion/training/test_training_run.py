"""Training runs: what their spec contains, and which stage comes before."""

import json

import pytest

from fusion.training import training_run
from fusion.training.training_run import TrainingRun
from tests.helpers.fusion import tiny_training


@pytest.fixture
def root(tmp_path):
    return tiny_training.write_pairs(tmp_path / "data")


def build_spec(root, stage="fusion", seed=0, **changes):
    recipe = tiny_training.build_recipe("dmfuse", **changes)
    return training_run.build_spec(TrainingRun("dmfuse", stage, recipe, seed), root)


def test_a_spec_is_json_and_contains_the_spec_of_the_previous_stage(root):
    spec = build_spec(root)
    assert json.loads(json.dumps(spec)) == spec
    assert spec["start"] == build_spec(root, "diffusion")


def test_options_of_later_stages_are_not_in_the_spec_of_the_first_stage(root):
    changes = {"fusion": {"steps": 9}, "head": {"interaction": "addition"}}
    assert build_spec(root, "diffusion", **changes) == build_spec(root, "diffusion")
    assert build_spec(root, "fusion", **changes) != build_spec(root, "fusion")


def test_everything_that_decides_the_weights_is_in_the_spec(root):
    spec = build_spec(root)
    assert build_spec(root, seed=1) != spec
    assert build_spec(root, diffusion={"steps": 9}) != spec
    assert build_spec(root, fusion={"data": [{**tiny_training.FOLDER_DATA, "first": 2}]}) != spec
    tiny_training.write_pairs(root, "abcd")
    assert build_spec(root) != spec


def test_a_stage_has_no_previous_one_where_the_recipe_has_none():
    cnn = tiny_training.build_recipe("dmfuse", head={"encoder": "cnn"})
    one_stage = tiny_training.build_recipe("dmnet", two_stages=False)
    two_stages = tiny_training.build_recipe("dmnet")
    assert TrainingRun("dmfuse", "fusion", cnn).previous is None
    assert TrainingRun("dmnet", "2", one_stage).previous is None
    assert TrainingRun("dmnet", "2", two_stages).previous.stage == "1"
