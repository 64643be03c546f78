"""Training loop with every stage: it resumes bit for bit, learns, and stops at invalid losses."""

from dataclasses import replace

import pytest
import torch

from fusebench.config import schema
from fusebench.errors import UserError
from fusebench.storage.weights import checkpoint
from fusion.checkpoints import weights_file
from fusion.training import loop, train_stage, training_run, training_state
from fusion.training.data.random_streams import RandomStreams
from fusion.training.recipe import presets
from fusion.training.training_run import TrainingRun
from tests.helpers.fusion import tiny_training
from tests.helpers.fusion.tiny_training import (
    StoppedError,
    build_training,
    train,
    write_start_weights,
)
from tests.helpers.paths import REPOSITORY

pytestmark = pytest.mark.usefixtures("one_thread")
STAGES = [
    *(("dmfuse", stage) for stage in ("diffusion", "fusion", "finetuning")),
    *(("dmnet", stage) for stage in ("1", "2", "finetuning")),
    ("student", "distillation"),
]
ABLATIONS = REPOSITORY / "configs/ablations.yaml"


@pytest.fixture
def root(tmp_path):
    return tiny_training.write_pairs(tmp_path / "data")


@pytest.mark.parametrize(("method", "stage"), STAGES)
def test_a_resumed_training_ends_with_the_same_bits(root, tmp_path, monkeypatch, method, stage):
    training = build_training(method, stage, average=0.9, schedule="cosine", clip=1.0, steps=3)
    start_path = write_start_weights(training, tmp_path)
    expected = train(training, root, tmp_path / "uninterrupted", start_path)
    resumed_folder = tmp_path / "resumed"
    with monkeypatch.context() as patched:
        tiny_training.stop_after(2, patched)
        with pytest.raises(StoppedError):
            train(training, root, resumed_folder, start_path)
    content = checkpoint.read_checkpoint(resumed_folder / training_state.FILE_NAME, "cpu")
    assert content["step"] == 2
    resumed = train(training, root, resumed_folder, start_path)
    assert expected.keys() == resumed.keys()
    assert all(torch.equal(expected[name], resumed[name]) for name in expected)
    curves = [tiny_training.read_curve(tmp_path / name) for name in ("uninterrupted", "resumed")]
    assert curves[0] == curves[1]


# Softmax is invariant to a constant added to all its scores, so the bias that adds one has no
# gradient: the paper's affinity compares queries for one key, the code's keys for one query.
PARAMETERS_WITHOUT_GRADIENT = {
    ("dmfuse", "fusion", "paper"): ["fusion.interaction.query.bias"],
    ("dmfuse", "fusion", "code"): ["fusion.interaction.key.bias"],
    ("dmfuse", "finetuning", "paper"): ["fusion.interaction.query.bias"],
}


@pytest.fixture
def float64():
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize(
    ("method", "stage", "affinity"),
    [*((*method_and_stage, "paper") for method_and_stage in STAGES), ("dmfuse", "fusion", "code")],
)
def test_every_trained_parameter_has_a_gradient_after_one_step(tmp_path, method, stage, affinity):
    changes = {"head": {"affinity": affinity, "scaled": affinity == "code"}}
    recipe = tiny_training.build_recipe(method, **(changes if method == "dmfuse" else {}))
    training = TrainingRun(method, stage, recipe, seed=3)
    start_path = write_start_weights(training, tmp_path)
    start_weights = None if start_path is None else weights_file.read_weights(start_path)[0]
    module = train_stage.build_stage(training, start_weights).double()
    channels = 1 if training.input_kind == "gray" else 3 if method == "student" else 2
    images = torch.rand(2, channels, 32, 32, generator=torch.Generator().manual_seed(1))
    parameters = {name: p for name, p in module.named_parameters() if p.requires_grad}
    optimizer = torch.optim.Adam(parameters.values(), lr=1e-3)
    for step in range(2):
        optimizer.zero_grad()
        streams = RandomStreams(0, [2 * step, 2 * step + 1], "cpu")
        module(images, streams)["total"].backward()
        optimizer.step()
    without_gradient = [
        name for name, p in parameters.items() if p.grad is None or p.grad.abs().max() < 1e-12
    ]
    assert without_gradient == PARAMETERS_WITHOUT_GRADIENT.get((method, stage, affinity), [])


