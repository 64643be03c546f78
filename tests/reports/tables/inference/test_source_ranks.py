"""Ranks of the sources of a table: where they stand, what they claim, and their files."""

from dataclasses import replace

import numpy as np
import pytest

from fusebench.evaluation import bootstrap
from reports.document import selection, table_text
from reports.results.bootstrap_scores import BootstrapScores, ScoreKey, TaskBootstrap
from reports.results.images import quality_bootstrap
from reports.statistics.rank_sets import RankSet
from reports.tables import builders, fusion_metric_tables, where_fusion_helps
from reports.tables.inference import rank_csv, rank_text, source_ranks
from reports.tables.number_format import UNDEFINED
from tests.helpers.reports.bootstrapped_results import make_bootstrapped_results
from tests.helpers.reports.score_tables import make_quality_results


def get_ranges(table, column=-1):
    return {
        row.source_results.source_name: rank_text.format_rank_set(row.cells[column].rank_set)
        for row in table.rows
    }


def test_a_table_has_rank_letters_and_their_explanation():
    results = make_bootstrapped_results()
    table = builders.build_class_table(results, "ap50")
    # mAP@.5: 35, 50 and 60; the differences vary by 0.3 points. In cars, visible and mine have 60.
    assert get_ranges(table) == {
        "infrared": "3 [3] c",
        "visible": "2 [2] b",
        "mine": "1 [1] a",
    }
    assert get_ranges(table, 1) == {
        "infrared": "3 [3] b",
        "visible": "1 [1, 2] a",
        "mine": "1 [1, 2] a",
    }
    text = table_text.build_text_table(results, table)
    assert [row.letters for row in text.rows] == ["c", "b", "a"]
    assert text.rows[2].remark.endswith("rank [1]")
    assert any("tests of all 3 pairs" in note for note in text.notes)


def make_undecided_table():
    return fusion_metric_tables.build_rank_table(make_ranked_quality_results(5.0))


def test_the_answer_names_the_best_source_or_those_tied_for_it():
    results = make_bootstrapped_results()
    answer = where_fusion_helps.build_answer(results, selection.build_main_table(results))
    assert answer.endswith("Best by mAP@.5, shown against each of the other 2: mine.")
    equal = make_bootstrapped_results(fused_scores=(0.5005, 0.5005))
    answer = where_fusion_helps.build_answer(equal, selection.build_main_table(equal))
    assert answer.endswith("Tied for best by mAP@.5, 2 of 3 sources: mine, visible.")
    every = rank_text.describe_best(make_undecided_table(), -1)
    assert every.startswith("Tied for best by mean rank, all 2 sources: ")


def test_a_difference_that_the_table_denies_is_not_shown_by_the_ranks():
    results = make_bootstrapped_results()
    table = builders.build_class_table(results, "ap50")
    row = table.rows[2]
    denied = [replace(c, verdict="no difference shown") for c in row.comparisons]
    table = replace(table, rows=(*table.rows[:2], replace(row, comparisons=tuple(denied))))
    samples = [
        [
            results.bootstrap.build_sample(
                each.source_results.source_name, header.score_key, cell.seed_scores
            )
            for header, cell in zip(table.headers, each.cells, strict=True)
        ]
        for each in table.rows
    ]
    ranked = source_ranks.add_rank_sets(table, samples)
    baseline = denied[-1].other_source
    letters = {
        each.source_results.source_name: each.cells[-1].rank_set.letters for each in ranked.rows
    }
    assert set(letters["mine"]) & set(letters[baseline])


def test_a_repeated_column_has_the_ranks_of_the_table_that_tests_it():
    visible, _ = selection.select_tables(make_bootstrapped_results())
    by_key = {}
    for table in visible:
        for column, header in enumerate(table.headers):
            by_key.setdefault(header.score_key, []).append(get_ranges(table, column))
    assert all(ranges == every[0] for every in by_key.values() for ranges in every)


def test_without_bootstrap_scores_there_are_no_ranks():
    results = replace(make_bootstrapped_results(), bootstrap=None)
    table = builders.build_class_table(results, "ap50")
    assert rank_csv.build_dataframe(table).empty
    assert rank_text.describe_best(table, 0) == ""
    assert rank_text.build_rank_tables(table_text.build_text_table(results, table), table) == []


def test_the_csv_file_has_rank_both_ends_and_group():
    frame = rank_csv.build_dataframe(
        builders.build_class_table(make_bootstrapped_results(), "ap50")
    )
    row = frame[(frame["column"] == "mAP@.5") & (frame["source"] == "visible")].iloc[0]
    assert (row["rank"], row["rank_low"], row["rank_high"], row["group"]) == (2, 2, 2, "b")


@pytest.mark.parametrize(
    ("rank_set", "text"),
    [
        (RankSet(2, 1, 3, "ab"), "2 [1, 3] ab"),
        (RankSet(4, 4, 4, "c"), "4 [4] c"),
        (None, UNDEFINED),
    ],
)
def test_a_rank_set_is_printed_with_its_ends(rank_set, text):
    assert rank_text.format_rank_set(rank_set) == text


def test_means_on_resamples_leave_out_images_without_a_score():
    keys, sequences = ["a", "b", "c", "d", "e", "f"], ["0", "1", "2", "3", "4", "5"]
    resamples = bootstrap.resample_units(sequences, 50, 1)
    scores = quality_bootstrap.resample_means(
        {"EN": {"a": 1.0, "b": 2.0, "c": 4.0}}, keys, resamples, 6
    )
    counts = resamples.unit_counts[:, :3]
    expected = np.full(50, np.nan)
    drawn = counts.sum(axis=1)
    expected[drawn > 0] = (counts @ [1.0, 2.0, 4.0])[drawn > 0] / drawn[drawn > 0]
    np.testing.assert_allclose(scores.scores[ScoreKey(None, None, "EN")], expected)


def make_ranked_quality_results(noise):
    """Give "mine" and "theirs" means on resamples that vary by ``noise``."""
    results = make_quality_results(mine=(7.0, 0.2), theirs=(6.0, 0.3))
    rng = np.random.default_rng(0)
    by_source = {
        source.source_name: (
            BootstrapScores(
                {
                    ScoreKey(None, None, metric): value + rng.normal(0, noise, 300)
                    for metric, value in source.records[0].values.items()
                },
                {(None, None): np.full(20, 1 / 20)},
                *(20, 20, True, 20),
            ),
        )
        for source in results.sources
    }
    return replace(results, quality_bootstrap=TaskBootstrap(by_source))


def test_a_mean_rank_is_told_apart_where_every_metric_is():
    # mine is better by both metrics (the second is better if lower): rank 1 in both
    for noise, letters in ((0.001, ["a", "b"]), (5.0, ["a", "a"])):
        results = make_ranked_quality_results(noise)
        table = fusion_metric_tables.build_rank_table(results)
        assert [row.cells[-1].rank_set.letters for row in table.rows] == letters
        answer = where_fusion_helps.build_answer(results, selection.build_main_table(results))
        is_told_apart = letters == ["a", "b"]
        assert ("Best by mean rank, shown against" in answer) is is_told_apart
        assert "Not tested" not in answer
    means = builders.build_means_table(make_ranked_quality_results(0.001))
    assert get_ranges(means, 1) == {"mine": "1 [1] a", "theirs": "2 [2] b"}
