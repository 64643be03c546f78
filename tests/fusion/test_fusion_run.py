"""python -m fusion.run from end to end on small images: fusion and quality tasks."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from fusebench.config import schema
from fusebench.data.sequences import ConditionAndSequence
from fusebench.experiments import plan
from fusebench.storage.store import Store
from fusion.run import main

TASKS = """
sources:
  ir:  {kind: infrared}
  vis: {kind: visible}
  average: {kind: method, method: average}
  external: {kind: folder, folder: "external/{dataset}"}
  recolored: {kind: folder, folder: "external/{dataset}", color: visible}
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


def run(root, *arguments):
    folders = ("--tasks", "tasks.yaml"), ("--data", "data"), ("--out", "runs")
    common = [part for flag, name in folders for part in (flag, f"{root}/{name}")]
    return main([*common, "--device", "cpu", *arguments])


def replace_in_tasks(root, old, new):
    text = (root / "tasks.yaml").read_text()
    assert old in text
    (root / "tasks.yaml").write_text(text.replace(old, new))


def read_records(root):
    runs = plan.build_plan(
        schema.load_task_file(root / "tasks.yaml"), ["toy"], root / "data", root
    ).runs
    return [run.read_record(Store(root / "runs")) for run in runs]


def write_external_images(root, mode="L", extension="jpg", keys=("00001", "00002")):
    folder = root / "external/folder"
    folder.mkdir(parents=True, exist_ok=True)
    for key in keys:
        Image.new(mode, (8, 6), 150 if mode == "L" else (150,) * 3).save(
            folder / f"{key}.{extension}"
        )


def test_every_run_is_fused_and_scored_once(root, capsys):
    assert run(root) == 0
    (folder,) = root.glob("runs/fused/*")
    fused = np.asarray(Image.open(folder / "00001.png"))
    assert fused.shape == (6, 8, 3)
    assert (fused == 150).all()
    assert [(r.source, r.values["entropy"]) for r in read_records(root)] == [
        ("ir", 0.0),
        ("vis", 0.0),
        ("average", 0.0),
    ]
    capsys.readouterr()
    before = sorted((p, p.stat().st_mtime_ns) for p in root.rglob("runs/**/*") if p.is_file())
    assert run(root) == 0
    assert capsys.readouterr().err == "", "finished work was repeated"
    after = sorted((p, p.stat().st_mtime_ns) for p in root.rglob("runs/**/*") if p.is_file())
    assert after == before


def test_changed_option_repeats_only_what_depends_on_it(root):
    run(root)
    before = {p.name for p in root.glob("runs/[a-z]*/*")}
    replace_in_tasks(root, "method: average", "method: average, options: {infrared_weight: 0.25}")
    run(root)
    new = {p.name for p in root.glob("runs/[a-z]*/*")} - before
    labels = sorted(name.rsplit("-", 1)[0] for name in new)
    assert labels == ["folder-test-average", "toy-average"]


def test_record_of_an_old_option_is_not_read(root):
    run(root)
    replace_in_tasks(root, "method: average", "method: average, options: {infrared_weight: 0.25}")
    assert [r is None for r in read_records(root)] == [False, False, True]


def test_plan_prints_the_steps_and_writes_nothing(root, capsys):
    assert run(root, "--plan") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("] ")[1] for line in lines[1:4]] == ["toy-ir", "toy-vis", "toy-average"]
    assert lines[0].startswith("[1/4] folder-test-average ")
    assert lines[4].startswith("0 of 4 done")
    assert not (root / "runs").exists()


def test_source_fused_selects_every_source_that_is_not_a_sensor(root, capsys):
    run(root, "--plan", "--source", "fused")
    assert capsys.readouterr().out.splitlines()[1] == "[2/2] toy-average"


