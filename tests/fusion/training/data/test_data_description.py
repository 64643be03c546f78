"""Description of the training data for the model card."""

from pathlib import Path

from fusion.training import training_run
from fusion.training.training_run import TrainingRun
from tests.helpers.fusion import tiny_training


def test_descriptions_of_images_and_pairs_have_their_folders_and_counts(tmp_path):
    tiny_training.write_pairs(tmp_path, "abc")
    folders = {"infrared": "folder/ir", "visible": str(tmp_path / "folder/vi")}
    part = {"dataset": "folder", "split": "all", "data": folders, "first": 2}
    recipe = tiny_training.build_recipe(
        "dmfuse",
        diffusion={"data": [{"images": Path("folder/vi"), "first": 9}]},
        fusion={"data": [part, tiny_training.FOLDER_DATA]},
    )
    (image_description,), pair_descriptions = (
        training_run.find_data(TrainingRun("dmfuse", stage, recipe), tmp_path).descriptions
        for stage in ("diffusion", "fusion")
    )
    assert image_description == "vi: 3 images"
    assert pair_descriptions == (
        "folder all (infrared folder/ir, visible folder/vi): the first 2 pairs",
        "folder all: 3 pairs",
    )
