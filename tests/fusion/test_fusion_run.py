"""The command line from end to end, on images made here: fusing and quality tasks."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from fusebench.config import schema
from fusebench.experiments import plan
from fusebench.storage.store import Store
from fusion.run import main

TASKS = """
sources:
  ir:  {kind: infrared}
  vis: {kind: visible}
  average: {kind: method, method: average}
  theirs: {kind: folder, folder: "theirs/{dataset}"}
  recolored: {kind: folder, folder: "theirs/{dataset}", color: visible}
tasks:
  toy:
    {kind: quality, dataset: folder, data: {infrared: toy/ir, visible: toy/vis},
     sources: [ir, vis, average]}
"""


@pytest.fixture
def root(tmp_path):
    for name, value in (("ir", (200,) * 3), ("vis", (100,) * 3)):
        folder = tmp_path / "data/toy" / name
        folder.mkdir(parents=True)
        for key in ("00001", "00002"):
            Image.new("RGB", (8, 6), value).save(folder / f"{key}.png")
    (tmp_path / "tasks.yaml").write_text(TASKS)
    return tmp_path


def run(root, *more):
    fixed = ("--tasks", "tasks.yaml"), ("--data", "data"), ("--out", "runs")
    words = [word for flag, name in fixed for word in (flag, f"{root}/{name}")]
    return main([*words, "--device", "cpu", *more])


def change(root, old, new):
    text = (root / "tasks.yaml").read_text()
    assert old in text
    (root / "tasks.yaml").write_text(text.replace(old, new))


def records(root):
    found = plan.build_plan(
        schema.load_task_file(root / "tasks.yaml"), ["toy"], root / "data", root
    )
    return [cell.read_record(Store(root / "runs")) for cell in found.runs]


def theirs(root, mode="L", ending="jpg", keys=("00001", "00002")):
    folder = root / "theirs/folder"
    folder.mkdir(parents=True, exist_ok=True)
    for key in keys:
        Image.new(mode, (8, 6), 150 if mode == "L" else (150,) * 3).save(folder / f"{key}.{ending}")


def test_fuses_and_scores_every_cell_once(root, capsys):
    assert run(root) == 0
    (folder,) = root.glob("runs/fused/*")
    fused = np.asarray(Image.open(folder / "00001.png"))
    assert fused.shape == (6, 8, 3)
    assert (fused == 150).all()
    assert [(r.source, r.values["entropy"]) for r in records(root)] == [
        ("ir", 0.0),
        ("vis", 0.0),
        ("average", 0.0),
    ]
    capsys.readouterr()
    before = sorted((p, p.stat().st_mtime_ns) for p in root.rglob("runs/**/*") if p.is_file())
    assert run(root) == 0
    assert capsys.readouterr().err == "", "nothing left to do, yet something was done"
    after = sorted((p, p.stat().st_mtime_ns) for p in root.rglob("runs/**/*") if p.is_file())
    assert after == before


def test_a_changed_option_redoes_only_what_depends_on_it(root):
    run(root)
    before = {p.name for p in root.glob("runs/[a-z]*/*")}
    change(root, "method: average", "method: average, options: {infrared_weight: 0.25}")
    run(root)
    new = {p.name for p in root.glob("runs/[a-z]*/*")} - before
    labels = sorted(name.rsplit("-", 1)[0] for name in new)
    assert labels == ["folder-test-average", "toy-average"]


def test_a_record_that_the_plan_no_longer_asks_for_is_not_reported(root):
    run(root)
    change(root, "method: average", "method: average, options: {infrared_weight: 0.25}")
    assert [r is None for r in records(root)] == [False, False, True]


def test_plan_does_nothing(root, capsys):
    assert run(root, "--plan") == 0
    said = capsys.readouterr().out.splitlines()
    assert [line.split("] ")[1] for line in said[1:4]] == ["toy-ir", "toy-vis", "toy-average"]
    assert said[0].startswith("[1/4] folder-test-average ")
    assert said[4].startswith("0 of 4 done")
    assert not (root / "runs").exists()


def test_source_fused_means_every_source_that_is_not_raw(root, capsys):
    run(root, "--plan", "--source", "fused")
    assert capsys.readouterr().out.splitlines()[1] == "[2/2] toy-average"


def test_a_stopped_fusing_goes_on_with_the_image_it_lacks(root, monkeypatch):
    from fusebench.data import images

    written = []
    real = images.write_png

    def stops_at_the_second(path, image):
        if written:
            raise KeyboardInterrupt
        written.append(path.name)
        real(path, image)

    monkeypatch.setattr(images, "write_png", stops_at_the_second)
    assert run(root) == 130
    assert [p.name for p in root.glob("runs/fused/*.partial/*.png")] == ["00001.png"]
    monkeypatch.setattr(images, "write_png", lambda p, i: (written.append(p.name), real(p, i)))
    assert run(root) == 0
    assert written == ["00001.png", "00002.png"]


@pytest.mark.parametrize(("mode", "ending"), [("L", "jpg"), ("RGB", "bmp"), ("L", "png")])
def test_images_fused_elsewhere_match_by_stem_in_any_format(root, mode, ending):
    theirs(root, mode, ending)
    change(root, "[ir, vis, average]", "[theirs]")
    assert run(root) == 0
    (record,) = records(root)
    assert record.protocol["color"] == f"{'gray' if mode == 'L' else 'RGB'} as saved"


def test_images_fused_anew_under_the_same_names_are_scored_anew(root):
    change(root, "[ir, vis, average]", "[theirs]")
    theirs(root, "L", "bmp")
    assert run(root) == 0
    path = root / "theirs/folder/00001.bmp"
    length = path.stat().st_size
    Image.fromarray(np.arange(48, dtype=np.uint8).reshape(6, 8)).save(path)
    assert path.stat().st_size == length
    assert run(root) == 0
    (record,) = records(root)
    assert record.values["entropy"] == pytest.approx(np.log2(48) / 2)  # of two images, one flat


def test_a_gray_result_can_be_given_the_visible_images_color(root):
    Image.new("RGB", (8, 6), (120, 100, 80)).save(root / "data/toy/vis/00001.png")
    theirs(root)
    change(root, "[ir, vis, average]", "[recolored]")
    assert run(root) == 0
    (folder,) = root.glob("runs/fused/*")
    # Y of (120, 100, 80) is 103.7; 150 is 46.3 more
    assert np.asarray(Image.open(folder / "00001.png"))[0, 0].tolist() == [166, 146, 126]


def test_a_folder_that_lacks_an_image_is_refused_before_anything_is_done(root, capsys):
    theirs(root, keys=("00001",))
    change(root, "[ir, vis, average]", "[ir, theirs]")
    assert run(root) == 2
    assert "1 of the 2 images of folder/test are missing (first: 00002)" in capsys.readouterr().err
    assert not (root / "runs").exists()


def test_an_image_fused_elsewhere_of_another_size_is_refused(root, capsys):
    theirs(root)
    Image.new("L", (4, 6)).save(root / "theirs/folder/00002.jpg")
    change(root, "[ir, vis, average]", "[ir, theirs]")
    assert run(root) == 2
    assert "00002.jpg: 4 x 6 pixels, but the pair 00002 has 8 x 6" in capsys.readouterr().err
    assert not list(root.glob("runs/quality/*"))


def test_a_damaged_image_is_found_before_anything_is_computed(root, capsys):
    noise = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    for name in ("ir", "vis"):
        Image.fromarray(noise).save(root / f"data/toy/{name}/00002.png")
    path = root / "data/toy/vis/00002.png"
    path.write_bytes(path.read_bytes()[:9000])
    assert run(root) == 2
    assert "vis/00002.png: cannot be read as an image" in capsys.readouterr().err
    assert not list(root.glob("runs/fused/*"))


def test_a_missing_partner_is_named(root, capsys):
    (root / "data/toy/vis/00002.png").unlink()
    assert run(root) == 2
    assert "1 image(s) have no partner" in capsys.readouterr().err


def test_an_unknown_source_is_the_users_mistake_not_a_traceback(root, capsys):
    assert run(root, "--source", "averige") == 2
    assert "no source is called 'averige'; known: ir, vis, average" in capsys.readouterr().err


def test_a_source_no_task_lists_says_where_to_add_it(root, capsys):
    assert run(root, "--source", "theirs") == 2
    assert "none of the chosen tasks lists it (they list average, ir, vis)" in (
        capsys.readouterr().err
    )


def test_a_source_is_checked_before_scenes_are_drawn(root, capsys):
    change(root, "dataset: folder, data: {infrared: toy/ir, visible: toy/vis}", "dataset: scenes")
    for flags in (("--source", "averige"), ("--source", "theirs")):
        assert run(root, *flags) == 2
        assert run(root, *flags, "--plan") == 2
    assert not (root / "data/scenes").exists()


def test_a_failed_job_is_shown_and_the_others_still_run(root, capsys, monkeypatch):
    from fusion.methods import average

    def broken(options, device):
        raise RuntimeError("the method is broken")

    monkeypatch.setattr(average, "load", broken)
    assert run(root) == 1
    assert "the method is broken" in capsys.readouterr().err
    assert [r and r.source for r in records(root)] == ["ir", "vis", None]


def test_a_pair_too_small_for_a_network_is_named(root, capsys):
    change(root, "method: average}", "method: dmfuse}")
    assert run(root, "--source", "average") == 1
    assert ", pair 00001: an image of 8 x 6 pixels is smaller" in capsys.readouterr().err


def test_flags_that_choose_nothing_are_a_mistake_not_a_success(root, capsys):
    assert run(root, "--m3fd") == 2
    assert "task for these flags" in capsys.readouterr().err


def test_a_wrong_option_names_itself(root, capsys):
    change(root, "method: average", "method: average, options: {infrared_weight: 2}")
    assert run(root) == 2
    said = capsys.readouterr().err
    assert "options of method average: infrared_weight: " in said
    assert "less than or equal to 1 (given: 2)" in said


def test_absent_data_is_listed_and_the_other_tasks_run(root, capsys):
    with (root / "tasks.yaml").open("a") as file:
        file.write("  far: {kind: detection, dataset: m3fd, sources: [ir]}\n")
    assert run(root) == 0
    assert "task far is left out" in capsys.readouterr().err
    assert run(root, "--task", "far") == 2
    assert "Ir/ Vis/ Annotation" in capsys.readouterr().err


def test_limit_spreads_over_the_split_and_is_part_of_the_result(root):
    assert run(root, "--limit", "1", "--source", "ir") == 0
    assert run(root, "--source", "ir") == 0
    assert len(list(root.glob("runs/quality/toy-ir-*"))) == 2
    assert run(root, "--limit", "0") == 2


@pytest.mark.parametrize("name", ["theirs/{method}", "theirs/{}", "theirs/{dataset"])
def test_a_folder_name_that_cannot_be_filled_in_is_the_users_mistake(root, capsys, name):
    change(root, "[ir, vis, average]", "[theirs]")
    change(
        root,
        'theirs: {kind: folder, folder: "theirs/{dataset}"}',
        f'theirs: {{kind: folder, folder: "{name}"}}',
    )
    assert run(root) == 2
    assert "only {dataset} and {split} can be filled in" in capsys.readouterr().err


@pytest.mark.parametrize("device", ["gpu", "cuda:-1", "cuda:99"])
def test_a_device_that_is_not_there_is_a_wrong_command(root, capsys, device):
    words = ["--tasks", f"{root}/tasks.yaml", "--data", f"{root}/data", "--out", f"{root}/runs"]
    assert main([*words, "--device", device]) == 2
    assert f"--device {device}: " in capsys.readouterr().err
    assert not list(root.glob("runs/fused/*"))


def test_a_place_for_results_that_cannot_be_made_is_named(root, capsys):
    (root / "runs").write_text("a file")
    assert run(root) == 2
    assert f"{root}/runs" in capsys.readouterr().err


def test_a_quality_record_says_which_numbers_its_columns_are(root):
    change(
        root, "sources: [ir", "metrics: {entropy: {}, mutual_information.nats: {}}, sources: [ir"
    )
    assert run(root) == 0
    (_, _, record) = records(root)
    assert record.protocol["metrics"] == "EN.levels v1, MI.nats v1"
    assert record.protocol["luminance"] == "BT.601, rounded to 8 bits"
    assert record.columns["mutual_information.nats"].signature == "MI.nats v1"
    assert set(record.intervals) == {"entropy", "mutual_information.nats"}
    assert record.protocol["intervals"] == "95 % percentile bootstrap, 2000 resamples of images"


def test_all_sources_of_a_task_are_scored_in_one_go(root, monkeypatch):
    from fusion.scoring import score_images

    calls = []
    real = score_images.score_pairs

    def counted(scenes, *more):
        calls.append(list(scenes[0].fused))
        return real(scenes, *more)

    monkeypatch.setattr(score_images, "score_pairs", counted)
    assert run(root) == 0
    assert calls == [["toy-ir", "toy-vis", "toy-average"]]
    per_image = [p.read_text() for p in sorted(root.glob("runs/quality/*/per_image.csv"))]
    assert [text.splitlines()[0] for text in per_image] == ["key,entropy,flags,signature"] * 3


def test_an_unknown_variant_is_refused_before_anything_is_done(root, capsys):
    change(root, "sources: [ir", "metrics: {entropy.loud: {}}, sources: [ir")
    assert run(root) == 2
    assert "tasks.toy.metrics.entropy.loud: variant" in capsys.readouterr().err
    assert not (root / "runs").exists()


def test_two_names_of_one_metric_are_refused_before_anything_is_done(root, capsys):
    change(root, "sources: [ir", "metrics: {entropy: {}, entropy.levels: {}}, sources: [ir")
    assert run(root) == 2
    assert "tasks.toy.metrics: entropy and entropy.levels are the same" in capsys.readouterr().err
    assert not (root / "runs").exists()


@pytest.mark.parametrize(
    ("groups", "what", "night"),
    [(6, "6 groups of images", False), (4, "images", True)],
)
def test_conditions_are_resampled_as_the_whole_is(root, monkeypatch, groups, what, night):
    from fusebench.datasets import folder

    real = folder.load
    for key in range(3, 2 * groups + 1):
        for name in ("ir", "vis"):
            Image.new("L", (8, 6), 9 * key).save(root / f"data/toy/{name}/{key:05}.png")

    def sequences(*given):
        """Two frames each; all but the last by day."""
        found = real(*given)
        last = len(found.pairs) - 2
        pairs = [
            replace(pair, sequence=f"film {i // 2}", condition="night" if i >= last else "day")
            for i, pair in enumerate(found.pairs)
        ]
        return replace(found, pairs=tuple(pairs))

    monkeypatch.setattr(folder, "load", sequences)
    assert run(root, "--source", "ir") == 0
    record = records(root)[0]
    assert record.protocol["intervals"] == f"95 % percentile bootstrap, 2000 resamples of {what}"
    assert record.by_condition["day"].intervals["entropy"] is not None
    assert (record.by_condition["night"].intervals["entropy"] is not None) == night


def test_the_rows_of_a_quality_cell_say_which_numbers_they_are(root):
    change(root, "sources: [ir", "metrics: {mutual_information: {variant: nats}}, sources: [ir")
    assert run(root) == 0
    for file in root.glob("runs/quality/*/per_image.csv"):
        rows = pd.read_csv(file, dtype={"key": str}, index_col="key")
        assert list(rows.index) == ["00001", "00002"]
        assert set(rows["signature"]) == {"MI.nats v1; BT.601, rounded to 8 bits"}


def test_a_stopped_scoring_goes_on_with_the_pair_it_lacks(root, monkeypatch, capsys):
    from fusion.scoring import score_images

    scored, real = [], score_images._score_files

    def stops_at_the_second(scene, metrics):
        if scored:
            raise KeyboardInterrupt
        scored.append(scene.key)
        return real(scene, metrics)

    monkeypatch.setattr(score_images, "_score_files", stops_at_the_second)
    assert run(root) == 130
    assert "the same command goes on" in capsys.readouterr().err
    monkeypatch.setattr(
        score_images, "_score_files", lambda s, m: scored.append(s.key) or real(s, m)
    )
    assert run(root) == 0
    assert scored == ["00001", "00002"]
    assert len(list(root.glob("runs/quality/*/per_image.csv"))) == 3
    assert not list(root.glob("runs/.scores/*"))


@pytest.mark.parametrize(("other", "said"), [("", True), ("entropy.sat254: {}, ", False)])
def test_the_protocol_of_dmfuses_columns_says_that_qe_is_unresolved(root, other, said):
    names = "phase_congruency edge_dependent_quality.uiqi8 feature_mutual_information.edge"
    names += " edge_preservation multi_exposure_similarity visual_information_fusion"
    metrics = "".join(f"{name}: {{}}, " for name in [*names.split(), "standard_deviation"])
    change(root, "sources: [ir", f"metrics: {{{metrics}{other}entropy: {{}}}}, sources: [ir")
    assert run(root, "--source", "ir") == 0
    protocol = records(root)[0].protocol
    assert ("Qe unresolved" in str(protocol.get("note"))) == said
