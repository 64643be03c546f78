"""Plots of correlations with their intervals."""

import numpy as np
import pytest
from PIL import Image

from reports.figures import interval_plots
from reports.figures.interval_plots import IntervalPoint

SHOWN = IntervalPoint(0.6, (0.4, 0.8), True)
OPEN = IntervalPoint(-0.2, None, False)


def draw(tmp_path, rows, styles):
    file = tmp_path / "plot.png"
    interval_plots.draw_intervals(rows, styles, [file], ("toy: simulated scenes\nF1", "rho"))
    return np.asarray(Image.open(file).convert("RGB")).astype(int)


def count_color(image, color):
    return int((abs(image - np.array(color)).max(axis=2) < 12).sum())


def test_a_point_that_is_shown_is_filled_and_another_is_not(tmp_path):
    styles = {"mine": ("#ff0000", "")}
    filled = draw(tmp_path, {"brightness": {"mine": SHOWN}}, styles)
    hollow = draw(tmp_path, {"brightness": {"mine": IntervalPoint(0.6, (0.4, 0.8), False)}}, styles)
    assert count_color(filled, (255, 0, 0)) > count_color(hollow, (255, 0, 0)) + 100


def test_rows_make_the_figure_higher_and_series_have_a_legend(tmp_path):
    styles = {"mine": ("#ff0000", ""), "theirs": ("#0000ff", "")}
    one = draw(tmp_path, {"brightness": {"mine": SHOWN}}, styles)
    two = draw(tmp_path, {name: {"mine": SHOWN, "theirs": OPEN} for name in "ab"}, styles)
    assert len(two) > len(one)
    assert count_color(two, (0, 0, 255)) > 0


def test_names_that_are_no_mathematics_and_long_titles_are_drawn(tmp_path):
    assert draw(tmp_path, {"$x_": {"": OPEN}}, {}).size
    assert len(interval_plots.shorten_title("x" * 200)) == interval_plots.MAX_TITLE_LENGTH


@pytest.mark.parametrize("suffix", ["pdf", "svg"])
def test_equal_numbers_give_equal_files(tmp_path, suffix):
    contents = []
    for name in "ab":
        file = tmp_path / f"{name}.{suffix}"
        interval_plots.draw_intervals({"row": {"": SHOWN}}, {}, [file], ("title", "rho"))
        contents.append(file.read_bytes())
    assert contents[0] == contents[1]
