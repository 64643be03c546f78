"""Files of a training: checkpoint, curves, events and sample images, also on a full disk."""

import errno

import pytest
import torch

from fusebench.data import images
from fusebench.runtime.atomic_write import get_temporary_path
from fusion.training import loop, training_state
from fusion.training.job import RuntimeSettings
from fusion.training.monitoring import tensorboard
from tests.helpers.fusion import tiny_training
from tests.helpers.fusion.tiny_training import (
    StoppedError,
    build_training,
    train,
    write_start_weights,
)

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def root(tmp_path):
    return tiny_training.write_pairs(tmp_path / "data")


@pytest.mark.parametrize(
    "write_error",
    [OSError(errno.ENOSPC, "No space left on device"), RuntimeError("PytorchStreamWriter failed")],
)
def test_a_full_disk_is_one_error_and_keeps_the_last_checkpoint(
    root, tmp_path, monkeypatch, write_error
):
    training = build_training("dmfuse", "diffusion", steps=4)
    folder = tmp_path / "run"
    with monkeypatch.context() as patched:
        tiny_training.stop_after(2, patched)
        with pytest.raises(StoppedError):
            train(training, root, folder)
    before = (folder / training_state.FILE_NAME).read_bytes()

    def write_half(content, file):
        file.write(b"half of it")
        raise write_error

    with monkeypatch.context() as patched:
        patched.setattr(torch, "save", write_half)
        with pytest.raises(OSError, match=r"No space left on device: '.*state\.pt'"):
            train(training, root, folder)
    assert (folder / training_state.FILE_NAME).read_bytes() == before
    assert not list(folder.glob("*.new"))
    train(training, root, folder)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("losses.csv", "losses.csv"),
        ("held_out.csv", "held_out.csv"),
        ("step_000002.png", "looks/step_000002.png"),
        ("time.json", "time.json"),
    ],
)
def test_a_full_disk_is_one_error_for_logs_too(root, tmp_path, name, path):
    training, folder = build_training("dmfuse", "diffusion", steps=2), tmp_path / "run"
    full = get_temporary_path(folder / path)
    full.parent.mkdir(parents=True)
    full.symlink_to("/dev/full")
    settings = RuntimeSettings(sample_interval=2)
    with pytest.raises(OSError, match=rf"No space left on device: '.*{name}'"):
        train(training, root, folder, settings=settings)
    full.unlink(missing_ok=True)
    train(training, root, folder, settings=settings)
    assert len(tiny_training.read_curve(folder)) == 2


def test_a_full_disk_is_one_error_for_events(tmp_path):
    writer = tensorboard.EventWriter(tmp_path, 1)
    (file,) = tmp_path.iterdir()
    file.unlink()
    file.symlink_to("/dev/full")
    with pytest.raises(OSError, match=rf"No space left on device: '.*{file.name}'"):
        writer.add_scalars("train", 1, {"total": 0.5})


def test_tensorboard_reads_the_events_and_drops_steps_that_a_resumed_training_repeats(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    writer = tensorboard.EventWriter(tmp_path, 1)
    for step, value in ((1, 0.5), (2, 0.25), (3, 8.0)):
        writer.add_scalars("train", step, {"total": value, "norm": 3.0})
    tensorboard.EventWriter(tmp_path, 3).add_scalars("train", 3, {"total": 0.125})
    events = EventAccumulator(str(tmp_path)).Reload()
    points = [(point.step, point.value) for point in events.Scalars("train/total")]
    assert points == [(1, 0.5), (2, 0.25), (3, 0.125)]
    assert [point.step for point in events.Scalars("train/norm")] == [1, 2]


def test_sample_images_and_events_are_in_the_folder_and_no_checkpoint_remains(root, tmp_path):
    training, folder = build_training("dmfuse", "diffusion", steps=4), tmp_path / "run"
    train(training, root, folder, settings=RuntimeSettings(sample_interval=2))
    names = sorted(path.name for path in (folder / "looks").iterdir())
    assert names == ["step_000002.png", "step_000004.png"]
    assert len(list(folder.glob("events.out.tfevents.*"))) == 1
    assert not (folder / training_state.FILE_NAME).exists()


def test_sample_images_of_different_widths_are_not_cropped(tmp_path):
    tiny_training.write_pairs(tmp_path / "data", "abc", size=(96, 64))
    root = tiny_training.write_pairs(tmp_path / "data", "de", size=(48, 40))
    training = build_training("dmfuse", "fusion", steps=1, held_out=2)
    train(training, root, tmp_path / "run", write_start_weights(training, tmp_path))
    (path,) = (tmp_path / "run/looks").iterdir()
    # infrared, visible, fused of 64 x 64 above those of 32 x 32, black beside them
    picture = images.read_gray(path)
    assert picture.shape == (64 + 32, 3 * 64)
    assert picture[64:, : 2 * 32].any()
    assert not picture[64:, 3 * 32 :].any()


def test_a_training_killed_after_writing_its_weights_is_finished(root, tmp_path, monkeypatch):
    training, folder = build_training("dmfuse", "diffusion", steps=2), tmp_path / "run"
    before = train(training, root, folder)
    assert not (folder / training_state.FILE_NAME).exists()
    monkeypatch.setattr(loop, "run_training_loop", None)
    after = train(training, root, folder)
    assert all(torch.equal(before[name], after[name]) for name in before)
