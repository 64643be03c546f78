import hashlib
import json

import numpy as np
import pytest
from PIL import Image

from fusebench.data import boxes
from fusebench.errors import UserError
from fusebench.storage.store import Store
from reports.figures import crops, draw_boxes_and_masks, sample_panels, sample_selection
from reports.results import drawn_matches
from tests.helpers.synthetic_records import finish_run, make_runs, write_split

GRAY = np.full((48, 64, 3), 90, np.uint8)
TRUTH = boxes.make_boxes([[0, 0, 10, 10], [20, 0, 30, 10]], [0, 1])


def test_a_prediction_on_a_true_box_of_its_class_is_a_hit_and_the_rest_is_not():
    # same box and class; same box, other class; IoU 1/3 (5 of 15 columns)
    predicted = boxes.make_boxes(
        [[0, 0, 10, 10], [20, 0, 30, 10], [25, 0, 35, 10]], [0, 0, 1], [0.9, 0.8, 0.7]
    )
    hit, found = drawn_matches.classify_boxes(TRUTH, predicted)
    assert hit.tolist() == [True, False, False]
    assert found.tolist() == [True, False]


def test_a_true_box_is_found_once_only():
    twice = boxes.make_boxes([[0, 0, 10, 10], [0, 0, 10, 9]], [0, 0], [0.9, 0.8])
    hit, _ = drawn_matches.classify_boxes(TRUTH, twice)
    assert hit.tolist() == [True, False]


def test_a_second_prediction_takes_the_next_best_free_box():
    near = boxes.make_boxes([[0, 0, 10, 10], [0, 3, 10, 13]], [0, 0])
    both = boxes.make_boxes([[0, 1, 10, 11], [0, 0, 10, 10]], [0, 0], [0.9, 0.8])
    hit, found = drawn_matches.classify_boxes(
        near, both
    )  # the first overlaps box 1 by 9/11, the second by 7/13
    assert hit.tolist() == [True, True]
    assert found.tolist() == [True, True]


def test_only_confident_predictions_are_kept_best_first():
    kept = drawn_matches.filter_by_confidence(
        boxes.make_boxes([[0, 0, 1, 1]] * 3, [0, 1, 2], [0.3, 0.24, 0.9])
    )
    assert kept.class_ids.tolist() == [2, 0]


def test_every_condition_shows_the_pair_with_the_smallest_hash(tmp_path):
    pairs = write_split(tmp_path, count=8)
    chosen = sample_selection.select_by_condition(pairs)
    nights = [f"{n:02}" for n in (0, 2, 4, 6)]
    smallest = min(nights, key=lambda key: hashlib.sha256(f"toy/{key}".encode()).hexdigest())
    assert [found.reason for found in chosen] == ["hash draw", "hash draw"]
    assert chosen[1].key == smallest


def test_the_pair_on_which_sources_are_furthest_apart_is_shown():
    scores = {"a": {"1": 0.5, "2": 0.1}, "b": {"1": 0.6, "2": 0.9}, "c": {"1": 0.5, "2": 0.5}}
    assert sample_selection.select_largest_spread(scores) == [
        sample_selection.SelectedPair("2", "sources differ most")
    ]
    assert [one.key for one in sample_selection.select_largest_spread(scores, 2)] == ["2", "1"]
    assert sample_selection.select_largest_spread({"a": {"1": 0.5}}) == []
    assert sample_selection.select_largest_spread({"a": {"1": 0.5}, "b": {"1": 0.5}}) == []


def test_the_object_that_half_of_the_sources_find_is_enlarged():
    corners = np.array([[0, 0, 8, 6], [40, 30, 48, 36], [20, 10, 28, 16]], float)
    found = np.array([[1, 1, 0], [1, 0, 0]], bool)  # all, half, none
    # 12 of 64 pixels is less than a quarter: 16 x 12 around (44, 33)
    assert crops.find_disputed_box_window(corners, found, (64, 48)) == (36, 27, 52, 39)
    assert crops.find_disputed_box_window(corners[:1], found[:, :1], (64, 48)) == (
        0,
        0,
        16,
        12,
    )  # kept inside
    assert crops.find_disputed_box_window(np.empty((0, 4)), np.empty((2, 0), bool), (64, 48)) == (
        24,
        18,
        40,
        30,
    )


def test_the_part_in_which_label_maps_disagree_is_enlarged():
    wrong = np.zeros((2, 48, 64), bool)
    wrong[:, :12, :16] = True  # both wrong: nothing to see
    wrong[0, 30:42, 40:56] = True
    assert crops.find_disputed_pixel_window(wrong) == (40, 30, 56, 42)
    assert crops.find_disputed_pixel_window(np.ones((2, 1, 1), bool)) == (0, 0, 1, 1)


