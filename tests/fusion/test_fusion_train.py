"""Program fusion.train: order of the stages, plan, task files, and errors for wrong input."""

import json

import pytest
import torch

from fusebench.config import schema
from fusebench.errors import UserError
from fusion.checkpoints import weights_file
from fusion.methods import dmfuse
from tests.helpers.fusion import tiny_training
from tests.helpers.fusion.tiny_training import (
    format_set_flags,
    list_labels,
    run_dmfuse,
    run_program,
)

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def root(tmp_path):
    return tiny_training.write_pairs(tmp_path / "data").parent


def test_a_later_stage_trains_the_earlier_one_first_and_each_only_once(root, capsys):
    assert run_dmfuse(root, "fusion") == 0
    assert list_labels(root) == ["dmfuse-diffusion", "dmfuse-fusion"]
    (folder,) = (root / "runs/trained").glob("dmfuse-fusion-*")
    spec = json.loads((folder / "spec.json").read_text())
    assert spec["start"]["stage"] == "diffusion"
    capsys.readouterr()
    assert run_dmfuse(root, "fusion") == 0
    assert capsys.readouterr().out.count("(done)") == 2


def test_the_flag_start_uses_the_weights_of_a_folder_instead_of_training_the_earlier_stage(root):
    assert run_dmfuse(root, "diffusion", "--name", "first") == 0
    start = root / "runs/trained/first"
    assert run_dmfuse(root, "fusion", "--start", str(start)) == 0
    assert list_labels(root) == ["dmfuse-fusion", "first"]


@pytest.mark.parametrize("noise", [True, False])
def test_weights_trained_without_noise_fuse_without_noise(root, noise):
    path = root / "small.safetensors"
    flags = format_set_flags(f"finetuning.noise={noise}")
    assert run_dmfuse(root, "finetuning", *flags, "--to", str(path)) == 0
    image = torch.rand(1, 1, 32, 32, generator=torch.Generator().manual_seed(1))
    network = dmfuse.load_network(dmfuse.Options(weights=str(path)), "cpu")
    noises = network.sample_noise(image, 1 - image)
    assert len(noises) == 2  # one time step of both images
    assert all(bool(sample.any()) == noise for sample in noises)
    assert network.fuse(image, 1 - image, noises).shape == image.shape


@pytest.mark.parametrize("denoising", ["frozen", "trained"])
def test_finetuning_trains_only_the_modules_of_the_features_if_any_denoising_module(
    root, denoising
):
    start, path = root / "base.safetensors", root / "small.safetensors"
    assert run_dmfuse(root, "fusion", "--to", str(start)) == 0
    options = (f"denoising={denoising}", "learning_rate=0.01", "warmup=0")
    flags = format_set_flags(*(f"finetuning.{option}" for option in options))
    assert run_dmfuse(root, "finetuning", "--start", str(start), "--to", str(path), *flags) == 0
    before, after = (weights_file.read_weights(file)[0] for file in (start, path))
    unchanged = {name for name in before if torch.equal(before[name], after[name])}
    denoising_names = {name for name in before if name.startswith("denoising.")}
    # The last two blocks and the output layer compute the noise from the finest features.
    noise_layers = ("denoising.leave.", "denoising.up.17.", "denoising.up.18.")
    unused = {name for name in denoising_names if name.startswith(noise_layers)}
    if denoising == "frozen":
        assert denoising_names <= unchanged
    else:
        assert denoising_names & unchanged == unused
    assert f"denoising {denoising}" in " ".join(path.with_suffix(".md").read_text().split())


def test_plan_prints_finished_trainings_and_data_that_is_not_generated(root, capsys):
    assert run_dmfuse(root, "diffusion") == 0
    capsys.readouterr()
    assert run_dmfuse(root, "fusion", "--plan") == 0
    output = capsys.readouterr().out
    assert "(done): folder all: 3 pairs" in output
    assert "1 of 2 done" in output
    assert run_program(root, "--method", "dmnet", "--stage", "1", "--scenes", "--plan") == 0
    assert "not generated yet" in capsys.readouterr().out
    assert not (root / "data/scenes").exists()


DMNET_1 = ["--method", "dmnet", "--stage", "1"]
DMNET_FINETUNING = ["--method", "dmnet", "--stage", "finetuning"]
DMFUSE_FUSION = ["--method", "dmfuse", "--stage", "fusion"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--stage", "fusion"], "--method and --stage"),
        (["--method", "dmfuse", "--stage", "2"], "known: diffusion, fusion, finetuning"),
        ([*DMNET_1, "--preset", "tiny"], "known: paper, small"),
        ([*DMNET_1, "--set", "x"], "expected section.option=value"),
        ([*DMNET_1, "--set", "stage1.batch=0"], "stage1.batch"),
        ([*DMNET_1, "--set", "stage1.foo=0"], "stage1.foo"),
        ([*DMNET_1, "--set", "architecture.foo=0"], "no option foo"),
        ([*DMNET_1, "--set", "stage1.epochs=3"], "steps or epochs"),
        ([*DMNET_1, "--msrs"], "--scenes and so on choose other data"),
        ([*DMFUSE_FUSION, "--preset", "paper"], "coco/train2014"),
        ([*DMNET_FINETUNING, "--preset", "paper"], "no section finetuning"),
        ([*DMNET_FINETUNING, "--preset", "paper", "--scenes"], "no section finetuning"),
        ([*DMFUSE_FUSION, "--start", "gone/away"], "not trained yet"),
        ([*DMNET_1, "--name", "a/b"], "is part of a folder name"),
        (["--tasks", "gone.yaml"], "no such file"),
        (["--tasks", "gone.yaml", "--method", "dmnet"], "names the trainings"),
        ([*DMNET_1, "--device", "tpu"], "--device tpu"),
        ([*DMNET_1, "--seed", "-1"], "--seed -1: expected 0 to 4294"),
        ([*DMNET_1, "--seed", str(2**32)], "expected 0 to 4294967295"),
        ([*DMNET_1, "--workers", "-1"], "--workers -1: expected at"),
        ([*DMNET_1, "--look-every", "0"], "--look-every 0: expected"),
        ([*DMNET_1, "--model", "AE1"], "give --tasks FILE"),
        ([*DMNET_1, "--to", "weights.pt"], "ends in .safetensors"),
        ([*DMNET_1, "--to", "."], "is a folder"),
    ],
)
def test_wrong_input_is_one_line_and_exit_status_2(root, capsys, arguments, message):
    assert run_program(root, *arguments) == 2
    lines = capsys.readouterr().err.splitlines()
    assert message in lines[-1]
    assert len(lines) == 1
    assert not list((root / "runs").glob("trained/*"))


