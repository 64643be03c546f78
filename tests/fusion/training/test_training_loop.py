"""The loop over every stage: it resumes bit for bit, learns, and stops in time."""

import csv
import errno
import os
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from fusebench.config import schema
from fusebench.data import images
from fusebench.errors import UserError
from fusebench.storage import checkpoint
from fusion.checkpoints import weights_file
from fusion.training import loop, train_stage, training_run, training_state
from fusion.training.data.random_streams import RandomStreams
from fusion.training.job import RuntimeSettings
from fusion.training.monitoring import tensorboard
from fusion.training.recipe import presets
from fusion.training.training_run import TrainingRun
from tests.helpers import tiny_training as toys
from tests.helpers.paths import REPOSITORY

pytestmark = pytest.mark.usefixtures("one_thread")
STAGES = [
    *(("dmfuse", stage) for stage in ("diffusion", "fusion", "finetuning")),
    *(("dmnet", stage) for stage in ("1", "2", "finetuning")),
]
ABLATIONS = REPOSITORY / "configs/ablations.yaml"
SETTINGS = RuntimeSettings(sample_interval=1000)


class StopHereError(Exception):
    pass


@pytest.fixture
def root(tmp_path):
    return toys.write_pairs(tmp_path / "data")


def trained(training, root, folder, start=None, settings=SETTINGS):
    folder.mkdir(parents=True, exist_ok=True)
    train_stage.run_training(
        training, training_run.find_data(training, root), start, folder, settings
    )
    return weights_file.read_weights(folder / weights_file.FILE_NAME)[0]


def curve(folder, name="total"):
    with (folder / "losses.csv").open(newline="") as file:
        return [float(row[name]) for row in csv.DictReader(file)]


def start_of(training, tmp_path):
    """Weights of the stage before it, as they are before the first step."""
    before = training.previous
    if before is None:
        return None
    learner = train_stage.build_stage(before, None)
    tensors = {name.removeprefix("network."): t for name, t in learner.state_dict().items()}
    facts = weights_file.WeightsMetadata(
        before.method, before.weights_stage, training_run.build_architecture(before)
    )
    weights_file.write_weights(tmp_path / "before.safetensors", tensors, facts)
    return tmp_path / "before.safetensors"


def tiny(method, stage, **changes):
    sections = dict.fromkeys(training_run.STAGE_SECTIONS[method].values(), changes)
    return TrainingRun(method, stage, toys.build_recipe(method, **sections), seed=3)


def stops_after(steps, monkeypatch):
    """The step after so many raises; every one before it is kept on disk."""
    real, done = loop._run_step, []

    def step(*args):
        if len(done) == steps:
            raise StopHereError
        done.append(1)
        return real(*args)

    monkeypatch.setattr(loop, "_run_step", step)
    keeps_every_step(monkeypatch)