def test_a_window_shows_the_same_part_of_image_and_boxes():
    image = np.zeros((48, 64, 3), np.uint8)
    image[24:36, 32:48] = 200
    mark = draw_boxes_and_masks.BoxOverlay(np.array([0, 0, 4, 4.0]), "", "#ffffff", 0)
    drawn = np.array(draw_boxes_and_masks.draw_boxes(image, [mark], (32, 24, 48, 36)))
    assert drawn.shape == (300, 400, 3)
    assert (drawn == 200).all()  # the box lies outside


def test_the_largest_gain_and_the_largest_loss_are_both_shown():
    fused, single = {"a": 0.9, "b": 0.1, "c": 0.5, "d": 1}, {"a": 0.5, "b": 0.4, "c": 0.5}
    found = sample_selection.select_largest_gain_and_loss(fused, single, ("mine", "visible"))
    assert [(one.key, one.reason) for one in found] == [
        ("a", "mine gains most over visible"),
        ("b", "mine loses most to visible"),
    ]
    assert (
        sample_selection.select_largest_gain_and_loss({"a": 0.5}, {"a": 0.5}, ("mine", "visible"))
        == []
    )


def test_a_pair_with_two_reasons_is_shown_once():
    twice = [
        sample_selection.SelectedPair("a", "first"),
        sample_selection.SelectedPair("b", "x"),
        sample_selection.SelectedPair("a", "second"),
    ]
    assert sample_selection.merge_duplicates(twice) == [
        sample_selection.SelectedPair("a", "first; second"),
        sample_selection.SelectedPair("b", "x"),
    ]


def test_hits_false_positives_and_misses_are_drawn_in_their_own_way():
    predicted = boxes.make_boxes([[0, 0, 10, 10], [40, 20, 60, 40]], [0, 0], [0.9, 0.8])
    marks = draw_boxes_and_masks.build_prediction_overlays(TRUTH, predicted, ("person", "car"))
    drawn = draw_boxes_and_masks.draw_boxes(GRAY, marks)
    colors = {color for _, color in drawn.getcolors(maxcolors=100_000)}
    assert {(0x4A, 0xDE, 0x80), (0xFB, 0x92, 0x3C), (0xFD, 0xE0, 0x47)} <= colors
    nothing = draw_boxes_and_masks.draw_boxes(GRAY, [])
    assert len(nothing.getcolors()) == 1


