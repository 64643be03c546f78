import re

import numpy as np
import pytest
from PIL import Image

from reports.document import selection
from reports.figures import bars_and_curves
from tests.helpers.reports.synthetic_records import make_source_results, make_task_results


def draw_bar_chart(file, *sources, note=""):
    """Draw the main table of some sources; return the texts of the SVG file in their order."""
    table = selection.build_main_table(make_task_results(*sources))
    styles = bars_and_curves.assign_source_styles(
        {source.source_name: source.source_kind for source in sources}
    )
    bars_and_curves.draw_bar_chart(table, styles, [file], note)
    return re.findall(r"<!-- (.+?) -->", file.read_text(encoding="utf-8"))


def test_a_chart_without_the_report_still_says_that_it_is_simulated(tmp_path):
    source = make_source_results("infrared", "infrared", [(0.5, 0.5)])
    texts = draw_bar_chart(tmp_path / "chart.svg", source, note="toy: simulated scenes")
    assert "toy: simulated scenes" in texts


@pytest.mark.parametrize("score", [0.0, 0.002, 0.7])
def test_the_axis_of_scores_starts_at_zero(tmp_path, score):
    source = make_source_results("infrared", "infrared", [(score, score)])
    texts = draw_bar_chart(tmp_path / "chart.svg", source)
    assert not [text for text in texts if text.startswith("\N{MINUS SIGN}")]


def test_the_legend_has_every_finished_source_and_no_other(tmp_path):
    texts = draw_bar_chart(
        tmp_path / "chart.svg",
        make_source_results("infrared", "infrared", [(0.5, None)]),
        make_source_results("_mine", "folder", [(0.5, 0.4), (0.6, 0.4)]),
        make_source_results("missing", "method", [None]),
    )
    assert "infrared" in texts
    assert "_mine" in texts
    assert "missing" not in texts


def test_infrared_and_visible_have_the_same_color_whatever_else_is_compared():
    few = bars_and_curves.assign_source_styles({"visible": "visible", "infrared": "infrared"})
    many = bars_and_curves.assign_source_styles(
        {"a": "method", "infrared": "infrared", "b": "folder", "visible": "visible"}
    )
    assert {name: many[name] for name in few} == few
    assert len({color for color, _ in many.values()}) == 4


def test_twenty_sources_have_different_styles():
    kinds = {"infrared": "infrared", "visible": "visible"} | {f"m{i}": "method" for i in range(18)}
    styles = bars_and_curves.assign_source_styles(kinds)
    assert len(set(styles.values())) == len(kinds)
    assert len({styles[name][0] for name in list(kinds)[:16]}) == 16


def test_curves_have_a_chart_per_class_and_equal_numbers_give_equal_bytes(tmp_path):
    curves = {
        "person": {"infrared": ([0, 1], [1, 0.5]), "$x^{$": ([0, 1], [0.9, 0.4])},
        "a&b": {"infrared": ([0, 1], [0.8, 0.3])},
    }
    styles = bars_and_curves.assign_source_styles({"infrared": "infrared", "$x^{$": "method"})
    for name in ("first", "second"):
        files = bars_and_curves.build_figure_paths(tmp_path, name)
        bars_and_curves.draw_precision_recall_curves(curves, styles, files, "toy")
    texts = re.findall(r"<!-- (.+?) -->", (tmp_path / "first.svg").read_text(encoding="utf-8"))
    assert {"person", "a&amp;b", "infrared", "$x^{$", "recall", "precision", "toy"} <= set(texts)
    for suffix in bars_and_curves.FILE_FORMATS:
        first, second = (
            (tmp_path / f"{name}.{suffix}").read_bytes() for name in ("first", "second")
        )
        assert first == second, suffix


def test_png_files_look_like_those_of_matplotlib_in_fewer_colors(tmp_path):
    pyplot, _ = bars_and_curves.load_pyplot()
    figure, axes = pyplot.subplots(figsize=(3, 2), layout="constrained")
    axes.bar(range(9), range(1, 10), color=bars_and_curves.FUSION_COLORS[:9], hatch="//")
    bars_and_curves.save_figure(figure, [tmp_path / "ours.png"])
    figure.savefig(tmp_path / "matplotlib.png", dpi=bars_and_curves.DPI)
    pyplot.close(figure)
    ours, expected = (
        np.asarray(Image.open(tmp_path / f"{name}.png").convert("RGB"), int)
        for name in ("ours", "matplotlib")
    )
    assert ours.shape == expected.shape
    assert np.abs(ours - expected).mean() < 0.5  # of 255
