"""The answer to a task's question, without statistics: never beyond the numbers."""

import pytest

from reports.document import selection
from reports.results.task_results import SourceResults
from reports.tables import where_fusion_helps
from tests.helpers.reports.synthetic_records import (
    PROTOCOL,
    make_record,
    make_source_results,
    make_task_results,
)

INFRARED = make_source_results("infrared", "infrared", [(0.5, 0.2)])
VISIBLE = make_source_results("visible", "visible", [(0.4, 0.6)])


def build_answer(*sources):
    results = make_task_results(*sources)
    return where_fusion_helps.build_answer(results, selection.build_main_table(results))


def test_the_answer_compares_the_best_fused_source_with_the_better_single_sensor():
    # means: 35, 50, 55; 55 - 50 = 5
    fused = make_source_results("mine", "method", [(0.6, 0.5)])
    assert build_answer(INFRARED, VISIBLE, fused) == (
        "mine (mAP@.5 55.0), fused, is 5.0 points better than the better single sensor, "
        "visible (mAP@.5 50.0). One seed: differences of this size may be chance. "
        "Not tested for significance."
    )


@pytest.mark.parametrize(
    ("scores", "finding"),
    [((0.4, 0.5), "is 5.0 points worse than"), ((0.5, 0.5), "equals"), ((0.5, 0.5002), "equals")],
)
def test_a_loss_or_a_tie_is_not_called_a_gain(scores, finding):
    answer = build_answer(INFRARED, VISIBLE, make_source_results("mine", "method", [scores]))
    assert finding in answer
    assert "better than the better" not in answer


def test_no_sensor_is_called_the_better_one_where_both_have_the_same_score():
    # means as printed: 35.0 and 35.0, of 35.00 and 35.01
    tie = make_source_results("visible", "visible", [(0.4, 0.3002)])
    answer = build_answer(INFRARED, tie, make_source_results("mine", "method", [(0.6, 0.5)]))
    assert "20.0 points better than visible (mAP@.5 35.0), which scores like infrared." in answer
    assert "better single sensor" not in answer


def test_means_over_different_seeds_are_not_compared():
    two_seeds = make_source_results("infrared", "infrared", [(0.5, 0.2), (0.5, 0.4)])
    one_seed = make_source_results("mine", "method", [(0.6, 0.5), None])
    answer = build_answer(two_seeds, one_seed)
    assert "No difference between mine (mAP@.5 55.0), fused, and infrared" in answer
    assert "their seeds differ." in answer
    assert "better than" not in answer


def test_the_answer_states_among_how_many_fused_sources_the_best_was_chosen():
    fused = [make_source_results(name, "method", [(0.6, 0.5)]) for name in ("a", "b")]
    assert "the best of 2 fused sources" in build_answer(INFRARED, VISIBLE, *fused)


def test_the_answer_states_missing_runs_and_simulated_scenes():
    record = make_record(
        "infrared", "infrared", 0, (0.5, 0.5), protocol=PROTOCOL | {"simulated": True}
    )
    simulated = SourceResults("infrared", "infrared", (0,), (record,), "run infrared")
    missing = make_source_results("mine", "method", [None])
    assert build_answer(simulated, missing).startswith(
        "On simulated scenes, not camera images, with 1 of 2 runs finished:"
    )
    assert build_answer(missing) == "No result yet."


def test_sources_with_equal_printed_scores_share_the_best_score():
    equal = [make_source_results(name, "method", [(0.5, 0.5)]) for name in ("a", "b")]
    better = make_source_results("c", "method", [(0.6, 0.5)])
    assert build_answer(*equal).startswith("a, b share the best score, mAP@.5 50.0.")
    assert build_answer(*equal, better).startswith("c (mAP@.5 55.0) is the best")


def test_the_only_single_sensor_is_named():
    fused = make_source_results("mine", "method", [(0.6, 0.5)])
    assert build_answer(INFRARED, fused).startswith(
        "mine (mAP@.5 55.0), fused, is 20.0 points better than infrared (mAP@.5 35.0)."
    )
