"""python -m fusion.quality from end to end on small images."""

import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from fusebench import plugins
from fusebench.config import schema
from fusion.quality import main
from fusion.scoring import listing, presets, score_images, source_names
from tests.helpers.fusion.deterministic_images import make_image_triple


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    a, b, f = make_image_triple(60, 66)
    for name, image in {"ir": a, "vi": b, "mean": f, "maximum": np.maximum(a, b)}.items():
        (tmp_path / name).mkdir()
        for key in (1, 2, 3):
            Image.fromarray(np.roll(image, key)).save(tmp_path / name / f"{key:02}.png")
    return tmp_path


def test_one_folder_is_scored_and_both_tables_are_written(root, capsys):
    assert (
        main(["mean", "ir", "vi", "--metric", "entropy", "--metric", "mutual_information.nats"])
        == 0
    )
    assert "EN.levels v1, MI.nats v1; BT.601, rounded to 8 bits" in capsys.readouterr().out
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
    assert main(["mean", "maximum", "ir", "vi", "--preset", "dmfuse", "--out", "here"]) == 0
    means = pd.read_csv(root / "here/means.csv")
    assert sorted(means[means["metric"] == "EN"]["rank"]) == [1, 2]
    assert len(means) == 2 * len(presets.METRIC_PRESETS["dmfuse"])
    header, _, *rows = capsys.readouterr().out.splitlines()
    assert header.split()[:3] == ["source", "mean", "rank"]
    assert [row.split()[0] for row in rows[:2]] == ["mean", "maximum"]


def test_the_table_fits_the_terminal_and_intervals_are_printed_on_request(
    root, capsys, monkeypatch
):
    monkeypatch.setenv("COLUMNS", "60")
    arguments = ["mean", "maximum", "ir", "vi", "--preset", "dmfuse"]
    assert main(arguments) == 0
    table = capsys.readouterr().out.partition("is better")[0]
    assert max(map(len, table.splitlines())) <= 60
    assert "[" not in table
    assert main([*arguments, "--intervals"]) == 0  # of the finished tables
    means = pd.read_csv(root / "quality/means.csv").iloc[0]
    table = capsys.readouterr().out
    assert f"{means['mean']:.4f} [{means['low']:.4f}, {means['high']:.4f}]" in table


def test_printed_notes_of_an_older_manifest_are_printed_again(root, capsys):
    arguments = ["mean", "ir", "vi", "--metric", "entropy"]
    assert main(arguments) == 0
    capsys.readouterr()
    file = root / "quality/quality.json"
    manifest = json.loads(file.read_text())
    del manifest["notes"]
    manifest["printed"] = "      mean  unit  better\nEN    7.1\n[ ] intervals\nolder note"
    file.write_text(json.dumps(manifest))
    assert main(arguments) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[0].split() == ["source", "EN", "\N{UPWARDS ARROW}"]
    assert out.rstrip().endswith("older note")
    assert "[ ] intervals" not in out


def test_folders_of_the_store_are_named_after_their_method(tmp_path):
    folders = []
    for name, method, levels in (
        ("folder-test-laplacian-97b4b1da46b6", "laplacian", 4),
        ("folder-test-laplacian-000000000001", "laplacian", 3),
        ("folder-test-average-000000000002", "average", 1),
    ):
        folders.append(tmp_path / name)
        folders[-1].mkdir()
        spec = {"method": method, "options": {"levels": levels}}
        (folders[-1] / "spec.json").write_text(json.dumps(spec))
    assert source_names.name_sources([folders[0], folders[2], tmp_path / "mine"]) == [
        "laplacian",
        "average",
        "mine",
    ]
    assert source_names.name_sources(folders) == [
        "laplacian levels=4",
        "laplacian levels=3",
        "average",
    ]
    (folders[0] / "spec.json").write_text("{")
    assert source_names.name_sources(folders[:1]) == [folders[0].name]


