"""Packaged weights and their model card, as fusion.train --to writes them."""

from hashlib import sha256

import pytest
import torch

from fusion.checkpoints import weights_file
from fusion.methods import dmfuse
from fusion.training.recipe import presets
from tests.helpers.fusion import tiny_training
from tests.helpers.fusion.tiny_training import list_labels, run_dmfuse, run_program

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def root(tmp_path):
    return tiny_training.write_pairs(tmp_path / "data").parent


def read_card(weights):
    """Read a card without its line breaks."""
    return " ".join(weights.with_suffix(".md").read_text().split())


def test_finetuned_weights_can_fuse_and_their_card_describes_every_stage(root):
    path = root / "small.safetensors"
    assert run_dmfuse(root, "finetuning", "--to", str(path)) == 0
    assert list_labels(root) == ["dmfuse-diffusion", "dmfuse-finetuning", "dmfuse-fusion"]
    assert dmfuse.load_network(dmfuse.Options(weights=str(path)), "cpu").feature_steps == (50,)
    card = read_card(path)
    for heading in ("**Stage diffusion**", "**Stage fusion**", "**Stage finetuning**"):
        assert heading in card


def test_a_card_repeats_the_stages_in_the_card_of_its_start_weights(root):
    start, path = root / "old" / "small.safetensors", root / "small.safetensors"
    assert run_dmfuse(root, "fusion", "--to", str(start)) == 0
    assert run_dmfuse(root, "finetuning", "--start", str(start), "--to", str(path)) == 0
    lines = path.with_suffix(".md").read_text().splitlines()
    stages = [line.split("**")[1] for line in lines if line.startswith("- **Stage")]
    assert stages == ["Stage diffusion", "Stage fusion", "Stage finetuning"]
    # Both files have one name: the command needs two.
    card = read_card(path)
    assert "--start small-before.safetensors " in card
    assert "--to small.safetensors`" in card
    assert "an earlier version of small.safetensors; the project's history has" in card


def test_the_flag_to_writes_half_precision_weights_and_a_card(root):
    path = root / "packed" / "small.safetensors"
    assert run_dmfuse(root, "fusion", "--to", str(path)) == 0
    tensors, metadata = weights_file.read_weights(path)
    assert (metadata.method, metadata.stage) == ("dmfuse", "fusion")
    (folder,) = (root / "runs/trained").glob("dmfuse-fusion-*")
    assert path.stat().st_size < 0.6 * (folder / weights_file.FILE_NAME).stat().st_size
    exact = weights_file.read_weights(folder / weights_file.FILE_NAME)[0]
    assert tensors.keys() == exact.keys()
    assert all(torch.equal(tensors[name], exact[name].half().float()) for name in exact)
    card = read_card(path)
    for text in ("Stage diffusion", "Stage fusion", "folder all: 3 pairs", "2 steps of batch 2"):
        assert text in card
    for choice in presets.UNSTATED_CHOICES["dmfuse"]:
        assert choice in card
    assert not any(choice in card for choice in presets.UNSTATED_PAPER_PRESET_CHOICES["dmfuse"])
    assert str(root) not in path.with_suffix(".md").read_text()


def test_the_command_in_the_card_names_weights_without_their_folders(root):
    assert run_dmfuse(root, "diffusion", "--name", "first") == 0
    start = root / "runs/trained/first"
    path = root / "small.safetensors"
    assert run_dmfuse(root, "fusion", "--start", str(start), "--to", str(path)) == 0
    card = read_card(path)
    assert "--start first " in card
    assert "earlier version" not in card
    assert f"--to {path.name}`" in card
    assert str(root) not in card
    (file,) = (root / "runs/trained").glob("first-*/model.safetensors")
    assert f"start weights with sha256 `{sha256(file.read_bytes()).hexdigest()}`" in card


def test_the_command_in_the_card_names_the_task_file_without_its_folder(root):
    file = root / "small.yaml"
    file.write_text("trainings: {whole: {method: dmfuse, stage: diffusion}}\n")
    path = root / "small.safetensors"
    arguments = ["--tasks", str(file), "--model", "whole"]
    arguments += [*tiny_training.FOLDER_STAGES, *tiny_training.TINY_STAGES, "--to", str(path)]
    assert run_program(root, *arguments) == 0
    card = read_card(path)
    assert "fusion.train --tasks small.yaml --model whole --set" in card
    assert str(root) not in card
