"""What is looked at during a training, what is shown of it, and that nothing stays."""

import csv

import pytest
import torch
from torch import nn

from fusebench.data import images
from fusion.checkpoints import weights_file
from fusion.training import train_stage, training_run
from fusion.training.data.random_streams import RandomStreams
from fusion.training.job import RuntimeSettings
from fusion.training.training_run import TrainingRun
from tests.helpers import tiny_training as toys

pytestmark = pytest.mark.usefixtures("one_thread")
IMAGES = torch.rand(1, 2, 32, 32, generator=torch.Generator().manual_seed(1))


def trained(method, stage, root, folder, every, **changes):
    sections = {
        name: {"steps": 2, **changes} for name in training_run.STAGE_SECTIONS[method].values()
    }
    training = TrainingRun(method, stage, toys.build_recipe(method, **sections), seed=3)
    folder.mkdir()
    found = training_run.find_data(training, root)
    train_stage.run_training(training, found, None, folder, RuntimeSettings(sample_interval=every))
    return weights_file.read_weights(folder / weights_file.FILE_NAME)[0]


@pytest.mark.parametrize(("held_out", "part"), [(0, "trained_on"), (1, "held_out")])
def test_with_nothing_held_out_the_first_of_the_data_are_looked_at(tmp_path, held_out, part):
    root = toys.write_pairs(tmp_path / "data", "abc")
    trained("dmfuse", "diffusion", root, tmp_path / "run", 1, held_out=held_out)
    names = sorted(path.name for path in (tmp_path / "run/looks").iterdir())
    assert names == ["step_000001.png", "step_000002.png"]
    assert [path.stem for path in (tmp_path / "run").glob("*_o*.csv")] == [part]
    with (tmp_path / "run" / f"{part}.csv").open(newline="") as file:
        assert [row["step"] for row in csv.DictReader(file)] == ["1", "2"]
    # four of six single images, each 32 pixels high; or the one
    rows = 4 if held_out == 0 else 1
    assert images.read_gray(tmp_path / "run/looks" / names[0]).shape == (rows * 32, 4 * 32)


def test_looking_changes_no_bit_of_dmnet(tmp_path):
    root = toys.write_pairs(tmp_path / "data", "abc")
    often = trained("dmnet", "1", root, tmp_path / "often", 1)
    once = trained("dmnet", "1", root, tmp_path / "once", 1000)
    assert all(torch.equal(often[name], once[name]) for name in once)


class Oracle(nn.Module):
    """Knows the clean image, so that what it calls noise is the noise."""

    def __init__(self, clean):
        super().__init__()
        self.clean = clean

    def forward(self, noisy, level):
        level = level[:, None, None, None]
        return (noisy - level * self.clean) / (1 - level**2).sqrt()


def first_stage(**architecture):
    recipe = toys.build_recipe("dmnet", architecture=architecture)
    return train_stage.build_stage(TrainingRun("dmnet", "1", recipe), None).eval()


@torch.no_grad()
def test_dmnet_s_look_ends_with_a_pair_drawn_from_its_denoising_network():
    learner = first_stage()
    learner.network.denoising = Oracle(IMAGES.flip(3))
    state = torch.get_rng_state()
    shown = learner.look(1 - IMAGES, RandomStreams(0, [0], "cpu"))
    assert shown.shape == (1, 6, 32, 32)
    torch.testing.assert_close(shown[:, 4:], IMAGES.flip(3), rtol=0, atol=1e-4)
    assert torch.equal(torch.get_rng_state(), state)


@torch.no_grad()
def test_without_a_denoising_network_there_is_nothing_to_draw():
    learner = first_stage(diffusion_module=False)
    assert learner.look(IMAGES, RandomStreams(0, [0], "cpu")).shape == (1, 4, 32, 32)
