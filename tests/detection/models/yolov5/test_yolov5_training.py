"""Training: it resumes bit by bit after a kill, and leaves only its result."""

import json
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file

from detection.models import yolov5
from detection.models.yolov5 import dataset, network, training
from fusebench.errors import UserError
from fusebench.experiments.runner import PROTOCOL_FILE
from fusebench.runtime.loading import training_batches
from fusebench.storage.weights import checkpoint_times
from tests.helpers.tiny_detection_dataset import write_labeled_images

pytestmark = pytest.mark.slow
OPTIONS = yolov5.Options(
    image_size=64,
    epochs=3,
    batch=4,
    nominal_batch=8,  # a step every second batch of three: one is pending after an epoch
    warmup_epochs=0.5,
    learning_rate=0.02,
    close_mosaic=1,
)


class KilledError(BaseException):
    """Simulates a kill: nothing catches it, nothing is cleaned up."""


def train(examples, folder, options=OPTIONS, seed=0):
    folder.mkdir(exist_ok=True)
    yolov5.train(examples, options, seed=seed, device="cpu", folder=folder)
    return load_file(folder / network.WEIGHTS_FILE)


@pytest.fixture(autouse=True)
def checkpoint_after_every_epoch(monkeypatch):
    monkeypatch.setattr(checkpoint_times, "MIN_SECONDS", 0.0)
    monkeypatch.setattr(checkpoint_times, "WRITE_FACTOR", 0.0)


@pytest.fixture(scope="module")
def examples(tmp_path_factory):
    return write_labeled_images(tmp_path_factory.mktemp("data"), 10)


@pytest.fixture(scope="module")
def uninterrupted(examples, tmp_path_factory):
    folder = tmp_path_factory.mktemp("uninterrupted")
    return folder, train(examples, folder)


def kill_after(monkeypatch, batches):
    """Kill the training after a number of batches."""
    finished = []
    original = training._train_batch

    def train_or_kill(*args):
        if len(finished) == batches:
            raise KilledError
        finished.append(1)
        return original(*args)

    monkeypatch.setattr(training, "_train_batch", train_or_kill)


def train_and_kill(examples, folder, monkeypatch, batches):
    """Return the folder of a training that was killed after a number of batches."""
    with monkeypatch.context() as patch:
        kill_after(patch, batches)
        with pytest.raises(KilledError):
            train(examples, folder)
    return folder


@pytest.mark.parametrize("batches", [2, 3, 7])  # in the first epoch, between two, in the third
def test_a_resumed_training_ends_with_the_same_weights_bit_for_bit(
    examples, uninterrupted, tmp_path, monkeypatch, batches
):
    folder, expected = uninterrupted
    killed = train_and_kill(examples, tmp_path / "killed", monkeypatch, batches)
    resumed = train(examples, killed)
    assert set(resumed) == set(expected)
    assert all(torch.equal(resumed[name], expected[name]) for name in resumed)
    for name in ("losses.csv", "model.json"):
        assert (killed / name).read_text() == (folder / name).read_text()


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # Python 3.12 about threads
def test_loader_processes_change_neither_a_training_nor_its_resumption(
    examples, uninterrupted, tmp_path, monkeypatch
):
    monkeypatch.setattr(training_batches, "count_workers", lambda device: 2)
    killed = train_and_kill(examples, tmp_path / "killed", monkeypatch, 4)
    resumed = train(examples, killed)
    assert all(torch.equal(resumed[name], value) for name, value in uninterrupted[1].items())


def use_float16(monkeypatch):
    """Let the CPU train as a GPU does: in float16, with scaled gradients."""
    monkeypatch.setattr(training, "choose_precision", lambda options, device: "float16")


def read_precision(folder):
    return json.loads((folder / PROTOCOL_FILE).read_text())["precision"]


def test_a_training_with_scaled_gradients_resumes_bit_for_bit(examples, tmp_path, monkeypatch):
    use_float16(monkeypatch)
    (tmp_path / "whole").mkdir()
    expected = train(examples, tmp_path / "whole")
    killed = train_and_kill(examples, tmp_path / "killed", monkeypatch, 7)
    state = torch.load(killed / training.CHECKPOINT_FILE, weights_only=True)
    assert state["scaler"]["scale"] > 1
    resumed = train(examples, killed)
    assert all(torch.equal(resumed[name], value) for name, value in expected.items())
    assert read_precision(killed) == "float16 where safe (AMP)"


