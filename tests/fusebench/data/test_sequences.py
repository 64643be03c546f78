import json

import pytest

from fusebench.data import sequences
from fusebench.data.sequences import ConditionAndSequence
from fusebench.errors import UserError

FORM = [
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


def read(tmp_path, document, keys=KEYS):
    path = tmp_path / "scenario.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return sequences.read_scenario_file(path, keys)


def test_both_ends_of_a_range_belong_to_it_and_the_condition_is_in_lower_case(tmp_path):
    found = read(tmp_path, FORM)
    assert found["00000"] == found["00002"] == ConditionAndSequence("day", "street")
    assert found["00003"] == found["00006"] == found["00007"] == ConditionAndSequence("day", "park")
    assert found["00009"] == ConditionAndSequence("night", "yard")


def test_ids_that_no_range_mentions_have_no_scene(tmp_path):
    found = read(tmp_path, FORM)
    assert set(KEYS) - set(found) == {"00004", "00005"}


def changed(**ids):
    return [{"name": "Day", "scene": [{"name": "a", "mode": "train", "range": [ids]}]}]


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ("{", "not JSON"),
        ({"name": "Day"}, "valid tuple"),
        (changed(min=5, max=4), "Day: a: range from 5 to 4 runs backwards"),
        (changed(min=-1, max=4), "0.scene.0.range.0.min"),
        (changed(min=0, max=10**12), "0.scene.0.range.0.max"),
        (changed(min=0), "0.scene.0.range.0.max: Field required"),
        (changed(min=0, max=1, step=2), "0.scene.0.range.0.step: Extra inputs"),
        (FORM + changed(min=9, max=12), "id 9 is in night: yard and in day: a"),
    ],
)
def test_another_form_is_refused(tmp_path, document, says):
    with pytest.raises(UserError, match=rf"scenario\.json: .*{says}"):
        read(tmp_path, document)


def test_names_without_numbers_cannot_be_looked_up_in_ranges(tmp_path):
    with pytest.raises(UserError, match="not numbered alike"):
        read(tmp_path, FORM, ["gate", "harbour"])


def test_a_named_file_has_to_be_there_and_the_usual_one_has_not(tmp_path):
    assert sequences.load_scenarios(tmp_path, None, KEYS) == {}
    with pytest.raises(UserError, match=r"mine\.json: cannot be read"):
        sequences.load_scenarios(tmp_path, tmp_path / "mine.json", KEYS)
