"""Ablation files: every row of the papers' tables is a training of that row's network."""

import pytest

from fusebench.config import schema
from fusion.training.recipe import presets
from tests.helpers.fusion.dmnet_ablation_rows import ABLATION_ROWS
from tests.helpers.paths import REPOSITORY

CONFIGS = REPOSITORY / "configs"
FILES = ("ablations.yaml", "ablations-paper.yaml")


def build_recipes(file):
    return {
        name: presets.build_recipe(entry.method, entry.preset, dict(entry.options), [])
        for name, entry in schema.load_trainings(CONFIGS / file).items()
    }


@pytest.mark.parametrize("file", FILES)
def test_dmnet_rows_have_the_components_of_table_v(file):
    recipes = build_recipes(file)
    for row, components in ABLATION_ROWS.items():
        name = "dmnet-whole" if row == "ours" else row
        network = recipes[name].architecture
        switches = (
            recipes[name].two_stages,
            network.transformer_block,
            network.invertible_block,
            network.diffusion_module,
            network.attention_block,
        )
        assert "".join(str(int(switch)) for switch in switches) == components, name


@pytest.mark.parametrize("file", FILES)
def test_every_source_is_a_training_and_every_training_a_source(file):
    task_file = schema.load_task_file(CONFIGS / file)
    weights = {source.options["weights"] for source in task_file.sources.values()}
    assert weights == {f"runs/trained/{name}" for name in task_file.trainings}
    for name, source in task_file.sources.items():
        assert source.method == task_file.trainings[name].method


def test_dmfuse_rows_at_paper_size_have_the_options_of_their_tables():
    recipes = build_recipes("ablations-paper.yaml")
    widths = ("width-1", "width-half", "dmfuse-whole", "width-eighth")
    assert [recipes[name].denoising.inner for name in widths] == [128, 64, 32, 16]
    assert recipes["without-diffusion"].head.encoder == "cnn"
    assert recipes["without-caim"].head.interaction == "addition"
    assert recipes["dmfuse-whole"].fusion.loss == "paper"
    assert recipes["code-loss"].fusion.loss == "code"
    assert [recipes[n].stage2.operator for n in ("canny", "log", "roberts", "dmnet-whole")] == [
        "canny",
        "log",
        "roberts",
        "sobel",
    ]


def test_ae1_trains_its_only_stage_as_long_as_the_other_rows_train_both():
    # the paper: 15 + 30 epochs, and "we set the epoch of the training stage 2 to 45" in AE1
    paper = build_recipes("ablations-paper.yaml")
    assert (paper["AE1"].stage2.epochs, paper["dmnet-whole"].stage2.epochs) == (45, 30)
    small = build_recipes("ablations.yaml")
    complete = small["dmnet-whole"]
    assert small["AE1"].stage2.steps == complete.stage1.steps + complete.stage2.steps


def test_scale_and_affinity_are_separate_ablations_of_the_small_preset():
    recipes = build_recipes("ablations.yaml")
    names = ("dmfuse-whole", "code-affinity", "without-scale")
    heads = [(recipes[name].head.affinity, recipes[name].head.scaled) for name in names]
    assert heads == [("paper", True), ("code", True), ("paper", False)]
