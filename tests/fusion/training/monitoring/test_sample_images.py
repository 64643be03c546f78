"""Sample images of a training: which images, which pictures, and no effect on the weights."""

import csv

import pytest
import torch
from torch import nn

from fusebench.data import images
from fusion.training import train_stage
from fusion.training.data.random_streams import RandomStreams
from fusion.training.job import RuntimeSettings
from fusion.training.training_run import TrainingRun
from tests.helpers.fusion import tiny_training

pytestmark = pytest.mark.usefixtures("one_thread")
IMAGES = torch.rand(1, 2, 32, 32, generator=torch.Generator().manual_seed(1))


def train(method, stage, root, folder, sample_interval, **changes):
    training = tiny_training.build_training(method, stage, steps=2, **changes)
    settings = RuntimeSettings(sample_interval=sample_interval)
    return tiny_training.train(training, root, folder, settings=settings)


@pytest.mark.parametrize(("held_out", "sample_set"), [(0, "trained_on"), (1, "held_out")])
def test_samples_are_the_held_out_images_or_else_the_first_of_the_data(
    tmp_path, held_out, sample_set
):
    root = tiny_training.write_pairs(tmp_path / "data", "abc")
    train("dmfuse", "diffusion", root, tmp_path / "run", 1, held_out=held_out)
    names = sorted(path.name for path in (tmp_path / "run/looks").iterdir())
    assert names == ["step_000001.png", "step_000002.png"]
    assert [path.stem for path in (tmp_path / "run").glob("*_o*.csv")] == [sample_set]
    with (tmp_path / "run" / f"{sample_set}.csv").open(newline="") as file:
        assert [row["step"] for row in csv.DictReader(file)] == ["1", "2"]
    # four of the six single images, each 32 pixels high; or the held-out one
    rows = 4 if held_out == 0 else 1
    assert images.read_gray(tmp_path / "run/looks" / names[0]).shape == (rows * 32, 4 * 32)


def test_sample_images_change_no_bit_of_the_weights_of_dmnet(tmp_path):
    root = tiny_training.write_pairs(tmp_path / "data", "abc")
    every_step = train("dmnet", "1", root, tmp_path / "every_step", 1)
    last_step = train("dmnet", "1", root, tmp_path / "last_step", 1000)
    assert all(torch.equal(every_step[name], last_step[name]) for name in last_step)


class Oracle(nn.Module):
    """A denoising network that knows the clean image and so predicts the exact noise."""

    def __init__(self, clean):
        super().__init__()
        self.clean = clean

    def forward(self, noisy, level):
        level = level[:, None, None, None]
        return (noisy - level * self.clean) / (1 - level**2).sqrt()


def build_first_stage(**architecture):
    recipe = tiny_training.build_recipe("dmnet", architecture=architecture)
    return train_stage.build_stage(TrainingRun("dmnet", "1", recipe), None).eval()


@torch.no_grad()
def test_sample_images_of_dmnet_end_with_a_pair_sampled_from_its_denoising_network():
    stage = build_first_stage()
    stage.network.denoising = Oracle(IMAGES.flip(3))
    random_state = torch.get_rng_state()
    columns = stage.make_sample_images(1 - IMAGES, RandomStreams(0, [0], "cpu"))
    assert columns.shape == (1, 6, 32, 32)
    torch.testing.assert_close(columns[:, 4:], IMAGES.flip(3), rtol=0, atol=1e-4)
    assert torch.equal(torch.get_rng_state(), random_state)


@torch.no_grad()
def test_sample_images_have_no_sampled_pair_without_a_denoising_network():
    stage = build_first_stage(diffusion_module=False)
    columns = stage.make_sample_images(IMAGES, RandomStreams(0, [0], "cpu"))
    assert columns.shape == (1, 4, 32, 32)