def keeps_every_step(monkeypatch):
    monkeypatch.setattr(loop, "MIN_CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(loop, "CHECKPOINT_TIME_FACTOR", 0.0)


@pytest.mark.parametrize(("method", "stage"), STAGES)
def test_a_stopped_training_ends_with_the_same_bits(root, tmp_path, monkeypatch, method, stage):
    training = tiny(method, stage, average=0.9, schedule="cosine", clip=1.0, steps=3)
    start = start_of(training, tmp_path)
    through = trained(training, root, tmp_path / "through", start)
    with monkeypatch.context() as patched:
        stops_after(2, patched)
        with pytest.raises(StopHereError):
            trained(training, root, tmp_path / "stopped", start)
    assert (
        checkpoint.read_checkpoint(tmp_path / "stopped" / training_state.FILE_NAME, "cpu")["step"]
        == 2
    )
    resumed = trained(training, root, tmp_path / "stopped", start)
    assert through.keys() == resumed.keys()
    assert all(torch.equal(through[name], resumed[name]) for name in through)
    assert curve(tmp_path / "through") == curve(tmp_path / "stopped")


# Softmax takes no notice of what is added to all its scores, so such a bias has no gradient: in the
# paper's way queries are compared for one key, in the code's keys for one query.
WITHOUT = {
    ("dmfuse", "fusion", "paper"): ["fusion.interaction.query.bias"],
    ("dmfuse", "fusion", "code"): ["fusion.interaction.key.bias"],
    ("dmfuse", "finetuning", "paper"): ["fusion.interaction.query.bias"],
}


@pytest.fixture
def double():
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize(
    ("method", "stage", "affinity"),
    [*((*both, "paper") for both in STAGES), ("dmfuse", "fusion", "code")],
)
def test_every_trained_parameter_has_a_gradient_after_one_step(tmp_path, method, stage, affinity):
    changes = {"head": {"affinity": affinity, "scaled": affinity == "code"}}
    recipe = toys.build_recipe(method, **(changes if method == "dmfuse" else {}))
    training = TrainingRun(method, stage, recipe, seed=3)
    start = start_of(training, tmp_path)
    learner = train_stage.build_stage(
        training, None if start is None else weights_file.read_weights(start)[0]
    ).double()
    channels = 1 if training.input_kind == "gray" else 2
    images = torch.rand(2, channels, 32, 32, generator=torch.Generator().manual_seed(1))
    trained_ones = {name: p for name, p in learner.named_parameters() if p.requires_grad}
    optimizer = torch.optim.Adam(trained_ones.values(), lr=1e-3)
    for position in range(2):
        optimizer.zero_grad()
        learner(images, RandomStreams(0, [2 * position, 2 * position + 1], "cpu"))[
            "total"
        ].backward()
        optimizer.step()
    without = [
        name for name, p in trained_ones.items() if p.grad is None or p.grad.abs().max() < 1e-12
    ]
    assert without == WITHOUT.get((method, stage, affinity), [])


@pytest.mark.parametrize("name", schema.load_trainings(ABLATIONS))
def test_every_row_of_the_ablations_learns(name):
    row = schema.load_trainings(ABLATIONS)[name]
    recipe = presets.build_recipe(row.method, row.preset, dict(row.options), [])
    for link in training_run.list_with_prerequisites(TrainingRun(row.method, row.stage, recipe)):
        before = link.previous
        start = None if before is None else train_stage.build_stage(before, None).state_dict()
        tensors = start and {name.removeprefix("network."): t for name, t in start.items()}
        learner = train_stage.build_stage(link, tensors)
        images = torch.rand(1, {"gray": 1, "pairs": 2}[link.input_kind], 32, 32)
        learner(images, RandomStreams(0, [0], "cpu"))["total"].backward()
        trained_ones = [p for p in learner.parameters() if p.requires_grad]
        assert all(p.grad is not None and p.grad.isfinite().all() for p in trained_ones)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "stage", "rate", "fraction"),
    [
        ("dmfuse", "diffusion", 3e-3, 0.25),
        ("dmfuse", "fusion", 1e-3, 0.3),
        ("dmnet", "1", 3e-3, 0.4),
        ("dmnet", "2", 3e-3, 0.4),
    ],
)
def test_two_pairs_are_learnt_by_heart(tmp_path, method, stage, rate, fraction):
    root = toys.write_pairs(tmp_path / "data", "ab", size=(32, 32))
    changes = {"held_out": 0, "flips": False, "learning_rate": rate, "schedule": "cosine"}
    # Gradient magnitudes do not tell an image from its negative, so that some starts of DMFuse's
    # fusion network end at the negative, near 0.36; this one does not.
    training = replace(tiny(method, stage, steps=200, **changes), seed=1)
    trained(training, root, tmp_path / "run", start_of(training, tmp_path))
    totals = curve(tmp_path / "run")
    assert sum(totals[-10:]) / 10 < fraction * totals[0]


def test_a_loss_that_is_no_number_stops_with_the_step_and_the_files(root, tmp_path, monkeypatch):
    training = tiny("dmfuse", "diffusion", steps=4, held_out=0)
    keeps_every_step(monkeypatch)
    real = loop._compute_losses

    def losses(learner, images, draws, job):
        found = real(learner, images, draws, job)
        kept = job.folder / training_state.FILE_NAME
        if kept.exists() and checkpoint.read_checkpoint(kept, "cpu")["step"] == 2:
            found["total"] = found["total"] * torch.nan
        return found

    monkeypatch.setattr(loop, "_compute_losses", losses)
    with pytest.raises(UserError, match=r"step 3: total, norm is not a number.*folder/[abc]") as no:
        trained(training, root, tmp_path / "run")
    assert str(tmp_path / "run" / training_state.FILE_NAME) in str(no.value)
    saved = checkpoint.read_checkpoint(tmp_path / "run" / training_state.FILE_NAME, "cpu")
    assert saved["step"] == 2
    assert all(bool(tensor.isfinite().all()) for tensor in saved["network"].values())


