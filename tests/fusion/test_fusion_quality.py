"""python -m fusion.quality from end to end, on images made here."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from fusebench import plugins
from fusebench.config import schema
from fusion.quality import main
from fusion.scoring import listing, presets, score_images
from tests.helpers.deterministic_images import make_image_triple


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    a, b, f = make_image_triple(60, 66)
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
    names = ["entropy", "mutual_information.nats"]
    assert list(rows.columns) == ["source", "key", *names, "flags", "signature"]
    assert set(rows["signature"]) == {"EN.levels v1, MI.nats v1; BT.601, rounded to 8 bits"}
    assert rows["key"].tolist() == ["01", "02", "03"]
    means = pd.read_csv(root / "quality/means.csv")
    assert means["metric"].tolist() == ["EN", "MI nats"]
    assert means["mean"][0] == pytest.approx(rows["entropy"].mean())
    assert means["signature"][1] == "MI.nats v1, BT.601, rounded to 8 bits"


def test_several_folders_are_ranked(root, capsys):
    assert main(["ours", "theirs", "ir", "vi", "--preset", "dmfuse", "--out", "here"]) == 0
    means = pd.read_csv(root / "here/means.csv")
    assert sorted(means[means["metric"] == "EN"]["rank"]) == [1, 2]
    assert len(means) == 2 * len(presets.METRIC_PRESETS["dmfuse"])
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


def test_color_is_read_as_luminance(root):
    gray = np.asarray(Image.open(root / "ours/01.png"))
    Image.fromarray(np.stack([gray] * 3, axis=2)).save(root / "ours/01.png")
    assert main(["ours", "ir", "vi", "--metric", "entropy"]) == 0
    rows = pd.read_csv(root / "quality/per_image.csv")["entropy"]
    assert rows[0] == pytest.approx(rows[1])


def test_the_task_files_presets_are_the_programs(request):
    file = schema.load_task_file(request.config.rootpath / "tasks.yaml")
    for name in ("plain", "dmnet", "dmfuse"):
        assert file.presets[name].quality["metrics"] == presets.METRIC_PRESETS[name]


@pytest.mark.parametrize("empty", ["ours", "ir", "vi"])
def test_an_empty_folder_is_named(root, capsys, empty):
    for path in (root / empty).iterdir():
        path.unlink()
    assert main(["ours", "ir", "vi"]) == 2
    assert f"no images in {empty}" in capsys.readouterr().err


@pytest.mark.parametrize("out", ["taken", "taken/below"])
def test_a_place_that_cannot_be_written_is_refused_before_scoring(root, capsys, monkeypatch, out):
    monkeypatch.setattr(score_images, "score_pairs", None)
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


def contents(folder):
    return {path.name: (path.read_text(), path.stat().st_mtime_ns) for path in folder.iterdir()}


def test_the_same_command_again_finds_its_tables_and_leaves_them_alone(root, capsys, monkeypatch):
    words = [
        "ours",
        "theirs",
        "ir",
        "vi",
        "--metric",
        "entropy",
        "--metric",
        "peak_signal_to_noise",
    ]
    assert main(words) == 0
    said, before = capsys.readouterr().out, contents(root / "quality")
    monkeypatch.setattr(score_images, "score_pairs", None)
    assert main(words) == 0
    again = capsys.readouterr()
    assert again.out == said
    assert "nothing new: quality holds the tables of these images" in again.err
    assert contents(root / "quality") == before


@pytest.mark.parametrize("change", ["metric", "source", "image", "edited"])
def test_other_tables_are_replaced_on_request_only(root, capsys, change):
    assert main(["ours", "ir", "vi", "--metric", "entropy"]) == 0
    words = ["theirs" if change == "source" else "ours", "ir", "vi", "--metric"]
    words.append("standard_deviation" if change == "metric" else "entropy")
    if change == "image":
        Image.new("L", (66, 60), 9).save(root / "ours/02.png")
    if change == "edited":
        (root / "quality/means.csv").write_text("my notes")
    before = contents(root / "quality")
    assert main(words) == 2
    assert "replace it with --replace" in capsys.readouterr().err
    assert contents(root / "quality") == before
    assert main([*words, "--replace"]) == 0
    assert contents(root / "quality").keys() == before.keys()
    assert pd.read_csv(root / "quality/means.csv")["source"].tolist() == words[:1]


@pytest.mark.parametrize("more", [[], ["--replace"]])
def test_a_table_of_another_program_is_never_replaced(root, capsys, more):
    (root / "means.csv").write_text("another program's")
    assert main(["ours", "ir", "vi", "--metric", "entropy", "--out", ".", *more]) == 2
    assert "means.csv in it was not written by this program" in capsys.readouterr().err
    assert (root / "means.csv").read_text() == "another program's"
    assert not (root / "per_image.csv").exists()


def test_a_stopped_run_goes_on_with_the_image_that_it_lacks(root, capsys, monkeypatch):
    scored, real = [], score_images._score_files

    def stops_at_the_third(scene, metrics):
        if len(scored) == 2:
            raise KeyboardInterrupt
        scored.append(scene.key)
        return real(scene, metrics)

    words = ["ours", "ir", "vi", "--metric", "entropy"]
    monkeypatch.setattr(score_images, "_score_files", stops_at_the_third)
    assert main(words) == 130
    assert "the same command goes on" in capsys.readouterr().err
    monkeypatch.setattr(
        score_images, "_score_files", lambda s, m: scored.append(s.key) or real(s, m)
    )
    assert main(words) == 0
    assert scored == ["01", "02", "03"]
    assert sorted(contents(root / "quality")) == ["means.csv", "per_image.csv", "quality.json"]


def test_the_list_has_every_variant_with_unit_range_direction_signature_and_source(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["--list"])
    said = capsys.readouterr().out
    lines = said.splitlines()
    for name in plugins.list_plugins("fusion.metrics"):
        module = plugins.load_plugin("fusion.metrics", name)
        for metric in listing.load_variants(module):
            facts = lines[lines.index(f"  {metric.name}") + 1]
            assert facts.strip().startswith(f"{module.TITLE}.{metric.variant} v{module.VERSION}; ")
            assert facts.endswith(f"; {metric.definition.better} is better")
            assert metric.definition.description in said
            assert metric.definition.known_fault in said
        assert listing.get_paper(module)[:40] in said
    assert lines.count("      EN.levels v1; bit; 0 to 8; higher is better") == 1
    assert "known fault: uint8 arithmetic puts levels 254 and 255 in one bin" in said
    assert said.count("Source: ") == len(plugins.list_plugins("fusion.metrics"))


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
    assert main(["theirs", "ir", "vi", "--metric", "entropy", "--replace"]) == 2
    there = {path: path.read_text() for path in (root / "quality").glob("[!.]*")}
    assert there == before  # and the rows that were scored, for the next run
