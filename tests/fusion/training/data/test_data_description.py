"""What a training says of its data."""

from pathlib import Path

from fusion.training import training_run
from fusion.training.training_run import TrainingRun
from tests.helpers import tiny_training as toys


def test_single_images_and_pairs_are_told_with_their_folders_and_how_many(tmp_path):
    toys.write_pairs(tmp_path, "abc")
    places = {"infrared": "folder/ir", "visible": str(tmp_path / "folder/vi")}
    part = {"dataset": "folder", "split": "all", "data": places, "first": 2}
    recipe = toys.build_recipe(
        "dmfuse",
        diffusion={"data": [{"images": Path("folder/vi"), "first": 9}]},
        fusion={"data": [part, toys.FOLDER_DATA]},
    )
    (single,), two = (
        training_run.find_data(TrainingRun("dmfuse", stage, recipe), tmp_path).descriptions
        for stage in ("diffusion", "fusion")
    )
    assert single == "vi: 3 images"
    assert two == (
        "folder all (infrared folder/ir, visible folder/vi): the first 2 pairs",
        "folder all: 3 pairs",
    )
