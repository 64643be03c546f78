"""Runs on corrupted pairs in the plan: which there are, their hashes, and what is refused."""

import json

import numpy as np
import pytest

from fusebench import cli
from fusebench.config import schema
from fusebench.corruption_parts.pair_images import PairImages
from fusebench.data import images
from fusebench.engines import jobs
from fusebench.engines.execution import is_scored
from fusebench.errors import UserError
from fusebench.experiments import plan, sources
from fusebench.storage.hashing import content_hash
from fusebench.storage.store import Store
from tests.helpers import dataset_folders

TASKS = """
sources:
  ir: {kind: infrared}
  vis: {kind: visible}
  both: {kind: method, method: average}
  other: {kind: folder, folder: fused}
tasks:
  toy:
    kind: detection
    dataset: m3fd
    data: {split: {rule: lists}}
    sources: [ir, vis, both, other]
    seeds: [0, 1]
"""
KEYS = [f"{number:05d}" for number in range(8)]
OWN_CORRUPTION = """
from fusebench.corruption_parts.pair_images import PairImages
VERSION, TITLE = 1, "inverted"

def changed_sensors(options):
    return ("visible",)

def describe(severity, options):
    return f"{severity} times"

def corrupt(images, severity, options, generator):
    return images.replace_image("visible", RESULT)
"""


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = dataset_folders.write_m3fd(tmp_path / "data/m3fd", KEYS)
    (folder / "meta").mkdir()
    for name, keys in (("train", KEYS[:4]), ("test", KEYS[4:])):
        (folder / f"meta/{name}.txt").write_text("\n".join(keys))
    (tmp_path / "fused").mkdir()
    for key in KEYS:
        fused = images.read_color(tmp_path / f"data/m3fd/Vis/{key}.png")
        images.write_png(tmp_path / f"fused/{key}.png", fused)
    (tmp_path / "tasks.yaml").write_text(TASKS)
    return tmp_path


def build(root, corruptions="{}", *changes, limit=None):
    file = schema.load_task_file(
        root / "tasks.yaml", changes=[f"tasks.toy.corruptions={corruptions}", *changes]
    )
    return plan.build_plan(file, ["toy"], root / "data", root, limit=limit)


def list_labels(runs):
    return [run.label.removeprefix("toy-") for run in runs if run.seed == 0]


def test_every_severity_is_tested_on_the_sources_that_it_changes(root):
    built = build(root, "{darkness: {severities: [1, 3]}, infrared_noise: {severities: [2]}}")
    assert list_labels(built.corrupted_runs) == [
        *("vis-darkness1-seed0", "both-darkness1-seed0"),
        *("vis-darkness3-seed0", "both-darkness3-seed0"),
        *("ir-infrared_noise2-seed0", "both-infrared_noise2-seed0"),
    ]
    assert len(built.corrupted_runs) == 12
    assert built.all_runs == (*built.runs, *built.corrupted_runs)
    assert len(build(root, "[darkness, shift]").corrupted_runs) == 2 * 3 * 2 * 2


def test_clean_runs_keep_their_hashes_and_the_models_are_those_of_clean_pairs(root):
    without, built = build(root), build(root, "[darkness]")
    assert without.corrupted_runs == ()
    assert [run.specs for run in built.runs] == [run.specs for run in without.runs]
    assert "corruption" not in json.dumps([run.specs for run in built.runs])
    trained = {(run.source_name, run.seed): run.specs["trained"] for run in built.runs}
    for run in built.corrupted_runs:
        assert run.specs["trained"] == trained[run.source_name, run.seed]
        clean = next(
            r for r in built.runs if (r.source_name, r.seed) == (run.source_name, run.seed)
        )
        for name in ("predicted", "record"):
            assert content_hash(run.specs[name]) != content_hash(clean.specs[name])


def test_a_list_and_names_without_options_are_the_same(root):
    labels = [
        list_labels(build(root, text).corrupted_runs)
        for text in ("[haze, jpeg]", "{haze: null, jpeg: {}}")
    ]
    assert labels[0] == labels[1]
    assert len(labels[0]) == 12


def test_a_severity_and_an_option_change_the_hash_and_other_corruptions_do_not(root):
    def list_hashes(corruptions):
        built = build(root, corruptions)
        return {run.label: content_hash(run.specs["record"]) for run in built.corrupted_runs}

    alone = list_hashes("[shift]")
    assert len(set(alone.values())) == len(alone)
    assert alone.items() <= list_hashes("[darkness, shift]").items()
    moved = list_hashes("{shift: {options: {pixels: [4, 9, 16]}}}")
    assert moved["toy-both-shift1-seed0"] != alone["toy-both-shift1-seed0"]


