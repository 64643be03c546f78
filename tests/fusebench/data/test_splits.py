"""Split rules: which keys they select, leakage, and refusal of invalid lists."""

import pytest
from pydantic import TypeAdapter, ValidationError

from fusebench.data import splits
from fusebench.data.split_builder import load_split
from fusebench.data.splits import BlockRule, ListRule, OfficialRule, RandomRule
from fusebench.data.splitting import frame_numbers, leakage, split_lists
from fusebench.datasets import m3fd
from fusebench.errors import UserError
from tests.helpers import dataset_folders

M3FD_KEYS = [f"{number:05d}" for number in range(4200)]
# Ranges of ids that a third party assigned to TarDAL's four conditions.
CONDITION_RANGES = {
    "day": "719-742 1995-2043 2095-2200 2243-2755 2779-2938 2970-3375 3403-3574 3589-3611 "
    "3661-3720",
    "overcast": "0-243 825-864 970-1226 1580-1862 1912-1934 3575-3588 3612-3660 3721-3854 "
    "4103-4199",
    "night": "324-341 386-708 1227-1300 1444-1493 2756-2778 3855-4102",
    "challenge": "244-323 342-385 709-718 743-824 865-969 1335-1391 1429-1443 1530-1579 "
    "1863-1911 1935-1993 2044-2094 2201-2242 2939-2969 3379-3402 3575-3588 3612-3660",
}


def expand_ranges(ranges):
    ends = [text.split("-") for text in ranges.split()]
    return {f"{n:05d}" for low, high in ends for n in range(int(low), int(high) + 1)}


def test_blocks_as_computed_by_hand():
    keys = [f"{n:02d}" for n in range(12)]
    parts = splits.divide_keys(keys, BlockRule(length=3, gap=1, every=3, first=1), {})
    assert parts["test"] == ["03", "04", "05"]
    assert parts["train"] == ["00", "01", "07", "08", "09", "10", "11"]


def test_rule_all_tests_every_pair_and_refuses_training(tmp_path):
    dataset_folders.write_m3fd(tmp_path / "m3fd", M3FD_KEYS[:5])
    options = m3fd.Options(split={"rule": "all"})
    split = load_split(m3fd.load, tmp_path, "test", options)
    assert split.name == "test"
    assert split.keys == tuple(M3FD_KEYS[:5])
    assert split.rule_description == "all pairs"
    assert not split.has_leakage
    with pytest.raises(UserError, match="tests every pair and leaves none to train on"):
        load_split(m3fd.load, tmp_path, "train", options)


def test_default_rule_tests_1000_pairs_of_m3fd_with_a_gap_of_ten_ids():
    parts = splits.divide_keys(M3FD_KEYS, BlockRule(), {})
    assert (len(parts["train"]), len(parts["test"])) == (3000, 1000)
    test_ids = sorted(map(int, parts["test"]))
    train_ids = set(map(int, parts["train"]))
    assert not any({n + step for step in range(-10, 11)} & train_ids for n in test_ids)
    assert test_ids[:100] == list(range(200, 300))


@pytest.mark.parametrize("condition", CONDITION_RANGES)
def test_default_rule_tests_a_fifth_to_a_quarter_of_every_condition_of_m3fd(condition):
    keys = expand_ranges(CONDITION_RANGES[condition])
    test_keys = keys & set(splits.divide_keys(M3FD_KEYS, BlockRule(), {})["test"])
    assert 0.19 < len(test_keys) / len(keys) < 0.27


def test_blocks_follow_the_frame_number_not_the_rank():
    keys = ["00000", "00001", "00099", "00150", "00232", "03878"]
    parts = splits.divide_keys(keys, BlockRule(), {})
    assert parts["test"] == ["00232", "03878"]
    assert parts["train"] == ["00000", "00001", "00099", "00150"]


def test_keys_without_common_numbering_are_divided_by_rank():
    keys = ["gate", "harbour", "lane2", "x-7"]
    parts = splits.divide_keys(keys, BlockRule(length=1, gap=0, every=2, first=0), {})
    assert parts == {"train": ["harbour", "x-7"], "test": ["gate", "lane2"]}


