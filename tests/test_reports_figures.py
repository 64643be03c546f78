import re

import pytest
from report_toys import results, row

from reports import chapters, figures


def drawn(tmp_path, *rows):
    """The texts of the chart of some sources, in the order they are drawn."""
    table = chapters.leading(results(*rows))
    looks = figures.styles({line.row.source: line.row.kind for line in table.lines})
    figures.bars(table, looks, [tmp_path / "chart.svg"])
    return re.findall(r"<!-- (.+?) -->", (tmp_path / "chart.svg").read_text(encoding="utf-8"))


def test_a_chart_taken_out_of_the_report_still_says_that_it_is_simulated(tmp_path):
    table = chapters.leading(results(row("infrared", "infrared", [(0.5, 0.5)])))
    looks = figures.styles({"infrared": "infrared"})
    figures.bars(table, looks, [tmp_path / "chart.svg"], "toy: simulated scenes")
    assert "<!-- toy: simulated scenes -->" in (tmp_path / "chart.svg").read_text(encoding="utf-8")


@pytest.mark.parametrize("score", [0.0, 0.002, 0.7])
def test_scores_stand_on_an_axis_that_starts_at_zero(tmp_path, score):
    words = drawn(tmp_path, row("infrared", "infrared", [(score, score)]))
    assert not [word for word in words if word.startswith("\N{MINUS SIGN}")]


def test_every_finished_source_is_in_the_legend_and_no_other(tmp_path):
    words = drawn(
        tmp_path,
        row("infrared", "infrared", [(0.5, None)]),
        row("_mine", "folder", [(0.5, 0.4), (0.6, 0.4)]),
        row("gone", "method", [None]),
    )
    assert "infrared" in words
    assert "_mine" in words
    assert "gone" not in words


def test_infrared_and_visible_have_the_same_colour_whatever_else_is_compared():
    few = figures.styles({"visible": "visible", "infrared": "infrared"})
    many = figures.styles(
        {"a": "method", "infrared": "infrared", "b": "folder", "visible": "visible"}
    )
    assert {name: many[name] for name in few} == few
    assert len({colour for colour, _ in many.values()}) == 4


def test_every_class_has_a_chart_and_every_source_a_line_of_its_own(tmp_path):
    found = {
        "person": {"infrared": ([0, 1], [1, 0.5]), "$x^{$": ([0, 1], [0.9, 0.4])},
        "a&b": {"infrared": ([0, 1], [0.8, 0.3])},
    }
    looks = figures.styles({"infrared": "infrared", "$x^{$": "method"})
    for name in ("one", "two"):
        figures.curves(found, looks, [tmp_path / f"{name}.{e}" for e in figures.FORMATS], "toy")
    words = re.findall(r"<!-- (.+?) -->", (tmp_path / "one.svg").read_text(encoding="utf-8"))
    assert {"person", "a&amp;b", "infrared", "$x^{$", "recall", "precision", "toy"} <= set(words)
    for ending in figures.FORMATS:
        one, two = ((tmp_path / f"{name}.{ending}").read_bytes() for name in ("one", "two"))
        assert one == two, ending
