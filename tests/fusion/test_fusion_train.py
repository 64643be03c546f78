"""The program that trains: recipes, specs, the stages' order, and what it says to wrong input."""

import json
import os
from hashlib import sha256
from pathlib import Path

import pytest
import torch

from fusebench.config import schema
from fusebench.datasets import msrs
from fusebench.errors import UserError
from fusion.checkpoints import weights_file
from fusion.methods import dmfuse
from fusion.train import main
from fusion.training import training_run
from fusion.training.data import dataset
from fusion.training.recipe import presets
from fusion.training.recipe.schema import RECIPES, STAGE_SECTIONS
from fusion.training.training_run import TrainingRun
from tests.helpers import tiny_training as toys

TINY = [
    word
    for stage in ("diffusion", "fusion", "finetuning")
    for change in ("patch=32", "batch=2", "steps=2", "held_out=1", "precision=float32")
    for word in ("--set", f"{stage}.{change}")
]
PARTS = [
    word
    for stage in ("diffusion", "fusion", "finetuning")
    for word in ("--set", f'{stage}.data=[{{"dataset": "folder", "split": "all"}}]')
]


@pytest.fixture
def root(tmp_path):
    return toys.write_pairs(tmp_path / "data").parent


def run(root, *words):
    """The exit status of the program on the toy pairs."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        places = ["--data", str(root / "data"), "--out", str(root / "runs"), "--device", "cpu"]
        return main([*places, *words])
    finally:
        torch.set_num_threads(before)


def tiny(root, stage, *more):
    words = ["--method", "dmfuse", "--stage", stage, "--set", "denoising.inner=8"]
    return run(root, *words, *PARTS, *TINY, *more)


def names(root):
    return sorted(path.name.rpartition("-")[0] for path in (root / "runs/trained").iterdir())


def test_a_later_stage_trains_the_earlier_one_first_and_both_once(root, capsys):
    assert tiny(root, "fusion") == 0
    assert names(root) == ["dmfuse-diffusion", "dmfuse-fusion"]
    (last,) = (root / "runs/trained").glob("dmfuse-fusion-*")
    spec = json.loads((last / "spec.json").read_text())
    assert spec["start"]["stage"] == "diffusion"
    capsys.readouterr()
    assert tiny(root, "fusion") == 0
    assert capsys.readouterr().out.count("(done)") == 2


def test_start_takes_the_weights_of_a_folder_instead(root):
    assert tiny(root, "diffusion", "--name", "mine") == 0
    start = root / "runs/trained/mine"
    assert tiny(root, "fusion", "--start", str(start)) == 0
    assert names(root) == ["dmfuse-fusion", "mine"]


def test_finetuned_weights_are_a_source_like_others_and_their_card_tells_every_stage(root):
    place = root / "small.safetensors"
    assert tiny(root, "finetuning", "--to", str(place)) == 0
    assert names(root) == ["dmfuse-diffusion", "dmfuse-finetuning", "dmfuse-fusion"]
    assert dmfuse.load_network(dmfuse.Options(weights=str(place)), "cpu").steps == (5, 50, 100)
    card = " ".join(place.with_suffix(".md").read_text().split())
    for word in ("**Stage diffusion**", "**Stage fusion**", "**Stage finetuning**"):
        assert word in card


@pytest.mark.parametrize("noise", [True, False])
def test_weights_trained_without_noise_fuse_without_noise(root, noise):
    place = root / "small.safetensors"
    assert tiny(root, "finetuning", "--set", f"finetuning.noise={noise}", "--to", str(place)) == 0
    image = torch.rand(1, 1, 32, 32, generator=torch.Generator().manual_seed(1))
    network = dmfuse.load_network(dmfuse.Options(weights=str(place)), "cpu")
    drawn = network.sample_noise(image, 1 - image)
    assert len(drawn) == 6
    assert all(bool(one.any()) == noise for one in drawn)
    assert network.fuse(image, 1 - image, drawn).shape == image.shape


@pytest.mark.parametrize("denoising", ["frozen", "trained"])
def test_finetuning_trains_of_the_denoising_network_what_gives_features_or_nothing(root, denoising):
    base, place = root / "base.safetensors", root / "small.safetensors"
    assert tiny(root, "fusion", "--to", str(base)) == 0
    options = (f"denoising={denoising}", "learning_rate=0.01", "warmup=0")
    more = [word for option in options for word in ("--set", f"finetuning.{option}")]
    assert tiny(root, "finetuning", "--start", str(base), "--to", str(place), *more) == 0
    before, after = (weights_file.read_weights(path)[0] for path in (base, place))
    same = {name for name in before if torch.equal(before[name], after[name])}
    denoises = {name for name in before if name.startswith("denoising.")}
    # The last two blocks and the exit make the noise out of the finest features.
    ends = ("denoising.leave.", "denoising.up.17.", "denoising.up.18.")
    unused = {name for name in denoises if name.startswith(ends)}
    if denoising == "frozen":
        assert denoises <= same
    else:
        assert denoises & same == unused
    assert f"denoising {denoising}" in " ".join(place.with_suffix(".md").read_text().split())


def test_a_card_repeats_what_the_card_of_its_start_says_of_the_stages_before(root):
    base, place = root / "old" / "small.safetensors", root / "small.safetensors"
    assert tiny(root, "fusion", "--to", str(base)) == 0
    assert tiny(root, "finetuning", "--start", str(base), "--to", str(place)) == 0
    card = place.with_suffix(".md").read_text()
    stages = [line.split("**")[1] for line in card.splitlines() if line.startswith("- **Stage")]
    assert stages == ["Stage diffusion", "Stage fusion", "Stage finetuning"]
    # Both files have one name: the command has to have two.
    words = " ".join(card.split())
    assert "--start small-before.safetensors " in words
    assert "--to small.safetensors`" in words
    assert "an earlier version of small.safetensors; the project's history has" in words


def test_to_writes_half_precision_and_a_card(root):
    place = root / "packed" / "small.safetensors"
    assert tiny(root, "fusion", "--to", str(place)) == 0
    tensors, facts = weights_file.read_weights(place)
    assert (facts.method, facts.stage) == ("dmfuse", "fusion")
    (whole,) = (root / "runs/trained").glob("dmfuse-fusion-*")
    assert place.stat().st_size < 0.6 * (whole / weights_file.FILE_NAME).stat().st_size
    exact = weights_file.read_weights(whole / weights_file.FILE_NAME)[0]
    assert tensors.keys() == exact.keys()
    assert all(torch.equal(tensors[name], exact[name].half().float()) for name in exact)
    card = place.with_suffix(".md").read_text()
    for word in ("Stage diffusion", "Stage fusion", "folder all: 3 pairs", "2 steps of batch 2"):
        assert word in " ".join(card.split())
    for choice in presets.UNSTATED_CHOICES["dmfuse"]:
        assert choice in " ".join(card.split())
    assert not any(choice in card for choice in presets.UNSTATED_PAPER_PRESET_CHOICES["dmfuse"])
    assert str(root) not in card


def test_the_card_s_command_names_files_without_their_folders(root):
    assert tiny(root, "diffusion", "--name", "mine") == 0
    start = root / "runs/trained/mine"
    place = root / "small.safetensors"
    assert tiny(root, "fusion", "--start", str(start), "--to", str(place)) == 0
    card = " ".join(place.with_suffix(".md").read_text().split())
    assert "--start mine " in card
    assert "earlier version" not in card
    assert f"--to {place.name}`" in card
    assert str(root) not in card
    (file,) = (root / "runs/trained").glob("mine-*/model.safetensors")
    assert f"start weights with sha256 `{sha256(file.read_bytes()).hexdigest()}`" in card


def test_the_card_s_command_names_the_task_file_without_its_folder(root):
    file = root / "mine.yaml"
    file.write_text("trainings: {whole: {method: dmfuse, stage: diffusion}}\n")
    place = root / "small.safetensors"
    words = ["--tasks", str(file), "--model", "whole", *PARTS, *TINY, "--to", str(place)]
    assert run(root, *words) == 0
    card = " ".join(place.with_suffix(".md").read_text().split())
    assert "fusion.train --tasks mine.yaml --model whole --set" in card
    assert str(root) not in card


def test_plan_says_what_is_done_begun_and_undrawn(root, capsys):
    assert tiny(root, "diffusion") == 0
    capsys.readouterr()
    assert tiny(root, "fusion", "--plan") == 0
    said = capsys.readouterr().out
    assert "(done): folder all: 3 pairs" in said
    assert "1 of 2 done" in said
    assert run(root, "--method", "dmnet", "--stage", "1", "--scenes", "--plan") == 0
    assert "not drawn yet" in capsys.readouterr().out
    assert not (root / "data/scenes").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--stage", "fusion"], "--method and --stage"),
        (["--method", "dmfuse", "--stage", "2"], "it has diffusion, fusion, finetuning"),
        (["--method", "dmnet", "--stage", "1", "--preset", "tiny"], "there is paper, small"),
        (["--method", "dmnet", "--stage", "1", "--set", "x"], "expected section.option=value"),
        (["--method", "dmnet", "--stage", "1", "--set", "stage1.batch=0"], "stage1.batch"),
        (["--method", "dmnet", "--stage", "1", "--set", "stage1.foo=0"], "stage1.foo"),
        (["--method", "dmnet", "--stage", "1", "--set", "architecture.foo=0"], "no foo"),
        (["--method", "dmnet", "--stage", "1", "--set", "stage1.epochs=3"], "steps or epochs"),
        (["--method", "dmnet", "--stage", "1", "--msrs"], "--scenes and so on choose other data"),
        (["--method", "dmfuse", "--stage", "fusion", "--preset", "paper"], "coco/train2014"),
        (
            ["--method", "dmnet", "--stage", "finetuning", "--preset", "paper"],
            "no section finetuning",
        ),
        (
            ["--method", "dmnet", "--stage", "finetuning", "--preset", "paper", "--scenes"],
            "no section finetuning",
        ),
        (["--method", "dmfuse", "--stage", "fusion", "--start", "gone/away"], "not trained yet"),
        (["--method", "dmnet", "--stage", "1", "--name", "a/b"], "names a folder"),
        (["--tasks", "gone.yaml"], "no such file"),
        (["--tasks", "gone.yaml", "--method", "dmnet"], "names the trainings"),
        (["--method", "dmnet", "--stage", "1", "--device", "tpu"], "--device tpu"),
        (["--method", "dmnet", "--stage", "1", "--seed", "-1"], "--seed -1: expected 0 to 4294"),
        (["--method", "dmnet", "--stage", "1", "--seed", str(2**32)], "expected 0 to 4294967295"),
        (["--method", "dmnet", "--stage", "1", "--workers", "-1"], "--workers -1: expected at"),
        (["--method", "dmnet", "--stage", "1", "--look-every", "0"], "--look-every 0: expected"),
        (["--method", "dmnet", "--stage", "1", "--model", "AE1"], "give --tasks FILE"),
        (["--method", "dmnet", "--stage", "1", "--to", "mine.pt"], "ends in .safetensors"),
        (["--method", "dmnet", "--stage", "1", "--to", "."], "is a folder"),
    ],
)
def test_wrong_input_is_one_line_and_exit_status_2(root, capsys, words, said):
    assert run(root, *words) == 2
    lines = capsys.readouterr().err.splitlines()
    assert said in lines[-1]
    assert len(lines) == 1
    assert not list((root / "runs").glob("trained/*"))


@pytest.mark.parametrize(
    ("method", "change", "said"),
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
def test_numbers_that_no_training_can_have_are_refused(root, capsys, method, change, said, plan):
    stage = {"dmfuse": "fusion", "dmnet": "2"}[method]
    words = ["--method", method, "--stage", stage, "--set", change]
    assert run(root, *words, *(["--plan"] if plan else [])) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line


def test_absent_data_is_told_with_what_this_program_can_do(root, capsys):
    assert run(root, "--method", "dmnet", "--stage", "1", "--msrs") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "MSRS is not at" in line
    assert "detection.run" not in line
    assert "(--data, or data.folder in the task). The flags --msrs, --scenes" in line


def test_weights_of_another_width_are_refused_as_a_start(root, capsys):
    assert tiny(root, "diffusion", "--name", "mine") == 0
    start = ["--start", str(root / "runs/trained/mine")]
    assert tiny(root, "fusion", *start, "--set", "denoising.inner=16") == 2
    assert "denoising.inner is 8 there and 16 here" in capsys.readouterr().err
    (root / "data/folder").rename(root / "data/roadscene")
    assert run(root, "--method", "dmnet", "--stage", "2", "--folder", *start) == 2
    assert "dmnet 2 starts from dmnet 1" in capsys.readouterr().err


def test_trainings_of_a_task_file(root, capsys):
    file = root / "ablations.yaml"
    file.write_text(
        "trainings:\n"
        "  whole: {method: dmfuse, stage: fusion}\n"
        "  added: {method: dmfuse, stage: fusion, options: {head: {interaction: addition}}}\n"
        "  plain: {method: dmnet, stage: 2, options: {two_stages: false}, seed: 3}\n"
    )
    words = ["--tasks", str(file), "--folder", "--plan"]
    assert run(root, *words) == 2  # the preset's folder is roadscene/
    assert "roadscene" in capsys.readouterr().err
    for name in ("ir", "vi"):
        (root / "data/roadscene").mkdir(exist_ok=True)
        (root / "data/folder" / name).rename(root / "data/roadscene" / name)
    assert run(root, *words) == 0
    lines = capsys.readouterr().out.splitlines()
    labels = [line.split()[1].rstrip(":").rpartition("-")[0] for line in lines[:-1]]
    assert labels == ["dmfuse-diffusion", "whole", "added", "plain"]
    assert run(root, *words, "--model", "other") == 2
    assert "there is whole, added, plain" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("tasks: {}", "no section trainings"),
        ("trainings: {}", "trainings"),
        ("trainings: {a: {method: dmfuse}}", "trainings.a.stage"),
        ("trainings: {a: {method: dmfuse, stage: fusion, epochs: 3}}", "trainings.a.epochs"),
    ],
)
def test_a_wrong_task_file_is_named_with_the_place(tmp_path, text, said):
    file = tmp_path / "tasks.yaml"
    file.write_text(text)
    with pytest.raises(UserError, match=said):
        schema.load_trainings(file)


@pytest.mark.parametrize("method", RECIPES)
@pytest.mark.parametrize("preset", ["paper", "small"])
def test_every_preset_is_a_recipe(method, preset):
    recipe = presets.build_recipe(method, preset, {}, [])
    for section in STAGE_SECTIONS[method].values():
        if (preset, section) == ("paper", "finetuning"):
            assert recipe.finetuning is None
        else:
            assert getattr(recipe, section).data


def test_the_paper_presets_hold_what_the_papers_state():
    dmfuse = presets.build_recipe("dmfuse", "paper", {}, [])
    assert dmfuse.denoising.inner == 128 // 4
    assert dmfuse.head.features_at == (5, 50, 100)
    assert (dmfuse.fusion.stride, dmfuse.fusion.patch) == (12, 256)
    assert (dmfuse.fusion.batch, dmfuse.fusion.epochs) == (4, 16)
    dmnet = presets.build_recipe("dmnet", "paper", {}, [])
    assert (dmnet.stage1.epochs, dmnet.stage2.epochs) == (15, 30)
    assert {dmnet.stage1.patch, dmnet.stage2.patch} == {128}
    assert {dmnet.stage1.learning_rate, dmnet.stage2.learning_rate} == {1e-4}


def test_no_preset_trains_on_test_images():
    for method in RECIPES:
        recipe = presets.build_recipe(method, "small", {}, [])
        for section in STAGE_SECTIONS[method].values():
            msrs, roads, scenes = getattr(recipe, section).data
            assert (msrs.dataset, msrs.split, msrs.data) == ("msrs", "train", {})
            assert (roads.data["infrared"], roads.first) == ("roadscene/ir", 48)
            assert (scenes.split, scenes.data["seed"]) == ("train", 1000)


@pytest.mark.parametrize("method", RECIPES)
def test_no_preset_trains_on_a_test_id_of_msrs(method):
    root = Path(os.environ.get("FUSEBENCH_DATA", "data"))
    recipe = presets.build_recipe(method, "small", {}, [])
    try:
        test = {f"msrs/{key}" for key in msrs.load(root, "test").keys}
        parts = [getattr(recipe, section).data[:1] for section in STAGE_SECTIONS[method].values()]
        found = [dataset.find_training_data(part, "pairs", root) for part in parts]
    except UserError as fault:
        pytest.skip(f"set FUSEBENCH_DATA: {fault}")
    trained_on = {item.key for some in found for item in some.images}
    assert len(test) > 0
    assert len(trained_on) > len(test)
    assert not trained_on & test


def spec(root, stage="fusion", seed=0, **changes):
    training = TrainingRun("dmfuse", stage, toys.build_recipe("dmfuse", **changes), seed)
    return training_run.build_spec(training, root / "data")


def test_a_spec_is_json_and_names_the_stage_before(root):
    one = spec(root)
    assert json.loads(json.dumps(one)) == one
    assert one["start"] == spec(root, "diffusion")


def test_what_comes_later_is_not_in_the_spec_of_the_first_stage(root):
    changes = {"fusion": {"steps": 9}, "head": {"interaction": "addition"}}
    assert spec(root, "diffusion", **changes) == spec(root, "diffusion")
    assert spec(root, "fusion", **changes) != spec(root, "fusion")


def test_what_decides_the_weights_is_in_the_spec(root):
    first = spec(root)
    assert spec(root, seed=1) != first
    assert spec(root, diffusion={"steps": 9}) != first
    assert spec(root, fusion={"data": [{**toys.FOLDER_DATA, "first": 2}]}) != first
    toys.write_pairs(root / "data", "abcd")
    assert spec(root) != first


def test_the_stage_before_is_not_needed_where_the_recipe_has_none():
    cnn = toys.build_recipe("dmfuse", head={"encoder": "cnn"})
    assert TrainingRun("dmfuse", "fusion", cnn).previous is None
    assert TrainingRun("dmnet", "2", toys.build_recipe("dmnet", two_stages=False)).previous is None
    assert TrainingRun("dmnet", "2", toys.build_recipe("dmnet")).previous.stage == "1"