def test_blocks_that_leave_a_part_empty_are_refused_with_another_rule_as_advice():
    with pytest.raises(UserError, match=r"no pair of 2 is left for test; .*rule: random"):
        splits.divide_keys(["00000", "00001"], BlockRule(), {})
    with pytest.raises(UserError, match="left for train"):
        splits.divide_keys(M3FD_KEYS, BlockRule(length=10, gap=10, every=2), {})


def test_frame_numbers_are_parsed_only_if_all_keys_have_the_same_prefix():
    assert frame_numbers.parse_frame_numbers(["00004N", "00431D"]) == {"00004N": 4, "00431D": 431}
    assert frame_numbers.parse_frame_numbers(["FLIR_00006", "FLIR_06832"]) == {
        "FLIR_00006": 6,
        "FLIR_06832": 6832,
    }
    assert frame_numbers.parse_frame_numbers(["a1", "b1"]) is None
    assert frame_numbers.parse_frame_numbers(["v1_2", "v1_3"]) is None
    assert frame_numbers.parse_frame_numbers([]) is None


def test_random_split_depends_on_the_seed_and_not_on_the_order_of_the_keys():
    first = splits.divide_keys(M3FD_KEYS, RandomRule(seed=3), {})
    assert first == splits.divide_keys(M3FD_KEYS[::-1], RandomRule(seed=3), {})
    assert first != splits.divide_keys(M3FD_KEYS, RandomRule(seed=4), {})
    assert len(first["test"]) == 1050
    assert sorted(first["train"] + first["test"]) == M3FD_KEYS


@pytest.mark.parametrize(
    ("listed", "message"),
    [
        ({"train": ["a", "b"], "test": ["b"]}, r"1 key\(s\) are listed for train and for test: b"),
        (
            {"train": ["a"], "test": ["q", "r"]},
            r"2 key\(s\) listed for test .*: q, r; it has 3 pairs",
        ),
        ({"train": ["a"], "test": []}, "no pair of 3 is left for test"),
    ],
)
def test_lists_that_do_not_match_the_data_set_are_refused(listed, message):
    with pytest.raises(UserError, match=message):
        splits.divide_keys(["a", "b", "c"], ListRule(), listed)


def write_lists(folder, train, test):
    (folder / "meta").mkdir()
    (folder / "meta/train.txt").write_text(train)
    (folder / "meta/test.txt").write_text(test)


def test_list_may_contain_extensions_blank_lines_and_folders(tmp_path):
    write_lists(tmp_path, "00003.png\n\n  00001 \r\n", "images\\00002.jpg\nvis/00004.png")
    parts = split_lists.read_split_lists(tmp_path, ListRule(), ["00001", "00002", "00003", "00004"])
    assert parts == {"train": ["00003", "00001"], "test": ["00002", "00004"]}


def test_list_saved_on_windows_names_keys_with_dots(tmp_path):
    keys = ["2024-05-01_12.30.05", "cam.mp4#t=3", "a.jpg", " x"]
    write_lists(tmp_path, "", "")
    (tmp_path / "meta/train.txt").write_bytes(
        b"\xef\xbb\xbf2024-05-01_12.30.05\r\nVis\\cam.mp4#t=3.png\r\n\r\n"
    )
    (tmp_path / "meta/test.txt").write_bytes(b"a.jpg.png\r\n x\r\n")
    parts = split_lists.read_split_lists(tmp_path, ListRule(), keys)
    assert parts == {"train": keys[:2], "test": keys[2:]}


@pytest.mark.parametrize(
    ("row", "advice"),
    [("1", "'1' and '0001' differ in leading zeros"), ("ABC", "differ in the case of letters")],
)
def test_similar_key_is_told_where_a_row_names_none(row, advice):
    with pytest.raises(UserError, match=f"1 key.s. listed for test are not in.*{advice}"):
        splits.divide_keys(["0001", "abc"], ListRule(), {"train": ["abc"], "test": [row]})


def test_key_listed_twice_is_refused(tmp_path):
    write_lists(tmp_path, "1\n2\n1.png\n", "3\n")
    with pytest.raises(UserError, match=r"train\.txt: 1 is listed twice"):
        split_lists.read_split_lists(tmp_path, ListRule(), ["1"])