@pytest.mark.parametrize(
    "fault",
    [OSError(errno.ENOSPC, "No space left on device"), RuntimeError("PytorchStreamWriter failed")],
)
def test_a_full_disk_is_one_error_and_the_last_checkpoint_stays(root, tmp_path, monkeypatch, fault):
    training = tiny("dmfuse", "diffusion", steps=4)
    with monkeypatch.context() as patched:
        stops_after(2, patched)
        with pytest.raises(StopHereError):
            trained(training, root, tmp_path / "run")
    before = (tmp_path / "run" / training_state.FILE_NAME).read_bytes()

    def full(content, file):
        file.write(b"half of it")
        raise fault

    with monkeypatch.context() as patched:
        patched.setattr(torch, "save", full)
        with pytest.raises(UserError, match=r"state\.pt: cannot be written .*make room"):
            trained(training, root, tmp_path / "run")
    assert (tmp_path / "run" / training_state.FILE_NAME).read_bytes() == before
    assert not list((tmp_path / "run").glob(f"*{training_state.FILE_NAME}.*"))
    trained(training, root, tmp_path / "run")


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("losses.csv", "losses.csv"),
        ("held_out.csv", "held_out.csv"),
        ("step_000002.png", "looks/.step_000002.png.{pid}"),
        ("time.json", "time.json"),
    ],
)
def test_a_full_disk_is_one_error_for_what_is_shown_too(root, tmp_path, name, place):
    place = place.format(pid=os.getpid())
    training, folder = tiny("dmfuse", "diffusion", steps=2), tmp_path / "run"
    (folder / place).parent.mkdir(parents=True)
    (folder / place).symlink_to("/dev/full")
    settings = RuntimeSettings(sample_interval=2)
    with pytest.raises(UserError, match=rf"{name}: cannot be written .*No space left.*make room"):
        trained(training, root, folder, settings=settings)
    (folder / place).unlink(missing_ok=True)
    trained(training, root, folder, settings=settings)
    assert len(curve(folder)) == 2


def test_events_on_a_full_disk_are_one_error(tmp_path):
    told = tensorboard.EventWriter(tmp_path, 1)
    (file,) = tmp_path.iterdir()
    file.unlink()
    file.symlink_to("/dev/full")
    with pytest.raises(UserError, match=rf"{file.name}: cannot be written .*make room"):
        told.add_scalars("train", 1, {"total": 0.5})