@pytest.mark.parametrize(
    ("method", "change", "message"),
    [
        ("dmfuse", "denoising.inner=7", "denoising.inner: Input should be a multiple of 2"),
        ("dmfuse", "denoising.inner=0", "denoising.inner: Input should be greater than or equal"),
        ("dmfuse", "denoising.dropout=1", "denoising.dropout: Input should be less than 1"),
        ("dmfuse", "fusion.betas=[0.9, 1.0]", "fusion.betas.1: Input should be less than 1"),
        ("dmfuse", "fusion.betas=[-0.1, 0.9]", "fusion.betas.0: Input should be greater than"),
        ("dmfuse", "fusion.learning_rate=.inf", "learning_rate: Input should be a finite number"),
        ("dmfuse", "head.features_at=[5, 2001]", "features_at must be 1 to 2000"),
        ("dmnet", "stage2.gradient_weight=.nan", "gradient_weight: Input should be a finite"),
        ("dmnet", "architecture.dropout=1", "dropout is 1, expected at least 0 and less than 1"),
        ("dmnet", "architecture.dropout=.nan", "dropout is nan, expected at least 0"),
        ("dmnet", "architecture.heads=0", "heads is 0, expected at least 1"),
        ("dmnet", "architecture.heads='0'", "heads is 0, expected at least 1"),
        ("dmnet", "architecture.heads=many", "architecture.heads: Input should be a valid"),
        ("dmnet", "architecture.inner=7", "inner is 7, expected an even number of at least 2"),
        ("dmnet", "architecture.inner=0", "inner is 0, expected an even number of at least 2"),
        ("dmnet", "architecture.time_steps=[5, 2001]", "time_steps must be 1 to 2000"),
    ],
)
@pytest.mark.parametrize("plan", [True, False])
def test_recipe_values_out_of_range_are_refused(root, capsys, method, change, message, plan):
    stage = {"dmfuse": "fusion", "dmnet": "2"}[method]
    arguments = ["--method", method, "--stage", stage, "--set", change]
    assert run_program(root, *arguments, *(["--plan"] if plan else [])) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line


def test_the_error_for_missing_data_names_flags_of_this_program(root, capsys):
    assert run_program(root, "--method", "dmnet", "--stage", "1", "--msrs") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "MSRS is not at" in line
    assert "detection.run" not in line
    assert "(--data, or data.folder in the task). The flags --msrs, --scenes" in line


def test_start_weights_of_another_width_or_method_are_refused(root, capsys):
    assert run_dmfuse(root, "diffusion", "--name", "first") == 0
    start = ["--start", str(root / "runs/trained/first")]
    assert run_dmfuse(root, "fusion", *start, "--set", "denoising.inner=16") == 2
    assert "denoising.inner is 8 in the file, 16 in the recipe" in capsys.readouterr().err
    (root / "data/folder").rename(root / "data/roadscene")
    assert run_program(root, "--method", "dmnet", "--stage", "2", "--folder", *start) == 2
    assert "dmnet 2 starts from dmnet 1" in capsys.readouterr().err


def test_trainings_of_a_task_file_share_their_first_stage(root, capsys):
    file = root / "ablations.yaml"
    file.write_text(
        "trainings:\n"
        "  whole: {method: dmfuse, stage: fusion}\n"
        "  added: {method: dmfuse, stage: fusion, options: {head: {interaction: addition}}}\n"
        "  plain: {method: dmnet, stage: 2, options: {two_stages: false}, seed: 3}\n"
    )
    arguments = ["--tasks", str(file), "--folder", "--plan"]
    assert run_program(root, *arguments) == 2  # the folder of the preset is roadscene/
    assert "roadscene" in capsys.readouterr().err
    for name in ("ir", "vi"):
        (root / "data/roadscene").mkdir(exist_ok=True)
        (root / "data/folder" / name).rename(root / "data/roadscene" / name)
    assert run_program(root, *arguments) == 0
    lines = capsys.readouterr().out.splitlines()
    labels = [line.split()[1].rstrip(":").rpartition("-")[0] for line in lines[:-1]]
    assert labels == ["dmfuse-diffusion", "whole", "added", "plain"]
    assert run_program(root, *arguments, "--model", "other") == 2
    assert "known: whole, added, plain" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tasks: {}", "no section trainings"),
        ("trainings: {}", "trainings"),
        ("trainings: {a: {stage: fusion}}", "trainings.a.method"),
        ("trainings: {a: {method: dmfuse, stage: fusion, epochs: 3}}", "trainings.a.epochs"),
    ],
)
def test_the_error_for_a_wrong_task_file_names_the_entry(tmp_path, text, message):
    file = tmp_path / "tasks.yaml"
    file.write_text(text)
    with pytest.raises(UserError, match=message):
        schema.load_trainings(file)
