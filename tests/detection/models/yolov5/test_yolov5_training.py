"""Training: a killed one goes on bit by bit, and leaves nothing behind but its result."""

import pytest
import torch
from safetensors.torch import load_file

from detection.models import yolov5
from detection.models.yolov5 import dataset, network, training
from fusebench.errors import UserError
from tests.helpers.tiny_detection_dataset import write_labeled_images

pytestmark = pytest.mark.slow
OPTIONS = yolov5.Options(
    image_size=64,
    epochs=3,
    batch=4,
    nominal_batch=8,  # steps every second batch of three: one is pending at the end of an epoch
    warmup_epochs=0.5,
    learning_rate=0.02,
    close_mosaic=1,
)


class Killed(BaseException):
    """What a kill looks like from within: nothing is caught, nothing cleaned up."""


def train(shown, folder, options=OPTIONS, seed=0):
    folder.mkdir(exist_ok=True)
    yolov5.train(shown, options, seed=seed, device="cpu", folder=folder)
    return load_file(folder / network.WEIGHTS_FILE)


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    return write_labeled_images(tmp_path_factory.mktemp("toy"), 10)


@pytest.fixture(scope="module")
def whole(shown, tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    return folder, train(shown, folder)


def killed_after(monkeypatch, batches):
    """Let so many batches pass, then die."""
    done = []
    original = training._train_batch

    def one_batch(*args):
        if len(done) == batches:
            raise Killed
        done.append(1)
        return original(*args)

    monkeypatch.setattr(training, "_train_batch", one_batch)


def half_trained(shown, folder, monkeypatch, batches):
    """Leave the folder of a training that was killed after so many batches."""
    with monkeypatch.context() as patch:
        killed_after(patch, batches)
        with pytest.raises(Killed):
            train(shown, folder)
    return folder


@pytest.mark.parametrize("batches", [2, 3, 7])  # in the first epoch, between two, in the third
def test_a_killed_training_ends_with_the_same_bits(shown, whole, tmp_path, monkeypatch, batches):
    again = train(shown, half_trained(shown, tmp_path / "killed", monkeypatch, batches))
    assert set(again) == set(whole[1])
    assert all(torch.equal(again[name], whole[1][name]) for name in again)
    names = ("losses.csv", "model.json")
    assert all((tmp_path / "killed" / n).read_text() == (whole[0] / n).read_text() for n in names)


def test_finished_epochs_are_not_trained_again(shown, tmp_path, monkeypatch):
    folder = half_trained(shown, tmp_path / "killed", monkeypatch, 7)
    killed_after(monkeypatch, 3)  # the last epoch has three batches; a fourth would be too many
    train(shown, folder)


def test_a_training_killed_while_tidying_up_is_not_repeated(shown, tmp_path, monkeypatch):
    def die(folder):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(dataset, "remove_yolo_dataset", die)
        with pytest.raises(Killed):
            train(shown, tmp_path / "killed")
    killed_after(monkeypatch, 0)
    train(shown, tmp_path / "killed")


def test_another_seed_gives_other_weights(shown, whole, tmp_path):
    other = train(shown, tmp_path / "other", seed=1)
    assert not torch.equal(other["model.0.conv.weight"], whole[1]["model.0.conv.weight"])


def test_what_is_left_is_the_model_and_its_papers(whole):
    names = sorted(path.name for path in whole[0].iterdir())
    assert names == ["log.txt", "losses.csv", "model.json", "model.safetensors", "time.json"]
    assert (whole[0] / "losses.csv").read_text().count("\n") == 1 + OPTIONS.epochs


def test_the_images_of_the_source_are_left_alone(shown, whole):
    assert all(path.exists() for path in shown.images.values())


def test_frozen_layers_keep_their_start_weights(shown, tmp_path, whole):
    start = whole[0] / network.WEIGHTS_FILE
    options = OPTIONS.model_copy(update={"start_weights": str(start), "freeze": 5, "epochs": 1})
    new, old = train(shown, tmp_path / "frozen", options), load_file(start)
    same = {name: torch.equal(new[name], old[name]) for name in new}
    assert all(same[name] for name in same if name.startswith("model.3."))
    assert not all(same[name] for name in same if name.startswith("model.9."))


def test_a_loss_that_is_no_number_stops_the_training(shown, tmp_path, monkeypatch):
    def nan(run, *rest):
        return torch.full((3,), torch.nan)

    monkeypatch.setattr(training, "_train_batch", nan)
    with pytest.raises(UserError, match="no longer a number in epoch 1; set a smaller learning"):
        train(shown, tmp_path / "nan")
    assert not (tmp_path / "nan" / training.CHECKPOINT_FILE).exists()


def test_a_state_that_cannot_be_read_is_named(shown, tmp_path):
    (tmp_path / training.CHECKPOINT_FILE).write_bytes(b"half a file")
    with pytest.raises(UserError, match=r"state\.pt: cannot be read .*delete it"):
        train(shown, tmp_path)
