"""Counts, filters and order of the page equal what Python computes from the stored results."""

import csv

import numpy as np
import pytest

from fusebench.evaluation import box_matching
from reports.results import per_image, predictions
from reports.viewer import links
from tests.reports.viewer.conftest import ACCURACY, FUSED

pytestmark = pytest.mark.slow
DETECTION, SEGMENTATION = "m3fd-detection", "fmb-segmentation"
SENSORS = ("infrared", "visible")
CAR = 1  # class id


def find_predictions(report, task):
    """The predictions of the first seed of every source by name."""
    runs = [run for run in report.plan.runs if run.task_name == task]
    by_run = predictions.find_source_predictions(runs, report.store)
    return {source.source_name: source for source in by_run}


def match_confident_boxes(source, pair, confidence):
    """Match the predictions of a confidence again: (kept predictions, index of the true box)."""
    predicted = source.boxes[pair.key]
    kept = predicted.select(predicted.scores >= confidence)
    return kept, box_matching.match_boxes(pair.boxes, kept)


def count_boxes(source, pairs, confidence, class_id=None):
    """True positives, false negatives and false positives on some pairs."""
    hits = truth = predicted = 0
    for pair in pairs:
        kept, matches = match_confident_boxes(source, pair, confidence)
        is_counted = np.ones(len(kept), bool) if class_id is None else kept.class_ids == class_id
        hits += int((matches[is_counted] >= 0).sum())
        predicted += int(is_counted.sum())
        truth += (
            len(pair.boxes) if class_id is None else int((pair.boxes.class_ids == class_id).sum())
        )
    return [hits, truth - hits, predicted - hits]


def find_detected(source, pair, confidence):
    """Indices of the true boxes that a source finds."""
    matches = match_confident_boxes(source, pair, confidence)[1]
    return set(matches[matches >= 0].tolist())


def read_table(page):
    """Cells of every source's row, as text."""
    return page.evaluate(
        "Object.fromEntries([...document.querySelectorAll('#sources tbody tr')].map(row =>"
        " [row.querySelector('button').textContent.replace(/^[0-9] /, ''),"
        "  [...row.cells].slice(1).map(cell => cell.textContent)]))"
    )


def list_cards(page):
    """Keys of the cards in the order of the gallery, all of them."""
    while page.locator("#more").is_visible():
        page.click("#more")
    return page.evaluate("[...document.querySelectorAll('.card strong')].map(s => s.textContent)")


def open_pair(open_viewer, task, key, **choices):
    return open_viewer(links.build_pair_link(task, key, **choices).removeprefix(links.PAGE))


def open_gallery(open_viewer, task, **choices):
    return open_viewer(links.build_gallery_link(task, **choices).removeprefix(links.PAGE))


@pytest.mark.parametrize("confidence", ["0.05", "0.25", "0.5", "0.81"])
def test_the_slider_counts_what_python_counts(open_viewer, viewer_report, confidence):
    by_source = find_predictions(viewer_report, DETECTION)
    pairs = by_source["infrared"].run.test_split.pairs
    page = open_pair(open_viewer, DETECTION, pairs[7].key)
    page.locator("#viewer-confidence [type=range]").fill(confidence)
    expected = {}
    for name, source in by_source.items():
        own, everything = (
            count_boxes(source, some, float(confidence)) for some in ([pairs[7]], pairs)
        )
        hits, misses, false = everything
        f1 = f"{100 * 2 * hits / (2 * hits + misses + false):.0f}"
        expected[name] = [*map(str, own), *map(str, everything), f1]
    assert read_table(page) == expected
    caption = page.locator("figcaption small").first.inner_text()
    own = expected["average"]
    assert caption == f"{own[0]} TP, {own[1]} FN, {own[2]} FP"


def test_a_class_is_counted_alone(open_viewer, viewer_report):
    by_source = find_predictions(viewer_report, DETECTION)
    pairs = by_source["infrared"].run.test_split.pairs
    page = open_pair(open_viewer, DETECTION, pairs[2].key)
    page.select_option("#choice", str(CAR))
    for name, cells in read_table(page).items():
        assert cells[:3] == list(map(str, count_boxes(by_source[name], [pairs[2]], 0.25, CAR)))
        assert cells[3:6] == list(map(str, count_boxes(by_source[name], pairs, 0.25, CAR)))


def test_the_best_confidence_of_each_source_gives_the_counts_of_its_record(
    open_viewer, viewer_report
):
    by_source = find_predictions(viewer_report, DETECTION)
    pairs = by_source["infrared"].run.test_split.pairs
    page = open_pair(open_viewer, DETECTION, pairs[0].key, confidence="best")
    for name, cells in read_table(page).items():
        folder = by_source[name].run.get_record_folder(viewer_report.store)
        with (folder / "per_image.csv").open(newline="") as text:
            rows = list(csv.DictReader(text))
        truth, hits, false = (
            sum(int(row[column]) for row in rows)
            for column in ("truth", "true_positives", "false_positives")
        )
        assert cells[3:6] == [str(hits), str(truth - hits), str(false)]


