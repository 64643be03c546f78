"""The loop over the stages of DMFuse: it resumes bit for bit, stops at NaN, and learns."""

import pytest
import torch
import training_toys as toys

from bench import checkpoint
from fusion import checkpoints
from fusion.training import loop, trainings, work
from fusion.training.loop import Settings
from fusion.training.trainings import Training

STAGES = [("dmfuse", "diffusion"), ("dmfuse", "fusion"), ("dmnet", "1"), ("dmnet", "2")]
SETTINGS = Settings(look_every=1000)


class Stop(Exception):
    pass


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def root(tmp_path):
    return toys.pairs(tmp_path / "data")


def trained(training, root, folder, start=None, settings=SETTINGS):
    folder.mkdir(parents=True, exist_ok=True)
    work.train(training, trainings.found(training, root), start, folder, settings)
    return checkpoints.read(folder / checkpoints.NAME)[0]


def start_of(training, root, tmp_path):
    """Weights of the stage before, as they are after one step."""
    before = training.before
    if before is None:
        return None
    folder = tmp_path / "before"
    trained(before, root, folder)
    return folder / checkpoints.NAME


def stops_after(steps, monkeypatch):
    """The step after so many raises; every one before it is kept on disk."""
    real, done = loop._step, []

    def step(*args):
        if len(done) == steps:
            raise Stop
        done.append(1)
        return real(*args)

    monkeypatch.setattr(loop, "_step", step)
    monkeypatch.setattr(loop, "KEEP_EVERY", 0.0)


@pytest.mark.parametrize(("method", "stage"), STAGES)
def test_a_stopped_training_ends_with_the_same_bits(root, tmp_path, monkeypatch, method, stage):
    changes = {"average": 0.9, "schedule": "cosine", "clip": 1.0, "steps": 4}
    sections = dict.fromkeys(trainings.SECTIONS[method].values(), changes)
    training = Training(method, stage, toys.recipe(method, **sections), seed=3)
    start = start_of(training, root, tmp_path)
    through = trained(training, root, tmp_path / "through", start)
    with monkeypatch.context() as patched:
        stops_after(2, patched)
        with pytest.raises(Stop):
            trained(training, root, tmp_path / "stopped", start)
    assert checkpoint.read(tmp_path / "stopped" / loop.STATE, "cpu")["step"] == 2
    resumed = trained(training, root, tmp_path / "stopped", start)
    assert through.keys() == resumed.keys()
    assert all(torch.equal(through[name], resumed[name]) for name in through)
    curves = [(tmp_path / name / "losses.csv").read_text() for name in ("through", "stopped")]
    assert curves[0] == curves[1]
