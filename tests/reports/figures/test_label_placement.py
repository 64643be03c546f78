"""Labels in charts: beside their points, and on nothing else."""

from itertools import combinations

import pytest

from reports.figures import label_placement
from reports.figures.bars_and_curves import load_pyplot

POINTS = [
    *(("average", (0.017, 44.3)), ("laplacian", (0.021, 44.5)), ("maximum", (0.0165, 47.8))),
    *(("dmfuse", (28.3, 61.4)), ("dmnet", (31.0, 61.2)), ("a-name-of-many-letters", (0.9, 48.2))),
]
LEVELS = (44.1, 46.0)


@pytest.fixture
def axes():
    pyplot, settings = load_pyplot()
    with pyplot.rc_context(settings):
        figure, axes = pyplot.subplots(figsize=(3.5, 2.6), layout="constrained")
        axes.set_xscale("log")
        axes.set_xlim(0.005, 90)
        axes.set_ylim(42, 64)
        yield axes
        pyplot.close(figure)


def do_overlap(first, second):
    return (
        first.x0 < second.x1
        and second.x0 < first.x1
        and first.y0 < second.y1
        and second.y0 < first.y1
    )


def test_no_label_covers_another_a_point_or_a_level_or_is_outside(axes):
    label_placement.place_point_labels(axes, POINTS, LEVELS)
    boxes = {text.get_text(): text.get_window_extent() for text in axes.texts}
    assert list(boxes) == [label for label, _ in POINTS]
    assert not [pair for pair in combinations(boxes.values(), 2) if do_overlap(*pair)]
    inside = axes.get_window_extent()
    for box in boxes.values():
        assert inside.x0 <= box.x0 < box.x1 <= inside.x1
        for _, point in POINTS:
            assert not box.contains(*axes.transData.transform(point))
        for level in LEVELS:
            assert not box.y0 < axes.transData.transform((1, level))[1] < box.y1


def test_two_points_with_the_same_label_have_two_labels(axes):
    label_placement.place_point_labels(axes, [("same", (0.1, 50)), ("same", (10, 50))])
    assert len(axes.texts) == 2


def test_labels_of_close_levels_do_not_overlap(axes):
    label_placement.place_level_labels(axes, [("visible", 50.1, "blue"), ("infrared", 50.0, "red")])
    first, second = (text.get_window_extent() for text in axes.texts)
    assert not do_overlap(first, second)
    assert first.x0 >= axes.get_window_extent().x1
    assert [text.get_text() for text in axes.texts] == ["infrared", "visible"]  # rising


@pytest.mark.parametrize(
    ("heights", "expected"),
    [
        ([0, 10], [0, 10]),
        ([0, 2], [-2, 4]),
        ([0, 1, 20], [-2.5, 3.5, 20]),
        ([0, 1, 8], [-3, 3, 9]),  # the pair, moved apart, meets the third
        ([], []),
    ],
)
def test_heights_are_spread_around_their_mean(heights, expected):
    assert label_placement.spread_heights(heights, 6) == expected
