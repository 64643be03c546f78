"""Pictures of the viewer: names, which pairs are kept below a limit, encoding, damaged images."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fusebench.data import images
from fusebench.data.pairs import Pair, Split
from reports.viewer import pictures
from reports.viewer.collection import ViewerSource, ViewerTask


def make_task(name, sources, keys=("a", "b", "c", "d"), dataset="toy"):
    pairs = tuple(Pair(key, Path("i"), Path("v"), (8, 6)) for key in keys)
    split = Split(dataset, "test", ("car",), pairs)
    viewer_sources = tuple(
        ViewerSource(source, "method", {key: Path(folder, key) for key in keys})
        for source, folder in sources.items()
    )
    return ViewerTask(name, "detection", split, viewer_sources, {})


def test_tasks_share_the_pictures_of_the_same_files_and_of_no_others():
    first = make_task("first", {"fused": "x", "visible": "v"})
    second = make_task("second", {"fused": "x", "other": "y"})
    third = make_task("third", {"fused": "z"})
    folders = pictures.assign_folders([first, second, third])
    assert folders["first", "fused"] == folders["second", "fused"] == "images/toy/fused"
    assert folders["third", "fused"] not in ("images/toy/fused", "images/toy/other")
    keys = {name: ["a", "d"] for name in ("first", "second", "third")}
    files = pictures.list_files([first, second, third], keys, folders)
    assert len(files) == 2 * 4  # fused, visible, other, fused of the third task
    assert files["images/toy/fused/a.webp"] == Path("x/a")


def test_names_of_any_characters_become_safe_file_names():
    task = make_task("t", {'"><script>': "x"}, keys=("../../a", 'b"c'), dataset="..")
    files = pictures.list_files([task], {"t": task.split.keys}, pictures.assign_folders([task]))
    assert len(files) == 2
    for name in files:
        assert name.startswith("images/")
        assert ".." not in name.split("/")
        assert not set(name) & set("\"'<>() \\")


def test_a_limit_keeps_the_chosen_pairs_and_spreads_the_others_evenly():
    task = make_task("t", {"fused": "x"}, keys=tuple(f"{i:02}" for i in range(20)))
    kept = pictures.limit_keys([task], {"t": ["03", "17"]}, 0.3)["t"]
    assert len(kept) == 6
    assert {"03", "17"} < set(kept)
    assert kept == sorted(kept)
    assert pictures.limit_keys([task], {"t": ["03"]}, 1.0)["t"] == task.split.keys
    assert pictures.limit_keys([task], {"t": ["03"]}, 0.001)["t"] == ["03"]


def test_pictures_have_full_size_and_nearly_the_same_pixels(tmp_path):
    ramp = np.add.outer(np.arange(48), np.arange(64)).astype(np.uint8)
    image = np.stack([ramp, ramp[::-1], ramp[:, ::-1]], axis=-1)
    images.write_png(tmp_path / "a.png", image)
    target = tmp_path / "new" / "a.webp"
    assert pictures.write_pictures([(tmp_path / "a.png", target)]) == [""]
    with Image.open(target) as picture:
        assert (picture.format, picture.size) == ("WEBP", (64, 48))
        difference = np.abs(np.asarray(picture).astype(int) - image)
    assert difference.mean() < 2


def test_a_damaged_image_is_left_out_with_the_reason(tmp_path):
    (tmp_path / "bad.png").write_bytes(b"not an image")
    (fault,) = pictures.write_pictures([(tmp_path / "bad.png", tmp_path / "bad.webp")])
    assert "bad.png" in fault
    assert not (tmp_path / "bad.webp").exists()


@pytest.mark.parametrize("count", [1, 5, 50])
def test_the_size_of_all_pictures_is_estimated_from_some(tmp_path, count):
    rng = np.random.default_rng(count)
    paths = [tmp_path / f"{i:02}.png" for i in range(count)]
    for path in paths:
        images.write_png(path, rng.integers(0, 256, (30, 40, 3), dtype=np.uint8))
    targets = [path.with_suffix(".webp") for path in paths]
    pictures.write_pictures(list(zip(paths, targets, strict=True)))
    actual = sum(target.stat().st_size for target in targets)
    assert pictures.estimate_bytes(paths) == pytest.approx(actual, rel=0.05)


def test_no_readable_image_has_no_size(tmp_path):
    assert pictures.estimate_bytes([]) == 0
    assert pictures.estimate_bytes([tmp_path / "missing.png"]) == 0
