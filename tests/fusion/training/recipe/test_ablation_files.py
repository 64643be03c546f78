"""The ablation files: every row of the papers' tables is a training whose network is that row's."""

import pytest

from fusebench.config import schema
from fusion.training.recipe import presets
from tests.helpers.dmnet_ablation_rows import ABLATION_ROWS
from tests.helpers.paths import REPOSITORY

ROOT = REPOSITORY
FILES = ("ablations.yaml", "ablations-paper.yaml")


def recipes(file):
    found = schema.load_trainings(ROOT / "configs" / file)
    return {
        name: presets.build_recipe(entry.method, entry.preset, dict(entry.options), [])
        for name, entry in found.items()
    }


@pytest.mark.parametrize("file", FILES)
def test_dmnet_s_rows_are_those_of_table_v(file):
    found = recipes(file)
    for row, marks in ABLATION_ROWS.items():
        name = "dmnet-whole" if row == "ours" else row
        network = found[name].architecture
        parts = (
            found[name].two_stages,
            network.transformer_block,
            network.invertible_block,
            network.diffusion_module,
            network.attention_block,
        )
        assert "".join(str(int(part)) for part in parts) == marks, name


@pytest.mark.parametrize("file", FILES)
def test_every_source_is_a_training_and_the_other_way_round(file):
    whole = schema.load_task_file(ROOT / "configs" / file)
    weights = {source.options["weights"] for source in whole.sources.values()}
    assert weights == {f"runs/trained/{name}" for name in whole.trainings}
    for name, source in whole.sources.items():
        assert source.method == whole.trainings[name].method


def test_the_rows_of_dmfuse_s_tables_at_the_paper_s_size():
    found = recipes("ablations-paper.yaml")
    widths = ("width-1", "width-half", "dmfuse-whole", "width-eighth")
    assert [found[name].denoising.inner for name in widths] == [128, 64, 32, 16]
    assert found["without-diffusion"].head.encoder == "cnn"
    assert found["without-caim"].head.interaction == "addition"
    assert found["dmfuse-whole"].fusion.loss == "paper"
    assert found["code-loss"].fusion.loss == "code"
    assert [found[n].stage2.operator for n in ("canny", "log", "roberts", "dmnet-whole")] == [
        "canny",
        "log",
        "roberts",
        "sobel",
    ]


def test_ae1_trains_its_one_stage_as_long_as_the_others_train_both():
    # the paper: 15 + 30 epochs, and "we set the epoch of the training stage 2 to 45" in AE1
    paper = recipes("ablations-paper.yaml")
    assert (paper["AE1"].stage2.epochs, paper["dmnet-whole"].stage2.epochs) == (45, 30)
    small = recipes("ablations.yaml")
    whole = small["dmnet-whole"]
    assert small["AE1"].stage2.steps == whole.stage1.steps + whole.stage2.steps


def test_the_small_preset_s_scale_and_the_code_s_affinity_are_apart():
    found = recipes("ablations.yaml")
    names = ("dmfuse-whole", "code-affinity", "without-scale")
    heads = [(found[name].head.affinity, found[name].head.scaled) for name in names]
    assert heads == [("paper", True), ("code", True), ("paper", False)]