def test_interrupted_fusion_resumes_with_the_first_missing_image(root, monkeypatch):
    from fusebench.data import images

    written = []
    write_png = images.write_png

    def interrupt_at_the_second(path, image):
        if written:
            raise KeyboardInterrupt
        written.append(path.name)
        write_png(path, image)

    monkeypatch.setattr(images, "write_png", interrupt_at_the_second)
    assert run(root) == 130
    assert [p.name for p in root.glob("runs/fused/*.partial/*.png")] == ["00001.png"]
    monkeypatch.setattr(images, "write_png", lambda p, i: (written.append(p.name), write_png(p, i)))
    assert run(root) == 0
    assert written == ["00001.png", "00002.png"]


@pytest.mark.parametrize(("mode", "extension"), [("L", "jpg"), ("RGB", "bmp"), ("L", "png")])
def test_external_images_are_matched_by_stem_in_any_format(root, mode, extension):
    write_external_images(root, mode, extension)
    replace_in_tasks(root, "[ir, vis, average]", "[external]")
    assert run(root) == 0
    (record,) = read_records(root)
    assert record.protocol["color"] == f"{'gray' if mode == 'L' else 'RGB'} as saved"


def test_external_images_named_by_a_template_are_matched(root):
    write_external_images(root, keys=("00001_ADF", "00002_ADF", "00001_CBF", "00002_CBF"))
    replace_in_tasks(root, "[ir, vis, average]", "[external]")
    replace_in_tasks(
        root,
        '{kind: folder, folder: "external/{dataset}"}',
        ('{kind: folder, folder: "external/{dataset}/{key}_CBF"}'),
    )
    assert run(root) == 0
    (record,) = read_records(root)
    assert record.counts["images"] == 2


def test_changed_external_image_is_scored_again(root):
    replace_in_tasks(root, "[ir, vis, average]", "[external]")
    write_external_images(root, "L", "bmp")
    assert run(root) == 0
    path = root / "external/folder/00001.bmp"
    length = path.stat().st_size
    Image.fromarray(np.arange(48, dtype=np.uint8).reshape(6, 8)).save(path)
    assert path.stat().st_size == length
    assert run(root) == 0
    (record,) = read_records(root)
    assert record.values["entropy"] == pytest.approx(np.log2(48) / 2)  # of two images, one flat


def test_gray_external_image_can_get_the_color_of_the_visible_image(root):
    Image.new("RGB", (8, 6), (120, 100, 80)).save(root / "data/toy/vis/00001.png")
    write_external_images(root)
    replace_in_tasks(root, "[ir, vis, average]", "[recolored]")
    assert run(root) == 0
    (folder,) = root.glob("runs/fused/*")
    # Y of (120, 100, 80) is 103.7; 150 is 46.3 more
    assert np.asarray(Image.open(folder / "00001.png"))[0, 0].tolist() == [166, 146, 126]


def test_missing_external_image_is_an_error_before_any_work(root, capsys):
    write_external_images(root, keys=("00001",))
    replace_in_tasks(root, "[ir, vis, average]", "[ir, external]")
    assert run(root) == 2
    assert "1 of the 2 images of folder/test are missing (first: 00002)" in capsys.readouterr().err
    assert not (root / "runs").exists()


def test_external_image_of_another_size_is_an_error(root, capsys):
    write_external_images(root)
    Image.new("L", (4, 6)).save(root / "external/folder/00002.jpg")
    replace_in_tasks(root, "[ir, vis, average]", "[ir, external]")
    assert run(root) == 2
    assert "00002.jpg: 4 x 6 pixels, but the pair 00002 has 8 x 6" in capsys.readouterr().err
    assert not list(root.glob("runs/quality/*"))


def test_damaged_image_is_an_error_before_any_work(root, capsys):
    noise = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    for name in ("ir", "vis"):
        Image.fromarray(noise).save(root / f"data/toy/{name}/00002.png")
    path = root / "data/toy/vis/00002.png"
    path.write_bytes(path.read_bytes()[:9000])
    assert run(root) == 2
    assert "vis/00002.png: cannot be read as an image" in capsys.readouterr().err
    assert not list(root.glob("runs/fused/*"))