def test_tensorboard_reads_the_events_and_drops_what_a_stopped_training_told_last(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    told = tensorboard.EventWriter(tmp_path, 1)
    for step, value in ((1, 0.5), (2, 0.25), (3, 8.0)):
        told.add_scalars("train", step, {"total": value, "norm": 3.0})
    tensorboard.EventWriter(tmp_path, 3).add_scalars("train", 3, {"total": 0.125})
    found = EventAccumulator(str(tmp_path)).Reload()
    points = [(point.step, point.value) for point in found.Scalars("train/total")]
    assert points == [(1, 0.5), (2, 0.25), (3, 0.125)]
    assert [point.step for point in found.Scalars("train/norm")] == [1, 2]


def test_frozen_weights_are_those_of_the_stage_before(root, tmp_path):
    training = tiny("dmfuse", "fusion", steps=1)
    start = start_of(training, tmp_path)
    after = trained(training, root, tmp_path / "run", start)
    for name, tensor in weights_file.read_weights(start)[0].items():
        assert torch.equal(after[name], tensor), name


@pytest.mark.parametrize("method", ["dmfuse", "dmnet"])
def test_finetuning_goes_on_with_all_weights_of_the_stage_before(root, tmp_path, method):
    training = tiny(method, "finetuning", steps=1, learning_rate=1e-12)
    start = start_of(training, tmp_path)
    after = trained(training, root, tmp_path / "run", start)
    before, facts = weights_file.read_weights(start)
    assert facts.stage == {"dmfuse": "fusion", "dmnet": "2"}[method]
    assert weights_file.read_weights(tmp_path / "run" / weights_file.FILE_NAME)[1] == facts
    assert after.keys() == before.keys()
    for name, tensor in before.items():
        torch.testing.assert_close(after[name], tensor, rtol=0, atol=1e-10)


def test_finetuning_has_its_own_loss(tmp_path):
    sections = {"fusion": {"weights": [1, 4, 20]}, "finetuning": {"weights": [1, 40, 20]}}
    recipe = toys.build_recipe("dmfuse", **sections)
    start = start_of(TrainingRun("dmfuse", "finetuning", recipe), tmp_path)
    tensors = weights_file.read_weights(start)[0]
    images = torch.rand(1, 2, 32, 32, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        whole, finer = (
            train_stage.build_stage(TrainingRun("dmfuse", stage, recipe), tensors)(
                images, RandomStreams(0, [0], "cpu")
            )
            for stage in ("fusion", "finetuning")
        )
    assert float(finer["intensity"]) == pytest.approx(10 * float(whole["intensity"]))
    assert float(finer["gradient"]) == pytest.approx(float(whole["gradient"]))


def test_the_denoising_network_is_never_in_training_mode_in_the_fusion_stage(tmp_path):
    training = tiny("dmfuse", "fusion")
    start = start_of(training, tmp_path)
    learner = train_stage.build_stage(training, weights_file.read_weights(start)[0]).train()
    assert learner.fusion.training
    assert not any(module.training for module in learner.denoising.modules())


def test_looks_curves_and_events_lie_in_the_folder(root, tmp_path):
    training = tiny("dmfuse", "diffusion", steps=4)
    trained(training, root, tmp_path / "run", settings=RuntimeSettings(sample_interval=2))
    names = sorted(path.relative_to(tmp_path / "run").as_posix() for path in looked(tmp_path))
    assert names == ["looks/step_000002.png", "looks/step_000004.png"]
    assert len(list((tmp_path / "run").glob("events.out.tfevents.*"))) == 1
    assert not (tmp_path / "run" / training_state.FILE_NAME).exists()


def looked(tmp_path):
    return (tmp_path / "run" / "looks").iterdir()


def test_looks_show_pictures_of_different_widths_whole(tmp_path):
    toys.write_pairs(tmp_path / "data", "abc", size=(96, 64))
    root = toys.write_pairs(tmp_path / "data", "de", size=(48, 40))
    training = tiny("dmfuse", "fusion", steps=1, held_out=2)
    trained(training, root, tmp_path / "run", start_of(training, tmp_path))
    (look,) = looked(tmp_path)
    # infrared, visible, fused of 64 x 64 above those of 32 x 32, black beside them
    picture = images.read_gray(look)
    assert picture.shape == (64 + 32, 3 * 64)
    assert picture[64:, : 2 * 32].any()
    assert not picture[64:, 3 * 32 :].any()


def test_killed_after_the_weights_were_written_a_training_is_finished(root, tmp_path, monkeypatch):
    training = tiny("dmfuse", "diffusion", steps=2)
    before = trained(training, root, tmp_path / "run")
    assert not (tmp_path / "run" / training_state.FILE_NAME).exists()
    monkeypatch.setattr(loop, "run_training_loop", None)
    after = trained(training, root, tmp_path / "run")
    assert all(torch.equal(before[name], after[name]) for name in before)


@pytest.mark.parametrize(("took", "wait"), [(0.1, 30.0), (4.0, 80.0)])
def test_a_checkpoint_that_takes_long_is_written_less_often(monkeypatch, took, wait):
    clock = [100.0]

    def keep(run, job):
        clock[0] += took

    monkeypatch.setattr(loop.state, "keep", keep)
    monkeypatch.setattr(loop, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    assert loop._save_checkpoint(None, None) == pytest.approx(100 + took + wait)