@pytest.mark.parametrize(("fused", "has_legend"), [(["mean"], False), (["mean", "maximum"], True)])
def test_ranks_of_several_folders_have_a_legend(root, capsys, fused, has_legend):
    assert main([*fused, "ir", "vi", "--metric", "entropy"]) == 0
    assert ("mean rank" in capsys.readouterr().out) == has_legend


@pytest.mark.parametrize(("preset", "has_note"), [("dmfuse", True), ("plain", False)])
def test_signatures_of_dmfuses_columns_have_the_note_on_qe(root, capsys, preset, has_note):
    assert main(["mean", "ir", "vi", "--preset", preset]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert "Qe.uiqi8 v1" in last
    assert ("; Qe unresolved" in last) == has_note


def test_undefined_score_is_an_empty_cell_with_a_reason(root, capsys):
    assert main(["mean", "ir", "vi", "--metric", "multi_scale_structural_similarity"]) == 0
    assert "undefined" in capsys.readouterr().out
    rows = pd.read_csv(root / "quality/per_image.csv")
    assert rows["multi_scale_structural_similarity"].isna().all()
    assert rows["flags"].str.contains("shorter than 176").all()


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("mean/02.png", "1 of the 3 pairs have no fused image (first: 02); --allow-missing"),
        ("vi/02.png", "1 image(s) have no partner in vi: 02"),
    ],
)
def test_missing_image_is_an_error_and_nothing_is_written(root, capsys, missing, message):
    (root / missing).unlink()
    assert main(["mean", "ir", "vi", "--metric", "entropy"]) == 2
    assert message in capsys.readouterr().err
    assert not (root / "quality").exists()


def test_pairs_without_fused_image_can_be_skipped(root, capsys):
    (root / "mean/02.png").unlink()
    assert main(["mean", "ir", "vi", "--metric", "entropy", "--allow-missing"]) == 0
    assert "1 pair(s) skipped" in capsys.readouterr().err
    assert len(pd.read_csv(root / "quality/per_image.csv")) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere", "ir", "vi"], "nowhere: no such folder"),
        (["mean", "mean", "ir", "vi"], "given twice"),
        (["mean", "ir", "vi", "--metric", "entropi"], "did you mean 'entropy'"),
        (["mean", "ir", "vi", "--metric", "entropy.loud"], "variant"),
        (
            ["mean", "ir", "vi", "--metric", "entropy", "--metric", "entropy.levels"],
            "metrics: entropy and entropy.levels are the same metric; keep one",
        ),
    ],
)
def test_wrong_command_has_exit_status_2(root, capsys, arguments, message):
    assert main(arguments) == 2
    assert message in capsys.readouterr().err


def test_names_that_differ_within_a_pair_are_matched_by_templates(root, capsys):
    for folder, prefix, suffix in (("ir", "IR", ""), ("vi", "VIS", ""), ("mean", "", "_mean")):
        for path in (root / folder).iterdir():
            path.rename(path.with_name(f"{prefix}{path.stem}{suffix}.png"))
    assert main(["mean", "ir", "vi", "--metric", "entropy"]) == 2
    assert "take 'ir/IR{key}' and 'vi/VIS{key}'" in capsys.readouterr().err
    assert main(["mean", "ir/IR{key}", "vi/VIS{key}", "--metric", "entropy"]) == 2
    assert "name the folder as mean/{key}_mean" in capsys.readouterr().err
    assert main(["mean/{key}_mean", "ir/IR{key}", "vi/VIS{key}", "--metric", "entropy"]) == 0
    rows = pd.read_csv(root / "quality/per_image.csv", dtype={"key": str})
    assert rows["source"].tolist() == ["mean"] * 3
    assert rows["key"].tolist() == ["01", "02", "03"]


def test_error_names_an_image_with_16_bits(root, capsys):
    Image.new("I;16", (66, 60)).save(root / "mean/02.png")
    assert main(["mean", "ir", "vi", "--metric", "entropy"]) == 2
    assert "mean/02.png: 16-bit integers; expected 8 bits per channel" in capsys.readouterr().err


