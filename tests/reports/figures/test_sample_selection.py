import hashlib

from reports.figures import sample_selection
from reports.figures.sample_selection import SelectedPair
from tests.helpers.reports.synthetic_records import write_split


def test_of_every_condition_the_pair_with_the_smallest_hash_is_selected(tmp_path):
    selected = sample_selection.select_by_condition(write_split(tmp_path, count=8))
    nights = [f"{number:02}" for number in (0, 2, 4, 6)]
    smallest = min(nights, key=lambda key: hashlib.sha256(f"toy/{key}".encode()).hexdigest())
    assert [pair.reason for pair in selected] == ["smallest hash", "smallest hash"]
    assert selected[1].key == smallest


def test_the_pairs_with_the_largest_range_of_scores_are_selected():
    scores = {"a": {"1": 0.5, "2": 0.1}, "b": {"1": 0.6, "2": 0.9}, "c": {"1": 0.5, "2": 0.5}}
    assert sample_selection.select_largest_spread(scores) == [
        SelectedPair("2", "largest spread between sources")
    ]
    two = sample_selection.select_largest_spread(scores, 2)
    assert [pair.key for pair in two] == ["2", "1"]


def test_without_a_difference_no_pair_has_the_largest_spread():
    assert sample_selection.select_largest_spread({"a": {"1": 0.5}}) == []
    assert sample_selection.select_largest_spread({"a": {"1": 0.5}, "b": {"1": 0.5}}) == []


def test_the_largest_gain_and_the_largest_loss_are_selected():
    fused, single = {"a": 0.9, "b": 0.1, "c": 0.5, "d": 1}, {"a": 0.5, "b": 0.4, "c": 0.5}
    names = ("mine", "visible")
    assert sample_selection.select_largest_gain_and_loss(fused, single, names) == [
        SelectedPair("a", "largest gain of mine against visible", "gain"),
        SelectedPair("b", "largest loss of mine against visible", "loss"),
    ]
    assert sample_selection.select_largest_gain_and_loss({"a": 0.5}, {"a": 0.5}, names) == []


def test_pairs_with_several_reasons_are_merged():
    pairs = [SelectedPair("a", "first"), SelectedPair("b", "x"), SelectedPair("a", "second")]
    assert sample_selection.merge_duplicates(pairs) == [
        SelectedPair("a", "first; second"),
        SelectedPair("b", "x"),
    ]
