"""Figure of the scores on corrupted pairs."""

import pytest
from PIL import Image

from reports.figures.robustness_curves import CurvePoint, draw_robustness_curves

STYLES = {"ir": ("#7f1d1d", ""), "$both$_1": ("#0d9488", "//")}


@pytest.mark.parametrize("count", [1, 5])
def test_curves_of_any_number_of_corruptions_are_drawn(tmp_path, count):
    curves = {
        f"corruption {number}": {
            "ir": [CurvePoint(1, 80, 70, 90), CurvePoint(3, 20)],
            "$both$_1": [CurvePoint(2, 300, 250, 350)],  # far above the clean score
        }
        for number in range(count)
    }
    files = [tmp_path / f"curves.{suffix}" for suffix in ("png", "svg", "pdf")]
    draw_robustness_curves(curves, STYLES, files, "toy", "mAP50")
    assert all(file.stat().st_size > 1000 for file in files)
    with Image.open(files[0]) as image:
        assert image.width == pytest.approx(7.16 * 300, abs=2)
    assert files[1].read_text().count("corruption") >= count