def test_color_is_read_as_luminance(root):
    gray = np.asarray(Image.open(root / "mean/01.png"))
    Image.fromarray(np.stack([gray] * 3, axis=2)).save(root / "mean/01.png")
    assert main(["mean", "ir", "vi", "--metric", "entropy"]) == 0
    rows = pd.read_csv(root / "quality/per_image.csv")["entropy"]
    assert rows[0] == pytest.approx(rows[1])


def test_presets_of_the_task_file_equal_those_of_the_program(request):
    file = schema.load_task_file(request.config.rootpath / "tasks.yaml")
    for name in ("plain", "dmnet", "dmfuse", "faults"):
        assert file.presets[name].quality["metrics"] == presets.METRIC_PRESETS[name]


@pytest.mark.parametrize("empty", ["mean", "ir", "vi"])
def test_error_names_an_empty_folder(root, capsys, empty):
    for path in (root / empty).iterdir():
        path.unlink()
    assert main(["mean", "ir", "vi"]) == 2
    assert f"{empty}: no images; found: nothing" in capsys.readouterr().err


@pytest.mark.parametrize("out", ["taken", "taken/below"])
def test_output_folder_that_cannot_be_created_is_an_error_before_scoring(
    root, capsys, monkeypatch, out
):
    monkeypatch.setattr(score_images, "score_pairs", None)
    (root / "taken").write_text("a file")
    assert main(["mean", "ir", "vi", "--out", out]) == 2
    assert f"--out {out}: " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--workers", "0"], "--workers: 0: expected 1 or more"),
        (["--preset", "dmnet", "--metric", "entropy"], "not allowed with argument --preset"),
    ],
)
def test_wrong_arguments_have_exit_status_2(root, capsys, arguments, message):
    with pytest.raises(SystemExit, match="2"):
        main(["mean", "ir", "vi", *arguments])
    assert message in capsys.readouterr().err


def read_contents(folder):
    return {path.name: (path.read_text(), path.stat().st_mtime_ns) for path in folder.iterdir()}


def test_same_command_reuses_its_tables_and_leaves_them_unchanged(root, capsys, monkeypatch):
    arguments = ["mean", "maximum", "ir", "vi"]
    arguments += ["--metric", "entropy", "--metric", "peak_signal_to_noise"]
    assert main(arguments) == 0
    first_output, before = capsys.readouterr().out, read_contents(root / "quality")
    monkeypatch.setattr(score_images, "score_pairs", None)
    assert main(arguments) == 0
    second = capsys.readouterr()
    assert second.out == first_output
    assert "nothing to do: quality has the tables of these images" in second.err
    assert read_contents(root / "quality") == before


@pytest.mark.parametrize("change", ["metric", "source", "image", "edited"])
def test_tables_of_other_inputs_are_replaced_only_with_the_flag(root, capsys, change):
    assert main(["mean", "ir", "vi", "--metric", "entropy"]) == 0
    arguments = ["maximum" if change == "source" else "mean", "ir", "vi", "--metric"]
    arguments.append("standard_deviation" if change == "metric" else "entropy")
    if change == "image":
        Image.new("L", (66, 60), 9).save(root / "mean/02.png")
    if change == "edited":
        (root / "quality/means.csv").write_text("my notes")
    before = read_contents(root / "quality")
    assert main(arguments) == 2
    assert "replace it with --replace" in capsys.readouterr().err
    assert read_contents(root / "quality") == before
    assert main([*arguments, "--replace"]) == 0
    assert read_contents(root / "quality").keys() == before.keys()
    assert pd.read_csv(root / "quality/means.csv")["source"].tolist() == arguments[:1]


@pytest.mark.parametrize("flags", [[], ["--replace"]])
def test_table_of_another_program_is_never_replaced(root, capsys, flags):
    (root / "means.csv").write_text("another program's")
    assert main(["mean", "ir", "vi", "--metric", "entropy", "--out", ".", *flags]) == 2
    assert "means.csv in it was not written by this program" in capsys.readouterr().err
    assert (root / "means.csv").read_text() == "another program's"
    assert not (root / "per_image.csv").exists()


