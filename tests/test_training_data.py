"""What a training says of its data."""

from pathlib import Path

import training_toys as toys

from fusion.training import trainings
from fusion.training.trainings import Training


def test_single_images_and_pairs_are_told_with_their_folders_and_how_many(tmp_path):
    toys.pairs(tmp_path, "abc")
    places = {"infrared": "folder/ir", "visible": str(tmp_path / "folder/vi")}
    part = {"dataset": "folder", "split": "all", "data": places, "first": 2}
    recipe = toys.recipe(
        "dmfuse",
        diffusion={"data": [{"images": Path("folder/vi"), "first": 9}]},
        fusion={"data": [part, toys.FOLDER]},
    )
    (single,), two = (
        trainings.found(Training("dmfuse", stage, recipe), tmp_path).words
        for stage in ("diffusion", "fusion")
    )
    assert single == "vi: 3 images"
    assert two == (
        "folder all (infrared folder/ir, visible folder/vi): the first 2 pairs",
        "folder all: 3 pairs",
    )
