"""Sequences and conditions of pairs: from paths, patterns of keys and CSV files."""

import pytest

from fusebench.data.sequences import ConditionAndSequence
from fusebench.data.trees.options import Recordings
from fusebench.data.trees.pair_files import TreePair
from fusebench.data.trees.recordings import find_recordings
from fusebench.errors import UserError


def find(folder, keys, csv=None, encoding="utf-8", **options):
    pairs = [TreePair(key, key, key, {"key": key}) for key in keys]
    if csv is not None:
        (folder / "r.csv").write_text(csv, encoding=encoding)
        options["file"] = "r.csv"
    return find_recordings(folder, pairs, Recordings(**options))


def test_patterns_of_the_key_give_sequence_and_condition(tmp_path):
    recordings = find(
        tmp_path,
        ["walk_01D", "drive_02N", "x"],
        sequence="{sequence}_*",
        condition="*{condition}",
        conditions={"D": "Day", "N": "night"},
    )
    assert recordings == {
        "walk_01D": ConditionAndSequence("day", "walk"),
        "drive_02N": ConditionAndSequence("night", "drive"),
        "x": ConditionAndSequence("x", ""),
    }


def test_placeholders_of_the_path_are_used_without_any_option(tmp_path):
    pairs = [TreePair("k", "i", "v", {"key": "k", "sequence": "set00/V001", "condition": "Day"})]
    assert find_recordings(tmp_path, pairs, Recordings()) == {
        "k": ConditionAndSequence("day", "set00_V001")
    }


@pytest.mark.parametrize(
    ("csv", "encoding"),
    [
        ("key,sequence,condition\na,s1,night\nb,s2,day\n", "utf-8"),
        ("key,sequence,condition\r\na,s1,night\r\nb,s2,day\r\n", "utf-8-sig"),
        ("Condition;Key;Sequence\nnight;a.png;s1\nday;vi/b.jpg;s2\n", "utf-8"),
        ('"key"\t"sequence"\t"condition"\n\na\ts1\tnight\nb\ts2\tday', "utf-8"),
        ("key, sequence, condition, weather\na, s1, night, rain\nb, s2, Day, \n", "utf-8"),
    ],
)
def test_a_csv_of_any_program_is_read(tmp_path, csv, encoding):
    assert find(tmp_path, "ab", csv, encoding) == {
        "a": ConditionAndSequence("night", "s1"),
        "b": ConditionAndSequence("day", "s2"),
    }


def test_a_csv_may_have_one_column_and_some_pairs_and_comes_before_patterns(tmp_path):
    recordings = find(tmp_path, ["x_1", "y_1"], "key,sequence\nx_1,z\n", sequence="{sequence}_*")
    assert {key: r.sequence for key, r in recordings.items()} == {"x_1": "z", "y_1": "y"}


@pytest.mark.parametrize(
    ("csv", "message"),
    [
        ("", "is empty; expected the columns key"),
        ("key\na\n", "its first row is key; expected the columns key, and sequence or condition"),
        ("a,s1\nb,s2\n", "its first row is a, s1; expected the columns"),
        ("key,sequence\na,s1\na.png,s2\n", "line 3: a is there twice; delete one"),
        ("key,sequence\nA,s1\n", "1 key(s) are not in the data set: A; it has 2 pairs, e.g. a; "
         "'A' and 'a' differ in the case of letters"),
        ("key,sequence\na\n", "line 2: has 1 columns; expected 2: key, sequence"),
        ("key,sequence\na,s1,x\n", "line 2: has 3 columns"),
        ("key,sequence,key\na,s1,b\n", "line 1: two columns are called 'key'"),
        ('key,sequence\na,"s\x1b[1m"\n', "a character that cannot be printed"),
    ],
)  # fmt: skip
def test_a_csv_that_cannot_be_right_is_refused_with_its_line(tmp_path, csv, message):
    with pytest.raises(UserError) as error:
        find(tmp_path, "ab", csv)
    assert message in str(error.value)


def test_a_missing_csv_and_patterns_that_fit_no_key_are_refused(tmp_path):
    with pytest.raises(UserError, match=r"no\.csv: no such file; write it with the columns key"):
        find(tmp_path, "a", file="no.csv")
    with pytest.raises(UserError, match=r"recordings\.sequence: no key is called {sequence}-\*"):
        find(tmp_path, ["a_1"], sequence="{sequence}-*")
    with pytest.raises(UserError, match="no pair has Day or Night; their conditions are D"):
        find(tmp_path, ["1D"], condition="*{condition}", conditions={"Day": "a", "Night": "b"})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sequence": "seq_*"}, "expected a pattern with {sequence} once"),
        ({"condition": "{condition}{condition}"}, "expected a pattern with {condition} once"),
        ({"sequence": "{sequence}_{name}"}, "expected only these in braces"),
    ],
)
def test_patterns_that_cannot_be_right_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Recordings(**options)