def test_interrupted_run_resumes_with_the_first_unscored_image(root, capsys, monkeypatch):
    scored, score_files = [], score_images._score_files

    def interrupt_at_the_third(pair, metrics):
        if len(scored) == 2:
            raise KeyboardInterrupt
        scored.append(pair.key)
        return score_files(pair, metrics)

    arguments = ["mean", "ir", "vi", "--metric", "entropy"]
    monkeypatch.setattr(score_images, "_score_files", interrupt_at_the_third)
    assert main(arguments) == 130
    assert "interrupted; the same command resumes" in capsys.readouterr().err
    monkeypatch.setattr(
        score_images, "_score_files", lambda p, m: scored.append(p.key) or score_files(p, m)
    )
    assert main(arguments) == 0
    assert scored == ["01", "02", "03"]
    assert sorted(read_contents(root / "quality")) == ["means.csv", "per_image.csv", "quality.json"]


def test_the_flag_list_prints_every_variant_with_unit_range_direction_signature_and_source(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["--list"])
    out = capsys.readouterr().out
    lines = out.splitlines()
    for name in plugins.list_plugins("fusion.metrics"):
        plugin = plugins.load_fusion_metric(name)
        for metric in listing.load_variants(plugin):
            properties = lines[lines.index(f"  {metric.name}") + 1].strip()
            assert properties.startswith(metric.signature.partition(" (")[0] + "; ")
            assert properties.endswith(f"; {metric.definition.better} is better")
            assert metric.definition.description in out
            assert metric.definition.known_fault in out
        assert listing.get_paper(plugin)[:40] in out
    assert lines.count("      EN.levels v1; bit; 0 to 8; higher is better") == 1
    assert "known fault: uint8 arithmetic puts levels 254 and 255 in one bin" in out
    assert out.count("Source: ") == len(plugins.list_plugins("fusion.metrics"))


def test_tables_stay_unchanged_if_a_new_one_cannot_be_written(root, monkeypatch):
    assert main(["mean", "ir", "vi", "--metric", "entropy"]) == 0
    before = {path: path.read_text() for path in (root / "quality").iterdir()}
    to_csv = pd.DataFrame.to_csv

    def fail_on_means(table, path, **options):
        if "means" in path.name:
            path.write_text("half")
            raise OSError("no space left on device")
        to_csv(table, path, **options)

    monkeypatch.setattr(pd.DataFrame, "to_csv", fail_on_means)
    assert main(["maximum", "ir", "vi", "--metric", "entropy", "--replace"]) == 2
    after = {path: path.read_text() for path in (root / "quality").glob("[!.]*")}
    assert after == before  # hidden files, the row logs, are kept for the next run


def test_constant_fused_images_are_flagged_and_a_caution_says_so(root, capsys):
    Image.new("L", (66, 60)).save(root / "mean/02.png")
    assert main(["mean", "ir", "vi", "--metric", "cross_entropy"]) == 0
    assert "caution: 1 of the 3 images of mean have one gray level only" in capsys.readouterr().out
    rows = pd.read_csv(root / "quality/per_image.csv")
    assert rows["flags"].fillna("").str.contains("one gray level").tolist() == [False, True, False]


def test_folders_in_the_order_of_other_toolboxes_are_refused(root, capsys):
    assert main(["ir", "vi", "mean", "--metric", "entropy"]) == 2
    assert "ir is given as the folder of fused images" in capsys.readouterr().err


def test_fused_images_of_another_size_are_refused_with_the_usual_reason(root, capsys):
    Image.new("L", (64, 48)).save(root / "mean/02.png")
    assert main(["mean", "ir", "vi", "--metric", "entropy"]) == 2
    message = capsys.readouterr().err
    assert "02.png: 64 x 48 pixels, but the infrared image of 02 has 66 x 60" in message
    assert "multiple of 8, 16 or 32" in message
