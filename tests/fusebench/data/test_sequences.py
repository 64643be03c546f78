"""Conditions and sequences from TarDAL's scenario file."""

import json

import pytest

from fusebench.data import sequences
from fusebench.data.sequences import ConditionAndSequence
from fusebench.errors import UserError

DOCUMENT = [
    {
        "name": "Day",
        "scene": [
            {"name": "street", "mode": "train", "range": [{"min": 0, "max": 2}]},
            {"name": "park", "mode": "val", "range": [{"min": 3, "max": 3}, {"min": 6, "max": 7}]},
        ],
    },
    {"name": "NIGHT", "scene": [{"name": "yard", "mode": "val", "range": [{"min": 8, "max": 9}]}]},
]
KEYS = [f"{n:05d}" for n in range(10)]


def read_scenario(tmp_path, document, keys=KEYS):
    path = tmp_path / "scenario.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return sequences.read_scenario_file(path, keys)


def test_range_includes_both_ends_and_the_condition_is_in_lower_case(tmp_path):
    by_key = read_scenario(tmp_path, DOCUMENT)
    assert by_key["00000"] == by_key["00002"] == ConditionAndSequence("day", "street")
    assert (
        by_key["00003"] == by_key["00006"] == by_key["00007"] == ConditionAndSequence("day", "park")
    )
    assert by_key["00009"] == ConditionAndSequence("night", "yard")


def test_ids_outside_every_range_have_no_condition(tmp_path):
    by_key = read_scenario(tmp_path, DOCUMENT)
    assert set(KEYS) - set(by_key) == {"00004", "00005"}


def build_document(**ids):
    return [{"name": "Day", "scene": [{"name": "a", "mode": "train", "range": [ids]}]}]


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("{", "not JSON"),
        ({"name": "Day"}, "valid tuple"),
        (build_document(min=5, max=4), "Day: a: range from 5 to 4 runs backwards"),
        (build_document(min=-1, max=4), "0.scene.0.range.0.min"),
        (build_document(min=0, max=10**12), "0.scene.0.range.0.max"),
        (build_document(min=0), "0.scene.0.range.0.max: Field required"),
        (build_document(min=0, max=1, step=2), "0.scene.0.range.0.step: Extra inputs"),
        (DOCUMENT + build_document(min=9, max=12), "id 9 is in night: yard and in day: a"),
    ],
)
def test_document_of_another_format_is_refused(tmp_path, document, message):
    with pytest.raises(UserError, match=rf"scenario\.json: .*{message}"):
        read_scenario(tmp_path, document)


def test_keys_without_frame_numbers_are_refused(tmp_path):
    with pytest.raises(UserError, match="not numbered alike"):
        read_scenario(tmp_path, DOCUMENT, ["gate", "harbour"])


def test_file_must_exist_if_it_is_named_and_the_default_one_need_not(tmp_path):
    assert sequences.load_scenarios(tmp_path, None, KEYS) == {}
    with pytest.raises(UserError, match=r"named\.json: cannot be read"):
        sequences.load_scenarios(tmp_path, tmp_path / "named.json", KEYS)


def test_ranges_may_be_large_and_in_any_order(tmp_path):
    scenes = [
        {"name": "long", "range": [{"min": 3, "max": 9_999_999}]},
        {"name": "first", "range": [{"min": 0, "max": 1}]},
    ]
    by_key = read_scenario(tmp_path, [{"name": "Day", "scene": scenes}])
    assert {key: each.sequence for key, each in by_key.items()} == {
        **dict.fromkeys(KEYS[:2], "first"),
        **dict.fromkeys(KEYS[3:], "long"),
    }


@pytest.mark.parametrize("document", ["[" * 10**5, "[NaN]", '{"a": 1, "a": 2}', "[1e999]", ""])
def test_a_file_that_is_no_json_is_one_short_error(tmp_path, document):
    with pytest.raises(UserError, match=r"scenario\.json: .*JSON") as error:
        read_scenario(tmp_path, document)
    assert len(str(error.value)) < 1000