def test_image_without_partner_is_an_error(root, capsys):
    (root / "data/toy/vis/00002.png").unlink()
    assert run(root) == 2
    assert "1 image(s) have no partner" in capsys.readouterr().err


def test_unknown_source_is_an_error_that_lists_the_sources(root, capsys):
    assert run(root, "--source", "averige") == 2
    assert (
        "no source is called 'averige'; did you mean 'average'? Known: ir, vis, average"
        in capsys.readouterr().err
    )


def test_error_of_a_source_that_no_task_lists_has_the_listed_sources(root, capsys):
    assert run(root, "--source", "external") == 2
    assert "none of the chosen tasks lists it (they list average, ir, vis)" in (
        capsys.readouterr().err
    )


def test_source_is_checked_before_scenes_are_rendered(root, capsys):
    replace_in_tasks(
        root, "dataset: folder, data: {infrared: toy/ir, visible: toy/vis}", "dataset: scenes"
    )
    for flags in (("--source", "averige"), ("--source", "external")):
        assert run(root, *flags) == 2
        assert run(root, *flags, "--plan") == 2
    assert not (root / "data/scenes").exists()


def test_failure_of_one_step_does_not_stop_the_others(root, capsys, monkeypatch):
    from fusion.methods import average

    def fail(options, device):
        raise RuntimeError("the method is broken")

    monkeypatch.setattr(average, "load", fail)
    assert run(root) == 1
    assert "the method is broken" in capsys.readouterr().err
    assert [r and r.source for r in read_records(root)] == ["ir", "vis", None]


def test_an_exception_of_a_method_names_the_pair_and_keeps_its_traceback(root, capsys, monkeypatch):
    from fusion.methods import average

    def fuse(infrared, visible):
        return {}["missing"]

    monkeypatch.setattr(average, "load", lambda options, device: fuse)
    assert run(root, "--source", "average") == 1
    error = capsys.readouterr().err
    assert "method average, folder/test, pair 00001: KeyError: 'missing'" in error
    assert "in fuse" in error


def test_weights_that_cannot_be_used_are_one_error_before_anything_is_fused(root, capsys):
    (root / "w.pth").write_bytes(b"<html>Please log in</html>")
    replace_in_tasks(
        root,
        "tasks:",
        f"  mine: {{kind: method, method: dmfuse, options: {{weights: {root}/w.pth}}}}\ntasks:",
    )
    replace_in_tasks(root, "[ir, vis, average]", "[ir, vis, average, mine]")
    assert run(root) == 2
    messages = [line for line in capsys.readouterr().err.splitlines() if "w.pth" in line]
    assert messages == [
        f"fusion.run: {root}/w.pth: is a web page; download the file that the page links to"
    ]
    assert not list(root.glob("runs/fused/*"))


def test_error_names_a_pair_that_is_too_small_for_a_network(root, capsys):
    replace_in_tasks(root, "method: average}", "method: dmfuse}")
    assert run(root, "--source", "average") == 1
    assert ", pair 00001: an image of 8 x 6 pixels is too small" in capsys.readouterr().err


def test_flags_that_select_no_task_are_an_error(root, capsys):
    assert run(root, "--m3fd") == 2
    assert "task for these flags" in capsys.readouterr().err


def test_error_names_a_wrong_option(root, capsys):
    replace_in_tasks(root, "method: average", "method: average, options: {infrared_weight: 2}")
    assert run(root) == 2
    err = capsys.readouterr().err
    assert "options of method average: infrared_weight: " in err
    assert "less than or equal to 1 (given: 2)" in err


def test_task_with_missing_data_is_skipped_and_the_others_run(root, capsys):
    with (root / "tasks.yaml").open("a") as file:
        file.write("  far: {kind: detection, dataset: m3fd, sources: [ir]}\n")
    assert run(root) == 0
    assert "task far is left out" in capsys.readouterr().err
    assert run(root, "--task", "far") == 2
    assert "Ir/ Vis/ Annotation" in capsys.readouterr().err