def test_a_training_that_moved_to_a_gpu_says_both_precisions(examples, tmp_path, monkeypatch):
    folder = train_and_kill(examples, tmp_path / "moved", monkeypatch, 4)
    use_float16(monkeypatch)
    train(examples, folder)
    assert read_precision(folder) == "float32, then float16 where safe (AMP)"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_trains_in_float16_unless_told_otherwise(examples, tmp_path):
    for value, precision in (("auto", "float16 where safe (AMP)"), (False, "float32")):
        folder = tmp_path / str(value)
        folder.mkdir()
        options = OPTIONS.model_copy(update={"mixed_precision": value})
        yolov5.train(examples, options, seed=0, device="cuda", folder=folder)
        assert read_precision(folder) == precision


def test_finished_epochs_are_not_trained_again(examples, tmp_path, monkeypatch):
    folder = train_and_kill(examples, tmp_path / "killed", monkeypatch, 7)
    kill_after(monkeypatch, 3)  # the last epoch has three batches
    train(examples, folder)


def test_a_training_killed_during_cleanup_is_not_repeated(examples, tmp_path, monkeypatch):
    def kill(folder):
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(dataset, "remove_yolo_dataset", kill)
        with pytest.raises(KilledError):
            train(examples, tmp_path / "killed")
    kill_after(monkeypatch, 0)
    train(examples, tmp_path / "killed")


def test_another_seed_gives_other_weights(examples, uninterrupted, tmp_path):
    other = train(examples, tmp_path / "other", seed=1)
    assert not torch.equal(other["model.0.conv.weight"], uninterrupted[1]["model.0.conv.weight"])


def test_a_finished_folder_has_only_the_model_its_description_and_logs(uninterrupted):
    names = sorted(path.name for path in uninterrupted[0].iterdir())
    assert names == ["log.txt", "losses.csv", "model.json", "model.safetensors", "time.json"]
    assert (uninterrupted[0] / "losses.csv").read_text().count("\n") == 1 + OPTIONS.epochs


def test_the_images_of_the_source_are_not_deleted(examples, uninterrupted):
    assert all(path.exists() for path in examples.images.values())


def test_frozen_layers_keep_their_initial_weights(examples, tmp_path, uninterrupted):
    weights = uninterrupted[0] / network.WEIGHTS_FILE
    options = OPTIONS.model_copy(update={"start_weights": str(weights), "freeze": 5, "epochs": 1})
    new, old = train(examples, tmp_path / "frozen", options), load_file(weights)
    is_equal = {name: torch.equal(new[name], old[name]) for name in new}
    assert all(is_equal[name] for name in is_equal if name.startswith("model.3."))
    assert not all(is_equal[name] for name in is_equal if name.startswith("model.9."))


def test_a_loss_that_is_not_finite_stops_the_training(examples, tmp_path, monkeypatch):
    def return_nan(*args):
        return torch.full((3,), torch.nan)

    monkeypatch.setattr(training, "_train_batch", return_nan)
    with pytest.raises(
        UserError, match="the loss is not finite in epoch 1; set a smaller learning"
    ):
        train(examples, tmp_path / "nan")
    assert not (tmp_path / "nan" / training.CHECKPOINT_FILE).exists()


def test_weights_that_are_not_finite_after_the_last_step_are_not_written(tmp_path):
    network = torch.nn.Linear(2, 1)
    network.bias.data[0] = torch.inf
    state = SimpleNamespace(ema=SimpleNamespace(ema=network))
    with pytest.raises(UserError, match=r"bias is not finite .* smaller learning_rate"):
        training._write_results(state, None, OPTIONS, None, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_unreadable_checkpoint_is_an_error_that_names_it(examples, tmp_path):
    (tmp_path / training.CHECKPOINT_FILE).write_bytes(b"half a file")
    with pytest.raises(UserError, match=r"state\.pt: cannot be read .*verify --repair"):
        train(examples, tmp_path)
