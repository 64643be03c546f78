"""The contact sheet of corruptions: its tiles, and what is refused."""

import numpy as np
import pytest

from fusebench import corruption_sheet
from fusebench.corruption_parts.pair_images import PairImages
from fusebench.corruptions.visible import darkness
from fusebench.data import images
from fusebench.experiments.robustness.corrupted_pairs import build_generator

SIZE = (48, 64)


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    for name, shape in (("ir", SIZE), ("vi", (*SIZE, 3)), ("before", SIZE), ("wrong", (9, 9))):
        images.write_png(tmp_path / f"{name}.png", rng.integers(0, 256, shape, dtype=np.uint8))
    return tmp_path


def draw(folder, *flags, infrared="ir.png", visible="vi.png"):
    paths = [str(folder / infrared), str(folder / visible)]
    return corruption_sheet.main([*paths, "--to", str(folder / "sheet.png"), *map(str, flags)])


def test_a_sheet_has_four_images_per_row_and_those_of_a_run(folder):
    assert draw(folder, "--corruption", "darkness", "--width", "64") == 0
    sheet = images.read_color(folder / "sheet.png")
    step = 64 + corruption_sheet.GAP
    assert sheet.shape == (48 + corruption_sheet.TEXT_HEIGHT, 4 * step - corruption_sheet.GAP, 3)
    tiles = [sheet[corruption_sheet.TEXT_HEIGHT :, i * step : i * step + 64] for i in range(4)]
    clean = PairImages(images.read_gray(folder / "ir.png"), images.read_color(folder / "vi.png"))
    np.testing.assert_array_equal(tiles[0], clean.visible)
    generator = build_generator("vi", "darkness", 2)
    expected = darkness.corrupt(clean, 2, darkness.Options(), generator).visible
    np.testing.assert_array_equal(tiles[2], expected)


def test_all_corruptions_and_fused_images_are_drawn(folder, capsys):
    earlier = ("--earlier", folder / "before.png", folder / "vi.png")
    assert draw(folder, "--method", "average", "--width", "32", *earlier) == 0
    with_method = images.read_color(folder / "sheet.png").shape[0]
    assert draw(folder, "--width", "32", *earlier) == 0
    assert with_method > 1.9 * images.read_color(folder / "sheet.png").shape[0]
    assert "Contact sheet:" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("flags", "names", "message"),
    [
        (("--corruption", "fog"), {}, "no 'fog' in fusebench.corruptions"),
        (("--corruption", "time_lag"), {}, "need --earlier"),
        (("--width", "1"), {}, "--width 1: expected 32 to 4096"),
        (("--method", "averege"), {}, "averege"),
        ((), {"infrared": "missing.png"}, "missing.png"),
        ((), {"infrared": "wrong.png"}, "9, 9"),
    ],
)
def test_what_cannot_be_drawn_is_refused(folder, capsys, flags, names, message):
    assert draw(folder, *flags, **names) == 2
    assert message in capsys.readouterr().err
    assert not (folder / "sheet.png").exists()


@pytest.mark.parametrize("target", ["vi.png", "./ir.png", "before.png", "sheet.jpg"])
def test_no_image_of_the_pair_is_replaced_and_no_other_format_is_named(folder, capsys, target):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    earlier = ("--earlier", folder / "before.png", folder / "vi.png")
    assert draw(folder, "--width", "32", *earlier, "--to", f"{folder}/{target}") == 2
    assert f"{target.removeprefix('./')}: " in capsys.readouterr().err
    assert before == {path.name: path.read_bytes() for path in folder.iterdir()}
