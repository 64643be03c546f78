"""Start weights of finetuning whose features are those of other time steps."""

import pytest
import torch

from fusebench.errors import UserError
from fusion.checkpoints import weights_file
from fusion.checkpoints.feature_steps import merge_feature_steps
from fusion.training.start_weights import check_start_weights
from tests.helpers.fusion import tiny_training
from tests.helpers.fusion.tiny_training import format_set_flags, run_dmfuse, run_program

pytestmark = pytest.mark.usefixtures("one_thread")

DMNET_STAGES = format_set_flags(
    "architecture.inner=8",
    "architecture.features=8",
    "architecture.heads=2",
    *(
        f"{section}.{change}"
        for section in ("stage1", "stage2", "finetuning")
        for change in (
            'data=[{"dataset": "folder", "split": "all"}]',
            *("patch=32", "batch=2", "steps=1", "held_out=1"),
        )
    ),
)


@pytest.fixture
def root(tmp_path):
    return tiny_training.write_pairs(tmp_path / "data").parent


def train_fusion_stage(root):
    """Write DMFuse weights with the features of time steps 5, 50 and 100."""
    path = root / "three.safetensors"
    flags = format_set_flags("head.features_at=[5, 50, 100]")
    assert run_dmfuse(root, "fusion", *flags, "--to", str(path)) == 0
    return path


def test_dmfuse_with_one_step_starts_from_weights_with_three(root, capsys):
    start, path = train_fusion_stage(root), root / "one.safetensors"
    # So low a learning rate that the weights stay those of the start.
    flags = format_set_flags("head.features_at=[50]", "finetuning.learning_rate=1e-9")
    arguments = ("--start", str(start), "--to", str(path))
    assert run_dmfuse(root, "finetuning", *flags, *arguments) == 0
    merged = merge_feature_steps(weights_file.read_weights(start)[0], 3)
    tensors, metadata = weights_file.read_weights(path)
    assert metadata.architecture["head"]["features_at"] == [50]
    for name, tensor in merged.items():
        torch.testing.assert_close(tensors[name], tensor, rtol=1e-3, atol=1e-5)
    sentence = (
        "features of time step 50, those of the start weights of time steps 5, 50, 100; the heads' "
        "kernels of these steps are added up"
    )
    assert sentence in capsys.readouterr().out
    assert sentence in " ".join(path.with_suffix(".md").read_text().split())


def test_dmnet_starts_from_the_weights_of_any_steps(root, capsys):
    start, path = root / "three.safetensors", root / "one.safetensors"
    dmnet = ["--method", "dmnet", *DMNET_STAGES]
    three = format_set_flags("architecture.time_steps=[5, 50, 100]")
    assert run_program(root, *dmnet, *three, "--stage", "2", "--to", str(start)) == 0
    flags = format_set_flags("architecture.time_steps=[50]", "finetuning.learning_rate=1e-9")
    arguments = (*flags, "--start", str(start), "--to", str(path))
    assert run_program(root, *dmnet, "--stage", "finetuning", *arguments) == 0
    tensors, metadata = weights_file.read_weights(path)
    assert metadata.architecture["network"]["time_steps"] == [50]
    for name, tensor in weights_file.read_weights(start)[0].items():
        torch.testing.assert_close(tensors[name], tensor, rtol=1e-3, atol=1e-5)
    sentence = "features of time step 50, those of the start weights of time steps 5, 50, 100"
    assert sentence in capsys.readouterr().out
    assert sentence in " ".join(path.with_suffix(".md").read_text().split())


def build_start(steps, stage="finetuning", **head):
    """Build a training that starts from weights of time steps, and their metadata."""
    recipe = tiny_training.build_recipe("dmfuse", head={"features_at": (50, 100), **head})
    training = tiny_training.TrainingRun("dmfuse", stage, recipe)
    architecture = {
        "denoising": recipe.denoising.model_dump(mode="json", exclude={"levels"}),
        "head": {**recipe.head.model_dump(mode="json"), "features_at": steps},
    }
    return training, weights_file.WeightsMetadata("dmfuse", "fusion", architecture)


@pytest.mark.parametrize(
    ("steps", "head"),
    [
        ([5, 50, 100], {}),  # the recipe has two
        ([50], {}),
        ([5, 50, 100], {"features_at": (50,), "encoder": "cnn"}),  # without diffusion features
    ],
)
def test_other_changes_of_the_steps_are_refused(tmp_path, steps, head):
    training, metadata = build_start(steps, **head)
    with pytest.raises(UserError, match=r"head\.features_at is .* in the file"):
        check_start_weights(training, metadata, tmp_path)


def test_a_second_difference_is_refused(tmp_path):
    training, metadata = build_start([5, 50, 100], features_at=(50,))
    check_start_weights(training, metadata, tmp_path)
    head = {**metadata.architecture["head"], "scaled": True}
    metadata = weights_file.WeightsMetadata(
        "dmfuse", "fusion", {**metadata.architecture, "head": head}
    )
    with pytest.raises(UserError, match=r"recipe: head\.scaled is True in the file, False in the"):
        check_start_weights(training, metadata, tmp_path)
