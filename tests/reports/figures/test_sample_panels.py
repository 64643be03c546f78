import json

import pytest
from PIL import Image

from fusebench.errors import UserError
from fusebench.storage.store import Store
from reports.figures import overlays, sample_panels
from tests.helpers.reports.synthetic_records import finish_run, make_runs, write_split

RANKING = ["average", "visible", "infrared"]


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "runs")


def make_task(kind, folder):
    """The runs of infrared, visible and average in a task."""
    return make_runs(kind, write_split(folder / "data", masks=kind == "segmentation"), folder)


def list_sources(sample):
    return [panel.source for panel in sample.panels if panel.source]


def truncate_file(path):
    path.write_bytes(path.read_bytes()[:-200])


@pytest.mark.parametrize("kind", ["detection", "segmentation"])
def test_every_finished_source_has_a_panel(tmp_path, store, kind):
    runs = make_task(kind, tmp_path)
    for run in runs[:2]:
        finish_run(run, store, (0.5, 0.5))
    ranking = ["visible", "infrared", "average"]
    samples = sample_panels.write_panels(runs, ranking, store, tmp_path / "report")
    assert [sample.condition for sample in samples] == ["day", "night"]
    assert list_sources(samples[0]) == ["infrared", "visible"]
    heights = set()
    for panel in samples[0].panels[-2:]:
        with Image.open(tmp_path / "report" / panel.file) as image:
            assert image.size == panel.size
            assert image.width == overlays.PANEL_WIDTH
            heights.add(image.height)
    (height,) = heights  # the same window for every source
    image_count = 2 if kind == "detection" else 4
    expected = image_count * 300 + (image_count - 1) * overlays.IMAGE_GAP
    assert height == pytest.approx(expected, abs=image_count)


def test_nothing_is_fused_for_a_panel(tmp_path, store):
    runs = make_task("detection", tmp_path)
    for run in runs:
        finish_run(run, store, (0.5, 0.5))
    fused = next((store.root / "fused").iterdir())
    fused.rename(tmp_path / "elsewhere")
    samples = sample_panels.write_panels(runs, RANKING, store, tmp_path / "report")
    assert list_sources(samples[0]) == ["infrared", "visible"]
    assert not fused.exists()


def test_predictions_that_cannot_be_read_are_named(tmp_path, store):
    runs = make_task("detection", tmp_path)
    finish_run(runs[0], store, (0.5, 0.5))
    file = next(store.root.glob("predicted/*/predictions.json"))
    file.write_text(json.dumps({"images": []})[:-1])
    with pytest.raises(UserError, match=r"damaged: predictions\.json \(13 bytes"):
        sample_panels.write_panels(runs, RANKING, store, tmp_path / "report")


def test_predictions_without_an_image_of_the_split_are_named(tmp_path, store):
    runs = make_task("detection", tmp_path)
    finish_run(runs[0], store, (0.5, 0.5))
    file = next(store.root.glob("predicted/*/predictions.json"))
    file.write_text(json.dumps({"images": [], "annotations": [], "categories": []}))
    (file.parent / "manifest.json").unlink()  # as by an earlier version
    with pytest.raises(UserError, match=r"predictions\.json: damaged .lacks image .00"):
        sample_panels.write_panels(runs, ["infrared"], store, tmp_path / "report")


def test_there_are_no_panels_without_predictions(tmp_path, store):
    runs = make_task("detection", tmp_path)
    assert sample_panels.write_panels(runs, [], store, tmp_path / "report") == []


@pytest.mark.parametrize("kind", ["detection", "segmentation"])
def test_a_damaged_image_omits_only_its_own_panel_and_is_named(tmp_path, store, kind):
    runs = make_task(kind, tmp_path)
    for run in runs:
        finish_run(run, store, (0.5, 0.5))
    undamaged = sample_panels.write_panels(runs, RANKING, store, tmp_path / "undamaged")
    keys = [sample.key for sample in undamaged]
    folder = "fused" if kind == "detection" else "predicted"
    (file,) = store.root.glob(f"{folder}/*average*/{keys[0]}.png")
    truncate_file(file)
    first, second = sample_panels.write_panels(runs, RANKING, store, tmp_path / "report")
    assert list_sources(first) == ["infrared", "visible"]
    assert list_sources(second) == ["infrared", "visible", "average"]
    legend = sample_panels.build_legend(kind, RANKING, [first, second])
    assert f"Left out: average on pair {keys[0]}: {file}: cannot be read as an image" in legend
    assert f"verify --repair --out {store.root}`" in legend
    assert "were deleted" not in legend


@pytest.mark.parametrize("kind", ["detection", "segmentation"])
def test_every_damaged_image_of_a_source_is_named(tmp_path, store, kind):
    runs = make_task(kind, tmp_path)
    for run in runs:
        finish_run(run, store, (0.5, 0.5))
    undamaged = sample_panels.write_panels(runs, RANKING, store, tmp_path / "undamaged")
    folder = "fused" if kind == "detection" else "predicted"
    for sample in undamaged:
        (file,) = store.root.glob(f"{folder}/*average*/{sample.key}.png")
        truncate_file(file)
    samples = sample_panels.write_panels(runs, RANKING, store, tmp_path / "report")
    legend = sample_panels.build_legend(kind, RANKING, samples)
    assert legend.count("Left out: average on pair ") == 2
    assert "were deleted" not in legend


def test_a_pair_whose_own_files_are_damaged_has_no_panels_and_is_named(tmp_path, store):
    runs = make_task("detection", tmp_path)
    finish_run(runs[0], store, (0.5, 0.5))
    for pair in runs[0].test_split.pairs:
        truncate_file(pair.visible)
    samples = sample_panels.write_panels(runs, ["infrared"], store, tmp_path / "report")
    assert [sample.panels for sample in samples] == [(), ()]
    legend = sample_panels.build_legend("detection", ["infrared"], samples)
    key = samples[0].key
    assert f"Left out: pair {key}: {tmp_path}/data/{key}-vis.png: cannot" in legend
    assert legend.count("; replace the file.") == 2
    assert "were deleted" not in legend
