"""python -m fusion.quality from end to end, on images made here."""

import numpy as np
import pandas as pd
import pytest
from metric_images import triple
from PIL import Image

from bench import tasks
from fusion import presets, scoring
from fusion.quality import main


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    a, b, f = triple(60, 66)
    for name, image in {"ir": a, "vi": b, "ours": f, "theirs": np.maximum(a, b)}.items():
        (tmp_path / name).mkdir()
        for key in (1, 2, 3):
            Image.fromarray(np.roll(image, key)).save(tmp_path / name / f"{key:02}.png")
    return tmp_path


def test_scores_one_folder_and_writes_both_tables(root, capsys):
    assert (
        main(["ours", "ir", "vi", "--metric", "entropy", "--metric", "mutual_information.nats"])
        == 0
    )
    said = capsys.readouterr().out
    assert "EN.levels v1, MI.nats v1; BT.601, rounded to 8 bits" in said
    rows = pd.read_csv(root / "quality/per_image.csv", dtype={"key": str})
    assert list(rows.columns) == ["source", "key", "entropy", "mutual_information.nats", "flags"]
    assert rows["key"].tolist() == ["01", "02", "03"]
    means = pd.read_csv(root / "quality/means.csv")
    assert means["metric"].tolist() == ["EN", "MI nats"]
    assert means["mean"][0] == pytest.approx(rows["entropy"].mean())
    assert means["signature"][1] == "MI.nats v1, BT.601, rounded to 8 bits"


def test_several_folders_are_ranked(root, capsys):
    assert main(["ours", "theirs", "ir", "vi", "--preset", "dmfuse", "--out", "here"]) == 0
    means = pd.read_csv(root / "here/means.csv")
    assert sorted(means[means["metric"] == "EN"]["rank"]) == [1, 2]
    assert len(means) == 2 * len(presets.METRICS["dmfuse"])
    head = capsys.readouterr().out.splitlines()[0]
    assert head.split() == ["ours", "theirs", "unit", "better"]


@pytest.mark.parametrize(("fused", "said"), [(["ours"], False), (["ours", "theirs"], True)])
def test_ranks_are_explained_where_there_are_some(root, capsys, fused, said):
    assert main([*fused, "ir", "vi", "--metric", "entropy"]) == 0
    assert ("# rank by mean" in capsys.readouterr().out) == said


@pytest.mark.parametrize(("preset", "said"), [("dmfuse", True), ("plain", False)])
def test_the_signatures_of_dmfuses_columns_say_that_qe_is_unresolved(root, capsys, preset, said):
    assert main(["ours", "ir", "vi", "--preset", preset]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert "Qe.uiqi8 v1" in last
    assert ("; Qe unresolved" in last) == said


def test_undefined_is_an_empty_cell_with_a_reason(root, capsys):
    assert main(["ours", "ir", "vi", "--metric", "multi_scale_structural_similarity"]) == 0
    assert "undefined" in capsys.readouterr().out
    rows = pd.read_csv(root / "quality/per_image.csv")
    assert rows["multi_scale_structural_similarity"].isna().all()
    assert rows["flags"].str.contains("shorter than 176").all()


@pytest.mark.parametrize(
    ("lost", "said"),
    [
        ("ours/02.png", "1 of the 3 pairs have no fused image (first: 02); --allow-missing"),
        ("vi/02.png", "1 image(s) have no partner in vi: 02"),
    ],
)
def test_a_missing_image_is_named_and_nothing_is_written(root, capsys, lost, said):
    (root / lost).unlink()
    assert main(["ours", "ir", "vi", "--metric", "entropy"]) == 2
    assert said in capsys.readouterr().err
    assert not (root / "quality").exists()


def test_pairs_that_were_not_fused_can_be_left_out(root, capsys):
    (root / "ours/02.png").unlink()
    assert main(["ours", "ir", "vi", "--metric", "entropy", "--allow-missing"]) == 0
    assert "1 pair(s) left out" in capsys.readouterr().err
    assert len(pd.read_csv(root / "quality/per_image.csv")) == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere", "ir", "vi"], "nowhere: no such folder"),
        (["ours", "ours", "ir", "vi"], "named twice"),
        (["ours", "ir", "vi", "--metric", "entropi"], "Did you mean 'entropy'"),
        (["ours", "ir", "vi", "--metric", "entropy.loud"], "variant"),
        (
            ["ours", "ir", "vi", "--metric", "entropy", "--metric", "entropy.levels"],
            "metrics: entropy and entropy.levels are the same metric; keep one",
        ),
    ],
)
def test_a_wrong_command_is_exit_status_2(root, capsys, words, said):
    assert main(words) == 2
    assert said in capsys.readouterr().err


def test_a_damaged_or_wide_image_is_named(root, capsys):
    Image.new("I;16", (66, 60)).save(root / "ours/02.png")
    assert main(["ours", "ir", "vi", "--metric", "entropy"]) == 2
    assert "ours/02.png: expected an 8-bit image" in capsys.readouterr().err


def test_colour_is_read_as_luminance(root):
    gray = np.asarray(Image.open(root / "ours/01.png"))
    Image.fromarray(np.stack([gray] * 3, axis=2)).save(root / "ours/01.png")
    assert main(["ours", "ir", "vi", "--metric", "entropy"]) == 0
    rows = pd.read_csv(root / "quality/per_image.csv")["entropy"]
    assert rows[0] == pytest.approx(rows[1])


def test_the_task_files_presets_are_the_programs(request):
    file = tasks.load(request.config.rootpath / "tasks.yaml")
    for name in ("plain", "dmnet", "dmfuse"):
        assert file.presets[name].quality["metrics"] == presets.METRICS[name]


@pytest.mark.parametrize("empty", ["ours", "ir", "vi"])
def test_an_empty_folder_is_named(root, capsys, empty):
    for path in (root / empty).iterdir():
        path.unlink()
    assert main(["ours", "ir", "vi"]) == 2
    assert f"no images in {empty}" in capsys.readouterr().err


@pytest.mark.parametrize("out", ["taken", "taken/below"])
def test_a_place_that_cannot_be_written_is_refused_before_scoring(root, capsys, monkeypatch, out):
    monkeypatch.setattr(scoring, "tables", None)
    (root / "taken").write_text("a file")
    assert main(["ours", "ir", "vi", "--out", out]) == 2
    assert f"--out {out}: " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--workers", "0"], "--workers: 0: expected 1 or more"),
        (["--preset", "dmnet", "--metric", "entropy"], "not allowed with argument --preset"),
    ],
)
def test_wrong_flags_are_refused(root, capsys, words, said):
    with pytest.raises(SystemExit, match="2"):
        main(["ours", "ir", "vi", *words])
    assert said in capsys.readouterr().err


def test_a_table_that_cannot_be_finished_leaves_the_old_ones(root, monkeypatch):
    assert main(["ours", "ir", "vi", "--metric", "entropy"]) == 0
    before = {path: path.read_text() for path in (root / "quality").iterdir()}
    real = pd.DataFrame.to_csv

    def full(table, path, **more):
        if "means" in path.name:
            path.write_text("half")
            raise OSError("no space left on device")
        real(table, path, **more)

    monkeypatch.setattr(pd.DataFrame, "to_csv", full)
    assert main(["theirs", "ir", "vi", "--metric", "entropy"]) == 2
    assert {path: path.read_text() for path in (root / "quality").iterdir()} == before
