"""Sources without a fused image on corrupted pairs: ensembles, stacked and replaced channels."""

import numpy as np
import pytest

from fusebench.config import schema
from fusebench.data import images
from fusebench.engines import jobs
from fusebench.errors import UserError
from fusebench.experiments import plan, sources
from fusebench.storage.store import Store
from reports.results.robustness.collection import collect_robustness
from tests.helpers import dataset_folders

TASKS = """
sources:
  ir: {kind: infrared}
  vis: {kind: visible}
  other: {kind: folder, folder: fused}
  both: {kind: ensemble, of: [ir, vis], fuse: nms}
  fixed: {kind: ensemble, of: [ir, other], fuse: nms}
  stacked: {kind: channels}
  green: {kind: replace, channel: green}
tasks:
  toy:
    kind: detection
    dataset: m3fd
    data: {split: {rule: lists}}
    sources: [both, fixed, stacked, green]
    seeds: [0, 1]
    corruptions: {dead_pixels: {severities: [2]}, missing_visible: {severities: [3]}}
"""
KEYS = [f"{number:05d}" for number in range(4)]


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = dataset_folders.write_m3fd(tmp_path / "data/m3fd", KEYS)
    (folder / "meta").mkdir()
    for name, keys in (("train", KEYS[:2]), ("test", KEYS[2:])):
        (folder / f"meta/{name}.txt").write_text("\n".join(keys))
    (tmp_path / "fused").mkdir()
    for key in KEYS:
        visible = images.read_color(tmp_path / f"data/m3fd/Vis/{key}.png")
        images.write_png(tmp_path / f"fused/{key}.png", visible)
    (tmp_path / "tasks.yaml").write_text(TASKS)
    return tmp_path


def build(root):
    file = schema.load_task_file(root / "tasks.yaml")
    return plan.build_plan(file, ["toy"], root / "data", root)


def find_run(runs, label):
    (run,) = (run for run in runs if run.label == f"toy-{label}")
    return run


def test_an_ensemble_combines_corrupted_members_with_those_that_stay_clean(root):
    built = build(root)
    labels = [run.label for run in built.corrupted_runs if run.seed == 1]
    # the images of a folder cannot be fused again: no run of `fixed`
    assert labels == [
        f"toy-{source}-{level}-seed1"
        for level in ("dead_pixels2", "missing_visible3")
        for source in ("both", "stacked", "green")
    ]
    clean = find_run(built.runs, "both-seed1")
    run = find_run(built.corrupted_runs, "both-missing_visible3-seed1")
    infrared, visible = run.members
    assert infrared.specs == clean.members[0].specs
    assert visible.label == "toy-vis-missing_visible3-seed1"
    assert visible.specs["trained"] == clean.members[1].specs["trained"]
    assert run.specs["predicted"]["members"] == [
        infrared.specs["predicted"],
        visible.specs["predicted"],
    ]
    store = Store(root / "runs")
    needs = jobs.build_jobs(built, store)
    (job,) = (job for job in needs.values() if job.runs == (run,) and job.kind == "predicted")
    assert len(job.needs) == 2


def read_image(run, root, key):
    store = Store(root / "runs")
    return sources.get_labeled_images(run.test_images, store, "cpu").read(key)


def test_the_channels_are_those_of_the_corrupted_sensors(root):
    built, key = build(root), KEYS[2]
    clean = read_image(find_run(built.runs, "stacked-seed0"), root, key)
    dark = read_image(find_run(built.corrupted_runs, "stacked-missing_visible3-seed0"), root, key)
    assert dark.shape == clean.shape == (*clean.shape[:2], 4)
    assert not dark[..., :3].any()
    assert np.array_equal(dark[..., 3], clean[..., 3])
    green = read_image(find_run(built.corrupted_runs, "green-missing_visible3-seed0"), root, key)
    assert not green[..., [0, 2]].any()
    assert np.array_equal(green[..., 1], clean[..., 3])


def test_an_ensemble_with_a_member_fused_elsewhere_is_named_as_left_out(root):
    # as one of the sources of the table it would have no run on corrupted pairs, which reads as
    # "not changed: 100 %"
    built = build(root)
    results = collect_robustness(built.runs, built.corrupted_runs, Store(root / "runs"))
    assert results.sources_fused_elsewhere == ("fixed",)
    assert results.sources == ("both", "stacked", "green")


def test_an_unknown_corruption_is_named_with_its_place(root):
    text = TASKS.replace("dead_pixels", "dead_pixel")
    (root / "tasks.yaml").write_text(text)
    with pytest.raises(UserError, match=r"tasks\.toy\.corruptions: .*did you mean 'dead_pixels'"):
        build(root)