def test_missing_list_is_refused_with_advice(tmp_path):
    with pytest.raises(UserError, match=r"train\.txt: no such list; .*rule: blocks"):
        split_lists.read_split_lists(tmp_path, ListRule(), ["1"])


def test_list_in_another_encoding_is_refused(tmp_path):
    write_lists(tmp_path, "1\n", "2\n")
    (tmp_path / "meta/test.txt").write_bytes(b"\xff\xfe1\x00")
    with pytest.raises(UserError, match=r"test\.txt: not UTF-8"):
        split_lists.read_split_lists(tmp_path, ListRule(), ["1"])


def test_alternating_ids_leak_and_two_halves_do_not():
    alternating = {
        "train": [f"{n:03d}" for n in range(0, 100, 2)],
        "test": [f"{n:03d}" for n in range(1, 100, 2)],
    }
    halves = {"train": [f"{n:03d}" for n in range(50)], "test": [f"{n:03d}" for n in range(50, 99)]}
    assert leakage.has_leakage(ListRule(), alternating, {})
    assert not leakage.has_leakage(ListRule(), halves, {})
    assert leakage.has_leakage(RandomRule(), halves, {})
    assert not leakage.has_leakage(BlockRule(), halves, {})
    assert leakage.has_leakage(BlockRule(gap=0), halves, {})


def test_known_sequences_decide_about_leakage_before_frame_numbers():
    parts = {"train": ["0", "2"], "test": ["1", "3"]}
    sequences = {"0": "a", "2": "a", "1": "b", "3": "b"}
    assert not leakage.has_leakage(ListRule(), parts, sequences)
    assert leakage.has_leakage(OfficialRule(), parts, {**sequences, "3": "a"})


def test_rule_is_selected_by_its_name_and_unknown_options_are_refused():
    validate = TypeAdapter(splits.SplitRule).validate_python
    assert validate({"rule": "blocks", "length": 50}) == BlockRule(length=50)
    with pytest.raises(ValidationError, match="lenght"):
        validate({"rule": "blocks", "lenght": 50})
    with pytest.raises(ValidationError, match="'blocks', 'random', 'folds', 'lists', 'official'"):
        validate({"rule": "scene"})


def test_description_of_a_rule_contains_all_its_numbers():
    assert (
        splits.describe_rule(BlockRule()) == "blocks of 100 ids, gap 10, 1 of 4 tested from block 2"
    )
    assert splits.describe_rule(RandomRule(seed=7)) == "random, 0.25 tested, seed 7"
    assert splits.describe_rule(ListRule()) == "lists train.txt and test.txt"
    assert splits.describe_rule(OfficialRule()) == "official"


def test_a_gap_is_the_distance_to_the_nearest_test_frame_also_for_huge_numbers():
    keys = [f"{number:03d}" for number in (0, 1, 2, 3, 4, 5, 8, 9, 40)]
    # Blocks of two ids, every fourth is tested: 2, 3 and 10, 11 and so on.
    for gap, train in ((0, "0 1 4 5 8 9 40"), (1, "0 5 8 9 40"), (2, "8 9 40"), (5, "9 40")):
        parts = splits.divide_keys(keys, BlockRule(length=2, gap=gap, every=4, first=1), {})
        assert parts["test"] == ["002", "003"]
        assert [int(key) for key in parts["train"]] == [int(number) for number in train.split()]
    rule = BlockRule(length=2, gap=10**15, every=4, first=1)
    with pytest.raises(UserError, match="no pair of 9 is left for train"):
        splits.divide_keys(keys, rule, {})


def test_a_random_split_that_leaves_a_part_empty_is_refused():
    for share, part in ((0.01, "test"), (0.999, "train")):
        with pytest.raises(UserError, match=f"no pair of 4 is left for {part}"):
            splits.divide_keys(["a", "b", "c", "d"], RandomRule(share=share), {})


def test_a_list_of_a_huge_key_is_a_short_error(tmp_path):
    (tmp_path / "train.txt").write_text("x" * 10**6 + "\n" + "x" * 10**6)
    (tmp_path / "test.txt").write_text("a")
    rule = ListRule(train="train.txt", test="test.txt")
    with pytest.raises(UserError, match="is listed twice") as error:
        split_lists.read_split_lists(tmp_path, rule, ["a"])
    assert len(str(error.value)) < 1000