def test_wrong_pixels_are_orange_and_unlabeled_ones_black():
    truth, predicted = np.array([[0, 1, 1, 1]], np.uint8), np.array([[1, 1, 2, 1]], np.uint8)
    image = np.full((1, 4, 3), 90, np.uint8)
    drawn = np.array(
        draw_boxes_and_masks.draw_label_errors(image, truth, predicted, unlabeled=True)
    )
    middle = [50, 150, 250, 350]
    shown = [tuple(pixel) for pixel in drawn[drawn.shape[0] // 2, middle].tolist()]
    assert shown == [(0, 0, 0), (135, 135, 135), (234, 88, 12), (135, 135, 135)]


def test_fmb_classes_have_fmbs_colors_and_others_differ_from_each_other():
    found = draw_boxes_and_masks.build_class_colors(["unlabelled", "Road", "thing", "stuff"])
    assert found[0].tolist() == [0, 0, 0]
    assert found[1].tolist() == [179, 228, 228]
    assert len({tuple(color) for color in found.tolist()}) == 4


@pytest.mark.parametrize("kind", ["detection", "segmentation"])
def test_panels_show_every_source_that_is_there(tmp_path, kind):
    pairs = write_split(tmp_path / "data", masks=kind == "segmentation")
    store, mine = Store(tmp_path / "runs"), make_runs(kind, pairs, tmp_path)
    for cell in mine[:2]:
        finish_run(cell, store, (0.5, 0.5))
    made = sample_panels.write_panels(
        mine, ["visible", "infrared", "average"], store, tmp_path / "report"
    )
    assert [sample.condition for sample in made] == ["day", "night"]
    assert [panel.source for panel in made[0].panels if panel.source] == ["infrared", "visible"]
    heights = set()
    for panel in made[0].panels[-2:]:
        with Image.open(tmp_path / "report" / panel.file) as picture:
            assert picture.size == panel.size
            assert picture.width == draw_boxes_and_masks.PANEL_WIDTH
            heights.add(picture.height)
    rows = 2 if kind == "detection" else 4
    (height,) = heights  # the same part of every source
    assert height == pytest.approx(
        rows * 300 + (rows - 1) * draw_boxes_and_masks.IMAGE_GAP, abs=rows
    )


def test_nothing_is_fused_for_a_picture(tmp_path):
    store, mine = (
        Store(tmp_path / "runs"),
        make_runs("detection", write_split(tmp_path / "data"), tmp_path),
    )
    for cell in mine:
        finish_run(cell, store, (0.5, 0.5))
    fused = next((tmp_path / "runs" / "fused").iterdir())
    fused.rename(tmp_path / "elsewhere")
    made = sample_panels.write_panels(
        mine, ["average", "visible", "infrared"], store, tmp_path / "report"
    )
    assert [panel.source for panel in made[0].panels if panel.source] == ["infrared", "visible"]
    assert not fused.exists()


def test_predictions_that_cannot_be_read_are_named(tmp_path):
    store, mine = (
        Store(tmp_path / "runs"),
        make_runs("detection", write_split(tmp_path / "data"), tmp_path),
    )
    finish_run(mine[0], store, (0.5, 0.5))
    broken = next((tmp_path / "runs").glob("predicted/*/predictions.json"))
    broken.write_text(json.dumps({"images": []})[:-1])
    with pytest.raises(UserError, match=r"predictions\.json: cannot be read"):
        sample_panels.write_panels(
            mine, ["infrared", "visible", "average"], store, tmp_path / "report"
        )


def test_predictions_without_an_image_of_the_split_are_named(tmp_path):
    store, mine = (
        Store(tmp_path / "runs"),
        make_runs("detection", write_split(tmp_path / "data"), tmp_path),
    )
    finish_run(mine[0], store, (0.5, 0.5))
    file = next((tmp_path / "runs").glob("predicted/*/predictions.json"))
    file.write_text(json.dumps({"images": [], "annotations": [], "categories": []}))
    with pytest.raises(UserError, match=r"predictions\.json: has no image 00"):
        sample_panels.write_panels(mine, ["infrared"], store, tmp_path / "report")


def test_there_are_no_panels_where_nothing_is_predicted(tmp_path):
    mine = make_runs("detection", write_split(tmp_path / "data"), tmp_path)
    assert sample_panels.write_panels(mine, [], Store(tmp_path / "runs"), tmp_path / "report") == []


def torn(path):
    path.write_bytes(path.read_bytes()[:-200])


@pytest.mark.parametrize("kind", ["detection", "segmentation"])
def test_a_damaged_picture_costs_its_own_panel_which_is_named(tmp_path, kind):
    pairs = write_split(tmp_path / "data", masks=kind == "segmentation")
    store, mine = Store(tmp_path / "runs"), make_runs(kind, pairs, tmp_path)
    for cell in mine:
        finish_run(cell, store, (0.5, 0.5))
    ranking = ["average", "visible", "infrared"]
    keys = [
        sample.key
        for sample in sample_panels.write_panels(mine, ranking, store, tmp_path / "whole")
    ]
    place = "fused" if kind == "detection" else "predicted"
    (file,) = (tmp_path / "runs" / place).glob(f"*average*/{keys[0]}.png")
    torn(file)
    first, second = sample_panels.write_panels(mine, ranking, store, tmp_path / "report")
    assert [p.source for p in first.panels if p.source] == ["infrared", "visible"]
    assert [p.source for p in second.panels if p.source] == ["infrared", "visible", "average"]
    legend = sample_panels.build_legend(kind, ranking, [first, second])
    assert f"Left out: average on pair {keys[0]}: {file}: cannot be read as an image" in legend
    assert f"delete the folder {file.parent} and run again." in legend
    assert "are gone" not in legend
    torn(file.with_name(f"{keys[1]}.png"))
    legend = sample_panels.build_legend(
        kind, ranking, sample_panels.write_panels(mine, ranking, store, tmp_path / "again")
    )
    assert legend.count("Left out: average on pair ") == 2
    assert "are gone" not in legend


def test_a_pair_whose_own_files_are_damaged_has_no_panels_and_is_named(tmp_path):
    pairs = write_split(tmp_path / "data")
    store, mine = Store(tmp_path / "runs"), make_runs("detection", pairs, tmp_path)
    finish_run(mine[0], store, (0.5, 0.5))
    for pair in pairs.pairs:
        torn(pair.visible)
    made = sample_panels.write_panels(mine, ["infrared"], store, tmp_path / "report")
    assert [sample.panels for sample in made] == [(), ()]
    legend = sample_panels.build_legend("detection", ["infrared"], made)
    assert f"Left out: pair {made[0].key}: {tmp_path}/data/{made[0].key}-vis.png: cannot" in legend
    assert legend.count("; replace the file.") == 2
    assert "are gone" not in legend