def test_limit_is_part_of_the_spec(root):
    assert run(root, "--limit", "1", "--source", "ir") == 0
    assert run(root, "--source", "ir") == 0
    assert len(list(root.glob("runs/quality/toy-ir-*"))) == 2
    assert run(root, "--limit", "0") == 2


@pytest.mark.parametrize("name", ["external/{method}", "external/{}", "external/{dataset"])
def test_unknown_placeholder_in_a_folder_name_is_an_error(root, capsys, name):
    replace_in_tasks(root, "[ir, vis, average]", "[external]")
    replace_in_tasks(
        root,
        'external: {kind: folder, folder: "external/{dataset}"}',
        f'external: {{kind: folder, folder: "{name}"}}',
    )
    assert run(root) == 2
    assert "only {dataset}, {split} and {key} can be filled in" in capsys.readouterr().err


@pytest.mark.parametrize("device", ["gpu", "cuda:-1", "cuda:99"])
def test_unknown_device_is_an_error(root, capsys, device):
    folders = ["--tasks", f"{root}/tasks.yaml", "--data", f"{root}/data", "--out", f"{root}/runs"]
    assert main([*folders, "--device", device]) == 2
    assert f"--device {device}: " in capsys.readouterr().err
    assert not list(root.glob("runs/fused/*"))


def test_error_names_an_output_folder_that_cannot_be_created(root, capsys):
    (root / "runs").write_text("a file")
    assert run(root) == 2
    assert f"{root}/runs" in capsys.readouterr().err


def test_quality_record_has_the_signatures_of_its_columns(root):
    replace_in_tasks(
        root, "sources: [ir", "metrics: {entropy: {}, mutual_information.nats: {}}, sources: [ir"
    )
    assert run(root) == 0
    (_, _, record) = read_records(root)
    assert record.protocol["metrics"] == "EN.levels v1, MI.nats v1"
    assert record.protocol["luminance"] == "BT.601, rounded to 8 bits"
    assert record.columns["mutual_information.nats"].signature == "MI.nats v1"
    assert set(record.intervals) == {"entropy", "mutual_information.nats"}
    assert record.protocol["intervals"] == "95 % percentile bootstrap, 2000 resamples of images"


def test_all_sources_of_a_task_are_scored_together(root, monkeypatch):
    from fusion.scoring import score_images

    calls = []
    score_pairs = score_images.score_pairs

    def record_sources(pairs, *arguments):
        calls.append(list(pairs[0].fused))
        return score_pairs(pairs, *arguments)

    monkeypatch.setattr(score_images, "score_pairs", record_sources)
    assert run(root) == 0
    assert calls == [["toy-ir", "toy-vis", "toy-average"]]
    per_image = [p.read_text() for p in sorted(root.glob("runs/quality/*/per_image.csv"))]
    assert [text.splitlines()[0] for text in per_image] == ["key,entropy,flags,signature"] * 3


def test_unknown_variant_is_an_error_before_any_work(root, capsys):
    replace_in_tasks(root, "sources: [ir", "metrics: {entropy.loud: {}}, sources: [ir")
    assert run(root) == 2
    assert "tasks.toy.metrics.entropy.loud: variant" in capsys.readouterr().err
    assert not (root / "runs").exists()


def test_two_names_of_one_metric_are_an_error_before_any_work(root, capsys):
    replace_in_tasks(
        root, "sources: [ir", "metrics: {entropy: {}, entropy.levels: {}}, sources: [ir"
    )
    assert run(root) == 2
    assert "tasks.toy.metrics: entropy and entropy.levels are the same" in capsys.readouterr().err
    assert not (root / "runs").exists()