def test_records_name_the_corruption(root):
    run = build(root, "[haze]").corrupted_runs[0]
    assert run.build_protocol()["corruption"] == "haze, severity 1: visibility 300 m"
    assert run.table_name == "toy, haze1"
    assert build(root).runs[0].table_name == "toy"


@pytest.mark.parametrize(
    ("corruptions", "message"),
    [
        ("[darknes]", "no 'darknes' in fusebench.corruptions.*darkness"),
        ("[darkness, darkness]", "'darkness' is listed twice"),
        ("{darkness: {severities: [4]}}", "corruptions.darkness.severities.0"),
        ("{darkness: {severities: [0]}}", "corruptions.darkness.severities.0"),
        ("{darkness: {severities: []}}", "corruptions.darkness.severities"),
        ("{darkness: {severities: [1, 1]}}", "1 is listed twice"),
        ("{darkness: {severity: 1}}", "darkness.severity"),
        ("{haze: {options: {visiblity: [1, 2, 3]}}}", "haze.options: visiblity.*visibility"),
        ("{haze: {options: {visibility: [1, 2]}}}", "haze.options: visibility"),
        ("{shift: {options: {pixels: [1, 2, 999]}}}", "shift.options: pixels"),
        ("{shift: {options: {moved: both}}}", "shift.options: moved"),
        ("darkness", "corruptions: expected a list of names"),
        ("[[darkness]]", "corruptions: expected a list of names"),
        ("null", "corruptions: expected a list of names"),
    ],
)
def test_wrong_corruptions_are_refused(root, corruptions, message):
    with pytest.raises(UserError, match=message):
        build(root, corruptions)


def test_predictions_made_elsewhere_cannot_be_repeated_on_corrupted_pairs(root):
    (root / "boxes.json").write_text('{"images": [], "categories": [], "annotations": []}')
    with pytest.raises(UserError, match=r"toy\.corruptions: model from_file reads .*elsewhere"):
        build(
            *(root, "[darkness]", "tasks.toy.model=from_file"),
            *("tasks.toy.options={file: boxes.json}", "tasks.toy.sources=[ir]"),
        )


def test_a_quality_task_has_no_corruptions(root):
    with pytest.raises(UserError, match="corruptions"):
        build(root, "[darkness]", "tasks.toy.kind=quality", "tasks.toy.seeds=null")


def write_sequences(root, *ranges):
    scenes = [
        {"name": f"s{number}", "range": [{"min": low, "max": high}]}
        for number, (low, high) in enumerate(ranges)
    ]
    scenarios = [{"name": "day", "scene": scenes}]
    (root / "data/m3fd/meta/scenario.json").write_text(json.dumps(scenarios))


def test_an_earlier_frame_is_of_the_same_sequence_and_of_the_whole_split(root):
    write_sequences(root, (0, 5), (6, 7))
    corruptions = "{time_lag: {severities: [1], options: {frames: [1, 2, 3]}}}"
    earlier = build(root, corruptions).corrupted_runs[0].corruption
    assert {key: pair.key for key, pair in earlier.earlier.items()} == {
        **{"00004": "00004", "00005": "00004"},
        **{"00006": "00006", "00007": "00006"},
    }
    assert earlier.incomplete_count == 2
    assert "2 pairs have fewer earlier frames" in earlier.describe()
    limited = build(root, corruptions.replace("1, 2", "3, 2"), limit=2).corrupted_runs[0].corruption
    assert {key: pair.key for key, pair in limited.earlier.items()} == {
        **{"00004": "00004", "00006": "00006"}
    }


def test_another_earlier_frame_is_another_hash(root):
    corruptions = "{time_lag: {severities: [1]}}"
    write_sequences(root, (0, 7))
    one = build(root, corruptions, limit=2).corrupted_runs[0].test_images.spec
    write_sequences(root, (0, 5), (6, 7))
    other = build(root, corruptions, limit=2).corrupted_runs[0].test_images.spec
    assert one["corruption"]["earlier"] != other["corruption"]["earlier"]
    assert one["pairs"] == other["pairs"]


