import re

import numpy as np
import pytest
from PIL import Image

from reports.document import sections
from reports.figures import bars_and_curves, figure_workers
from tests.helpers.synthetic_records import make_source_results, make_task_results


def drawn(tmp_path, *rows):
    """The texts of the chart of some sources, in the order they are drawn."""
    table = sections.build_main_table(make_task_results(*rows))
    looks = bars_and_curves.assign_source_styles(
        {line.source_results.source_name: line.source_results.source_kind for line in table.rows}
    )
    bars_and_curves.draw_bar_chart(table, looks, [tmp_path / "chart.svg"])
    return re.findall(r"<!-- (.+?) -->", (tmp_path / "chart.svg").read_text(encoding="utf-8"))


def test_a_chart_taken_out_of_the_report_still_says_that_it_is_simulated(tmp_path):
    table = sections.build_main_table(
        make_task_results(make_source_results("infrared", "infrared", [(0.5, 0.5)]))
    )
    looks = bars_and_curves.assign_source_styles({"infrared": "infrared"})
    bars_and_curves.draw_bar_chart(table, looks, [tmp_path / "chart.svg"], "toy: simulated scenes")
    assert "<!-- toy: simulated scenes -->" in (tmp_path / "chart.svg").read_text(encoding="utf-8")


@pytest.mark.parametrize("score", [0.0, 0.002, 0.7])
def test_scores_stand_on_an_axis_that_starts_at_zero(tmp_path, score):
    words = drawn(tmp_path, make_source_results("infrared", "infrared", [(score, score)]))
    assert not [word for word in words if word.startswith("\N{MINUS SIGN}")]


def test_every_finished_source_is_in_the_legend_and_no_other(tmp_path):
    words = drawn(
        tmp_path,
        make_source_results("infrared", "infrared", [(0.5, None)]),
        make_source_results("_mine", "folder", [(0.5, 0.4), (0.6, 0.4)]),
        make_source_results("gone", "method", [None]),
    )
    assert "infrared" in words
    assert "_mine" in words
    assert "gone" not in words


def test_infrared_and_visible_have_the_same_color_whatever_else_is_compared():
    few = bars_and_curves.assign_source_styles({"visible": "visible", "infrared": "infrared"})
    many = bars_and_curves.assign_source_styles(
        {"a": "method", "infrared": "infrared", "b": "folder", "visible": "visible"}
    )
    assert {name: many[name] for name in few} == few
    assert len({color for color, _ in many.values()}) == 4


def test_every_class_has_a_chart_and_every_source_a_line_of_its_own(tmp_path):
    found = {
        "person": {"infrared": ([0, 1], [1, 0.5]), "$x^{$": ([0, 1], [0.9, 0.4])},
        "a&b": {"infrared": ([0, 1], [0.8, 0.3])},
    }
    looks = bars_and_curves.assign_source_styles({"infrared": "infrared", "$x^{$": "method"})
    for name in ("one", "two"):
        bars_and_curves.draw_precision_recall_curves(
            found, looks, [tmp_path / f"{name}.{e}" for e in bars_and_curves.FILE_FORMATS], "toy"
        )
    words = re.findall(r"<!-- (.+?) -->", (tmp_path / "one.svg").read_text(encoding="utf-8"))
    assert {"person", "a&amp;b", "infrared", "$x^{$", "recall", "precision", "toy"} <= set(words)
    for ending in bars_and_curves.FILE_FORMATS:
        one, two = ((tmp_path / f"{name}.{ending}").read_bytes() for name in ("one", "two"))
        assert one == two, ending


def test_no_two_of_twenty_sources_look_alike():
    kinds = {"infrared": "infrared", "visible": "visible"} | {f"m{i}": "method" for i in range(18)}
    looks = bars_and_curves.assign_source_styles(kinds)
    assert len(set(looks.values())) == len(kinds)
    assert len({looks[name][0] for name in list(kinds)[:16]}) == 16


def test_the_pixels_of_a_chart_are_those_of_matplotlib_in_fewer_colors(tmp_path):
    pyplot, _ = bars_and_curves.load_pyplot()
    figure, axes = pyplot.subplots(figsize=(3, 2), layout="constrained")
    axes.bar(range(9), range(1, 10), color=bars_and_curves.FUSION_COLORS[:9], hatch="//")
    bars_and_curves.save_figure(figure, [tmp_path / "ours.png"])
    figure.savefig(tmp_path / "theirs.png", dpi=bars_and_curves.DPI)
    pyplot.close(figure)
    ours, theirs = (
        np.asarray(Image.open(tmp_path / f"{name}.png").convert("RGB"), int)
        for name in ("ours", "theirs")
    )
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).mean() < 0.5  # of 255


def test_many_charts_are_drawn_by_workers_as_by_one(tmp_path):
    table = sections.build_main_table(
        make_task_results(make_source_results("infrared", "infrared", [(0.5, 0.7)]))
    )
    looks = bars_and_curves.assign_source_styles({"infrared": "infrared"})
    names = [f"{number}.svg" for number in range(figure_workers.MIN_CHARTS_FOR_WORKERS)]
    for count, folder in (
        (1, tmp_path / "one"),
        (figure_workers.MIN_CHARTS_FOR_WORKERS, tmp_path / "many"),
    ):
        folder.mkdir()
        with figure_workers.open_figure_pool() as draw:
            for name in names[:count]:
                draw(bars_and_curves.draw_bar_chart, table, looks, [folder / name])
            assert not list(folder.iterdir())
    drawn = {file.read_bytes() for file in tmp_path.rglob("*.svg")}
    assert len(drawn) == 1
    assert len(list((tmp_path / "many").iterdir())) == figure_workers.MIN_CHARTS_FOR_WORKERS


def test_a_chart_that_a_worker_cannot_draw_is_a_fault():
    def draw_nothing():
        with figure_workers.open_figure_pool() as draw:
            for _ in range(figure_workers.MIN_CHARTS_FOR_WORKERS):
                draw(bars_and_curves.draw_bar_chart, None)

    with pytest.raises(TypeError):
        draw_nothing()