@pytest.mark.parametrize(
    ("sequence_count", "resampled", "night_has_interval"),
    [(6, "6 sequences", False), (4, "images", True)],
)
def test_conditions_are_resampled_like_the_whole_split(
    root, monkeypatch, sequence_count, resampled, night_has_interval
):
    from fusebench.datasets import folder

    load = folder.load
    for key in range(3, 2 * sequence_count + 1):
        for name in ("ir", "vis"):
            Image.new("L", (8, 6), 9 * key).save(root / f"data/toy/{name}/{key:05}.png")

    def load_with_sequences(*arguments):
        """Sequences of two frames; all but the last by day."""
        index = load(*arguments)
        last = len(index.files) - 2
        recordings = {
            key: ConditionAndSequence("night" if i >= last else "day", f"film {i // 2}")
            for i, key in enumerate(index.keys)
        }
        return replace(index, conditions_and_sequences=recordings)

    monkeypatch.setattr(folder, "load", load_with_sequences)
    assert run(root, "--source", "ir") == 0
    record = read_records(root)[0]
    text = f"95 % percentile bootstrap, 2000 resamples of {resampled}"
    assert record.protocol["intervals"] == text
    assert record.by_condition["day"].intervals["entropy"] is not None
    night_interval = record.by_condition["night"].intervals["entropy"]
    assert (night_interval is not None) == night_has_interval


def test_rows_of_a_quality_run_have_the_signatures_of_their_columns(root):
    replace_in_tasks(
        root, "sources: [ir", "metrics: {mutual_information: {variant: nats}}, sources: [ir"
    )
    assert run(root) == 0
    for file in root.glob("runs/quality/*/per_image.csv"):
        rows = pd.read_csv(file, dtype={"key": str}, index_col="key")
        assert list(rows.index) == ["00001", "00002"]
        assert set(rows["signature"]) == {"MI.nats v1; BT.601, rounded to 8 bits"}


def test_interrupted_scoring_resumes_with_the_first_unscored_pair(root, monkeypatch, capsys):
    from fusion.scoring import score_images

    scored, score_files = [], score_images._score_files

    def interrupt_at_the_second(pair, metrics):
        if scored:
            raise KeyboardInterrupt
        scored.append(pair.key)
        return score_files(pair, metrics)

    monkeypatch.setattr(score_images, "_score_files", interrupt_at_the_second)
    assert run(root) == 130
    assert "interrupted; the same command resumes" in capsys.readouterr().err
    monkeypatch.setattr(
        score_images, "_score_files", lambda p, m: scored.append(p.key) or score_files(p, m)
    )
    assert run(root) == 0
    assert scored == ["00001", "00002"]
    assert len(list(root.glob("runs/quality/*/per_image.csv"))) == 3
    assert not list(root.glob("runs/.scores/*"))


def test_row_log_that_outlived_its_record_is_removed_by_the_next_start(root, capsys):
    assert run(root) == 0
    (folder,) = root.glob("runs/quality/*-ir-*")
    row_log = root / f"runs/.scores/{folder.name}.jsonl"
    row_log.write_text('{"key": "00001"}\n')  # its removal was not on the disk at a power cut
    record = (folder / "record.json").read_bytes()
    assert run(root, "--plan") == 0
    assert row_log.is_file()
    assert run(root) == 0
    assert not row_log.exists()
    assert (folder / "record.json").read_bytes() == record
    capsys.readouterr()
    assert run(root) == 0
    assert capsys.readouterr().out.count("(done)") == 4


@pytest.mark.parametrize(("additional", "has_note"), [("", True), ("entropy.sat254: {}, ", False)])
def test_protocol_of_dmfuses_columns_has_the_note_on_qe(root, additional, has_note):
    names = "phase_congruency edge_dependent_quality.uiqi8 feature_mutual_information.edge"
    names += " edge_preservation multi_exposure_similarity visual_information_fusion"
    metrics = "".join(f"{name}: {{}}, " for name in [*names.split(), "standard_deviation"])
    replace_in_tasks(
        root, "sources: [ir", f"metrics: {{{metrics}{additional}entropy: {{}}}}, sources: [ir"
    )
    assert run(root, "--source", "ir") == 0
    protocol = read_records(root)[0].protocol
    assert ("Qe unresolved" in str(protocol.get("note"))) == has_note