@pytest.mark.parametrize("name", schema.load_trainings(ABLATIONS))
def test_every_row_of_the_ablations_has_finite_gradients(name):
    row = schema.load_trainings(ABLATIONS)[name]
    recipe = presets.build_recipe(row.method, row.preset, dict(row.options), [])
    target = TrainingRun(row.method, row.stage, recipe)
    for training in training_run.list_with_prerequisites(target):
        tensors = None
        if training.previous is not None:
            start_weights = train_stage.build_stage(training.previous, None).state_dict()
            tensors = {name.removeprefix("network."): t for name, t in start_weights.items()}
        module = train_stage.build_stage(training, tensors)
        images = torch.rand(1, {"gray": 1, "pairs": 2}[training.input_kind], 32, 32)
        module(images, RandomStreams(0, [0], "cpu"))["total"].backward()
        parameters = [p for p in module.parameters() if p.requires_grad]
        assert all(p.grad is not None and p.grad.isfinite().all() for p in parameters)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "stage", "steps", "learning_rate", "fraction"),
    [
        ("dmfuse", "diffusion", 60, 3e-3, 0.25),
        ("dmfuse", "fusion", 200, 1e-3, 0.3),
        ("dmnet", "1", 60, 3e-3, 0.4),
        ("dmnet", "2", 60, 3e-3, 0.4),
        ("student", "distillation", 200, 1e-2, 0.8),
    ],
)
def test_every_stage_overfits_two_pairs(tmp_path, method, stage, steps, learning_rate, fraction):
    root = tiny_training.write_pairs(tmp_path / "data", "ab", size=(32, 32))
    changes = {
        "held_out": 0,
        "flips": False,
        "learning_rate": learning_rate,
        "schedule": "cosine",
    }
    # Gradient magnitudes do not distinguish an image from its negative, so that DMFuse's fusion
    # network converges to the negative, near 0.36, from some initial weights; not with this seed.
    training = replace(build_training(method, stage, steps=steps, **changes), seed=1)
    train(training, root, tmp_path / "run", write_start_weights(training, tmp_path))
    totals = tiny_training.read_curve(tmp_path / "run")
    assert sum(totals[-10:]) / 10 < fraction * totals[0]


def test_a_nan_loss_stops_with_the_step_the_files_and_the_checkpoint(root, tmp_path, monkeypatch):
    training = build_training("dmfuse", "diffusion", steps=4, held_out=0)
    tiny_training.checkpoint_every_step(monkeypatch)
    compute_losses = loop._compute_losses

    def compute_nan_in_third_step(stage, images, streams, job):
        losses = compute_losses(stage, images, streams, job)
        path = job.folder / training_state.FILE_NAME
        if path.exists() and checkpoint.read_checkpoint(path, "cpu")["step"] == 2:
            losses["total"] = losses["total"] * torch.nan
        return losses

    monkeypatch.setattr(loop, "_compute_losses", compute_nan_in_third_step)
    message = r"step 3: total, norm is not a finite number.*folder/[abc]"
    with pytest.raises(UserError, match=message) as error:
        train(training, root, tmp_path / "run")
    path = tmp_path / "run" / training_state.FILE_NAME
    assert str(path) in str(error.value)
    content = checkpoint.read_checkpoint(path, "cpu")
    assert content["step"] == 2
    assert all(bool(tensor.isfinite().all()) for tensor in content["network"].values())


def test_weights_that_the_last_step_makes_infinite_are_not_written(tmp_path):
    training = build_training("dmfuse", "diffusion")
    stage = train_stage.build_stage(training, None)
    name, parameter = next(stage.named_parameters())
    weights = {name: torch.full_like(parameter, torch.inf)}
    with pytest.raises(UserError, match=r"trained weights: .* is not finite .*lower learning_rate"):
        train_stage._write_weights(training, stage, weights, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_frozen_weights_equal_those_of_the_previous_stage(root, tmp_path):
    training = build_training("dmfuse", "fusion", steps=1)
    start_path = write_start_weights(training, tmp_path)
    weights = train(training, root, tmp_path / "run", start_path)
    for name, tensor in weights_file.read_weights(start_path)[0].items():
        assert torch.equal(weights[name], tensor), name


@pytest.mark.parametrize("method", ["dmfuse", "dmnet"])
def test_finetuning_starts_from_all_weights_of_the_previous_stage(root, tmp_path, method):
    training = build_training(method, "finetuning", steps=1, learning_rate=1e-12)
    start_path = write_start_weights(training, tmp_path)
    weights = train(training, root, tmp_path / "run", start_path)
    start_weights, metadata = weights_file.read_weights(start_path)
    assert metadata.stage == {"dmfuse": "fusion", "dmnet": "2"}[method]
    assert weights_file.read_weights(tmp_path / "run" / weights_file.FILE_NAME)[1] == metadata
    assert weights.keys() == start_weights.keys()
    for name, tensor in start_weights.items():
        torch.testing.assert_close(weights[name], tensor, rtol=0, atol=1e-10)


def test_finetuning_has_its_own_loss_weights(tmp_path):
    sections = {"fusion": {"weights": [1, 4, 20]}, "finetuning": {"weights": [1, 40, 20]}}
    recipe = tiny_training.build_recipe("dmfuse", **sections)
    start_path = write_start_weights(TrainingRun("dmfuse", "finetuning", recipe), tmp_path)
    tensors = weights_file.read_weights(start_path)[0]
    images = torch.rand(1, 2, 32, 32, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        fusion_losses, finetuning_losses = (
            train_stage.build_stage(TrainingRun("dmfuse", stage, recipe), tensors)(
                images, RandomStreams(0, [0], "cpu")
            )
            for stage in ("fusion", "finetuning")
        )
    assert float(finetuning_losses["intensity"]) == pytest.approx(
        10 * float(fusion_losses["intensity"])
    )
    assert float(finetuning_losses["gradient"]) == pytest.approx(float(fusion_losses["gradient"]))


def test_the_denoising_network_is_never_in_training_mode_in_the_fusion_stage(tmp_path):
    training = build_training("dmfuse", "fusion")
    start_path = write_start_weights(training, tmp_path)
    stage = train_stage.build_stage(training, weights_file.read_weights(start_path)[0]).train()
    assert stage.fusion.training
    assert not any(module.training for module in stage.denoising.modules())