def test_an_earlier_frame_of_another_size_is_refused(root):
    write_sequences(root, (0, 7))
    small = np.zeros((20, 30), np.uint8)
    for folder in ("Ir", "Vis"):
        images.write_png(root / f"data/m3fd/{folder}/00006.png", small)
    dataset_folders.write_voc_xml(root / "data/m3fd/Annotation/00006.xml", [], (30, 20))
    message = r"time_lag: the earlier frame of pair 00006, 00005, has .* the pair 30 x 20"
    with pytest.raises(UserError, match=message):
        build(root, "[time_lag]")


def test_time_lag_without_any_earlier_frame_is_refused(root):
    write_sequences(root, *((number, number) for number in range(8)))
    with pytest.raises(UserError, match=r"toy\.corruptions\.time_lag: needs earlier frames"):
        build(root, "[time_lag]")


def test_images_of_corrupted_pairs_are_those_of_the_corruption(root):
    built = build(root, "{shift: {severities: [1], options: {pixels: [3, 8, 16]}}}")
    store = Store(root / "runs")
    pair = built.runs[0].test_split.pairs[0]
    shifted = np.roll(images.read_gray(pair.infrared), 3, axis=1)[:, 3:]
    for run in built.corrupted_runs:
        path = sources.get_images(run.test_images, store, "cpu")[pair.key]
        if run.source_name == "ir":
            np.testing.assert_array_equal(images.read_gray(path)[:, 3:], shifted)
        else:
            visible = images.read_color(pair.visible).astype(float)[:, 3:]
            mean = images.luminance(images.read_color(path))[:, 3:]
            assert np.abs(mean - (visible @ [0.299, 0.587, 0.114] + shifted) / 2).max() <= 1.5
    names = sorted(path.name.rpartition("-")[0] for path in (root / "runs/fused").iterdir())
    assert names == ["m3fd-test-average-shift1", "m3fd-test-infrared-shift1"]


def test_a_pair_is_corrupted_alike_with_a_limit(root):
    pairs = [
        build(root, "{darkness: {severities: [2]}}", limit=limit).corrupted_runs[0]
        for limit in (None, 2)
    ]
    first, second = (run.corruption.read_pair(run.test_split.pairs[0]).visible for run in pairs)
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize(
    ("result", "message"),
    [
        ("images.visible[:2]", "inverted.*visible image of shape"),
        ("images.visible / 2", "dtype float64"),
        ("1 / 0", "pair 00004: ZeroDivisionError"),
        ("255 - images.visible", None),
    ],
)
def test_a_corruption_of_the_users_own_is_checked_and_hashed(root, monkeypatch, result, message):
    monkeypatch.syspath_prepend(root)
    name = f"inverted{abs(hash(result))}"
    (root / name).mkdir()
    (root / name / "__init__.py").touch()
    (root / name / "own.py").write_text(OWN_CORRUPTION.replace("RESULT", result))
    run = build(root, f"{{{name}.own: {{severities: [1]}}}}").corrupted_runs[0]
    assert len(run.test_images.spec["corruption"]["module"]) == 64
    if message is None:
        pair = run.test_split.pairs[0]
        inverted = run.corruption.read_pair(pair)
        assert isinstance(inverted, PairImages)
        np.testing.assert_array_equal(inverted.visible, 255 - images.read_color(pair.visible))
        return
    with pytest.raises(Exception, match=message.replace("inverted", "own")):
        run.corruption.read_pair(run.test_split.pairs[0])


def test_jobs_of_corrupted_pairs_need_the_trained_model_and_their_images(root):
    store = Store(root / "runs")
    flags = ["--set", "tasks.toy.corruptions={haze: {severities: [1]}}", "--seed", "0"]
    args = cli.build_parser("toy", "").parse_args(flags)
    run_plan = cli.build_plan_from_args(args, ("detection",), generate=False)
    graph = jobs.build_jobs(run_plan, store)
    by_title = {job.title.rpartition("-")[0]: job for job in graph.values()}
    predict = by_title["predict m3fd-both-haze1-seed0"]
    titles = [graph[need].title.rpartition("-")[0] for need in predict.needs]
    assert titles == ["train m3fd-both-seed0", "fuse m3fd-test-average-haze1"]
    assert by_title["score toy-vis-haze1-seed0"].needs

    def remain(*kinds):
        remaining = jobs.select_remaining(
            graph, store, lambda job: job.kind in kinds, lambda run: is_scored(run, store)
        )
        return {job.title.rpartition("-")[0] for job in remaining.values()}

    assert "fuse m3fd-test-average-haze1" in remain("detection")
    assert "fuse m3fd-test-average" in remain("fused")
    assert "fuse m3fd-test-average-haze1" not in remain("fused")  # of no use by themselves
