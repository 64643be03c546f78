"""Fused images against the reference sources: which claims are shown, and the sentence on them."""

from dataclasses import replace

import pytest

from reports.document import reference_comparison, sections, selection
from reports.results.bootstrap_scores import TaskBootstrap
from reports.tables import where_fusion_helps
from tests.helpers.reports.bootstrapped_results import make_bootstrap_scores
from tests.helpers.reports.synthetic_records import make_source_results, make_task_results

KINDS = {
    "infrared": "infrared",
    "visible": "visible",
    "both": "ensemble",
    "stacked": "channels",
    "laplacian": "method",
    "theirs": "folder",
}
SENSORS = {"infrared": 0.3, "visible": 0.4}


def make_results(*, is_tested=True, **scores):
    sources, by_source = [], {}
    for number, (name, score) in enumerate((SENSORS | scores).items()):
        sources.append(make_source_results(name, KINDS[name], [(score, score)]))
        by_source[name] = (make_bootstrap_scores(score, score, spread=0.05, seed=number),)
    results = make_task_results(*sources)
    if is_tested:
        results = replace(results, bootstrap=TaskBootstrap(by_source))
    return results


def build_sentence(**options):
    results = make_results(**options)
    return reference_comparison.build_sentence(results, selection.build_main_table(results))


def test_a_fused_image_that_is_better_than_every_reference_row_is_named():
    sentence = build_sentence(both=0.50, stacked=0.52, laplacian=0.60, theirs=0.52)
    assert sentence.startswith(
        "Better than every source that uses both sensors without a fused image: laplacian, "
    )
    assert "against the best of them, stacked: +8.0 points" in sentence
    assert "theirs" not in sentence


def test_being_better_than_some_of_them_is_not_enough():
    sentence = build_sentence(both=0.50, stacked=0.60, laplacian=0.601)
    assert sentence.startswith("No fused image is shown to be better than every source")
    assert "the best: stacked, mAP@.5 60.0" in sentence
    assert "Better than every fused image" not in sentence


def test_a_reference_row_that_is_better_than_every_fused_image_is_named():
    sentence = build_sentence(both=0.66, stacked=0.3, laplacian=0.60, theirs=0.5)
    assert "Better than every fused image: both, mAP@.5 66.0" in sentence
    assert "against the best of them, laplacian: +6.0 points" in sentence


def test_without_resamples_the_best_of_both_groups_are_named():
    sentence = build_sentence(is_tested=False, both=0.66, laplacian=0.60)
    assert sentence == (
        "Of the sources that use both sensors without a fused image, both, mAP@.5 66.0 is best; "
        "the best fused image is "
        "laplacian, mAP@.5 60.0. Not tested."
    )


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            {"both": 0.50, "laplacian": 0.60},
            "Better than every source that uses both sensors without a fused image: laplacian.",
        ),
        (
            {"both": 0.66, "laplacian": 0.60},
            "No fused image is shown to be better than every source that uses both sensors without "
            "one; the best of these is both (mAP@.5 66.0). Better than every fused image: both.",
        ),
        (
            {"both": 0.50, "laplacian": 0.60, "is_tested": False},
            "The best source that uses both sensors without a fused image is both (mAP@.5 50.0); "
            "not tested.",
        ),
        ({"laplacian": 0.60}, ""),
    ],
)
def test_the_headline_has_the_same_finding_without_statistics(options, sentence):
    results = make_results(**options)
    main = selection.build_main_table(results)
    assert reference_comparison.build_plain_sentence(results, main) == sentence
    if sentence:
        assert sentence in sections.build_section(results).headline.text


def test_a_reference_row_is_not_the_fused_source_of_the_headline():
    section = sections.build_section(make_results(both=0.90, laplacian=0.60))
    assert section.headline.candidate == "laplacian"
    assert section.headline.baseline == "visible"
    assert "Best by mAP@.5, shown against each of the other 3: both." in section.headline.notes
    undecided = sections.build_section(make_results(both=0.90, laplacian=0.401)).headline
    assert "No source is shown to be best" not in undecided.text


@pytest.mark.parametrize("scores", [{}, {"both": 0.5}, {"laplacian": 0.5}])
def test_nothing_is_said_without_both_groups(scores):
    assert build_sentence(**scores) == ""


def test_a_reference_row_is_no_fused_image_in_the_answer():
    sources = [
        make_source_results(name, KINDS[name], [(score, score)])
        for name, score in {**SENSORS, "both": 0.9, "laplacian": 0.6}.items()
    ]
    results = make_task_results(*sources)
    answer = where_fusion_helps.build_answer(results, selection.build_main_table(results))
    assert "laplacian (mAP@.5 60.0), fused, is 20.0 points better" in answer