def test_pixel_accuracy_is_that_of_the_record(open_viewer, viewer_report):
    by_source = find_predictions(viewer_report, SEGMENTATION)
    key = by_source["infrared"].run.test_split.keys[3]
    page = open_pair(open_viewer, SEGMENTATION, key)
    for name, cells in read_table(page).items():
        folder = by_source[name].run.get_record_folder(viewer_report.store)
        scores = per_image.read_per_image_scores(folder, "segmentation")["pixel accuracy per image"]
        assert cells[0] == f"{100 * scores[key]:.1f}"


def test_fusion_metrics_are_those_of_the_record(open_viewer, viewer_report):
    run = next(run for run in viewer_report.plan.runs if run.task_name == "m3fd-quality")
    scores = per_image.read_per_image_scores(run.get_record_folder(viewer_report.store), "quality")
    key, metrics = run.test_split.keys[5], list(run.read_record(viewer_report.store).columns)
    page = open_pair(open_viewer, "m3fd-quality", key)
    page.select_option("#choice", str(4))
    assert float(read_table(page)[run.source_name][0]) == pytest.approx(
        scores[metrics[4]][key], rel=1e-3
    )


@pytest.mark.parametrize("candidate", FUSED)
def test_pairs_with_gained_and_lost_objects_are_found(open_viewer, viewer_report, candidate):
    by_source = find_predictions(viewer_report, DETECTION)
    gained, lost = [], []
    for pair in by_source["infrared"].run.test_split.pairs:
        own = find_detected(by_source[candidate], pair, 0.5)
        by_sensors = set.union(*(find_detected(by_source[s], pair, 0.5) for s in SENSORS))
        gained += [pair.key] if own - by_sensors else []
        lost += [pair.key] if by_sensors - own else []
    page = open_gallery(
        open_viewer, DETECTION, show="gained", candidate=candidate, confidence="0.5"
    )
    assert list_cards(page) == gained
    page.select_option("#show", "lost")
    assert list_cards(page) == lost
    assert 0 < len(gained) < 21 or 0 < len(lost) < 21  # the filters leave something out


def test_the_gallery_is_sorted_by_the_gain_over_the_better_sensor(open_viewer, viewer_report):
    by_source = find_predictions(viewer_report, DETECTION)

    def compute_f1(name, pair):
        hits, misses, false = count_boxes(by_source[name], [pair], 0.25)
        return 2 * hits / (2 * hits + misses + false)

    pairs = by_source["infrared"].run.test_split.pairs
    gains = {
        pair.key: compute_f1(FUSED[1], pair) - max(compute_f1(sensor, pair) for sensor in SENSORS)
        for pair in pairs
    }
    page = open_gallery(open_viewer, DETECTION, candidate=FUSED[1], sort="gain")
    assert [gains[key] for key in list_cards(page)] == sorted(gains.values(), reverse=True)
    page.select_option("#sort", "loss")
    assert [gains[key] for key in list_cards(page)] == sorted(gains.values())
    page.select_option("#sort", "low")
    scores = {pair.key: compute_f1(FUSED[1], pair) for pair in pairs}
    assert [scores[key] for key in list_cards(page)] == sorted(scores.values())


def test_conditions_and_classes_filter_the_pairs(open_viewer, viewer_report):
    split = find_predictions(viewer_report, SEGMENTATION)["infrared"].run.test_split
    page = open_gallery(open_viewer, SEGMENTATION)
    assert list_cards(page) == list(split.keys)
    options = page.locator("#condition option").all_inner_texts()
    for condition in options[1:]:
        page.select_option("#condition", label=condition)
        expected = [pair.key for pair in split.pairs if pair.condition == condition]
        assert 0 < len(expected) < len(split.keys)
        assert list_cards(page) == expected
    assert "of 21 pairs" in page.locator("#gallery-status").inner_text()


def test_a_card_opens_its_pair_and_the_next_one_follows_the_order_of_the_gallery(open_viewer):
    page = open_gallery(open_viewer, DETECTION, sort="gain")
    keys = list_cards(page)
    page.locator(".card").nth(1).click()
    page.wait_for_selector("#viewport figcaption span")
    assert keys[1] in page.locator("#position").inner_text()
    page.click("#next")
    assert keys[2] in page.locator("#position").inner_text()
    page.click("[data-view=curtain]")
    page.click("#to-gallery")
    page.wait_for_selector("#cards .card")
    assert list_cards(page) == keys
    page.locator(".card").first.click()  # another pair is shown in the same view
    page.wait_for_selector("#viewport.curtain")


def test_a_confidence_chosen_beside_a_pair_holds_in_the_gallery(open_viewer):
    page = open_pair(open_viewer, DETECTION, "00004")
    page.locator("#viewer-confidence [type=range]").fill("0.6")
    page.keyboard.press("Escape")
    page.wait_for_selector("#cards .card")
    assert page.locator("#gallery-confidence output").inner_text() == "0.6"


def test_thumbnails_are_loaded_when_they_come_into_view(open_viewer, viewer_report):
    page = open_gallery(open_viewer, DETECTION)
    page.set_viewport_size({"width": 390, "height": 400})
    page.reload()
    page.wait_for_selector("#cards img")
    images = "[...document.querySelectorAll('#cards img')]"
    page.wait_for_function(f"{images}[0].naturalWidth === 160")
    assert page.evaluate(f"{images}.every(image => image.loading === 'lazy')")
    assert set(ACCURACY) >= set(page.locator("#candidate option").all_inner_texts())
