"""Messages: bounded in length, and without characters that a terminal obeys."""

import os

import pytest
from pydantic import BaseModel, ConfigDict, ValidationError

from fusebench import errors


class Toy(BaseModel):
    model_config = ConfigDict(extra="forbid")

    count: int = 0
    names: tuple[str, ...] = ()


def format_error(**values):
    with pytest.raises(ValidationError) as error:
        Toy(**values)
    return errors.format_validation_error("tasks.yaml: toy", error.value)


def test_a_fault_names_location_reason_and_value():
    message = format_error(count="ten")
    assert message.startswith("tasks.yaml: toy: count: Input should be a valid integer")
    assert message.endswith("(given: 'ten')")


def make_nested_lists(depth):
    value = ["x"] * 10
    for _ in range(depth):
        value = [value] * 10  # shared, as aliases of YAML are
    return value


@pytest.mark.parametrize(
    "values",
    [
        {"count": "x" * 10**6},
        {"count": make_nested_lists(20)},
        {"count": dict.fromkeys(range(10**5))},
        {"y" * 10**6: 1},
        {"names": tuple(range(10**4))},
        {"names": (10**5000,)},  # Python refuses to print so long an integer
    ],
)
def test_a_message_is_short_whatever_was_given(values):
    assert len(format_error(**values)) <= errors.MAX_MESSAGE_LENGTH


def test_of_many_faults_the_first_are_listed_and_the_others_counted():
    lines = format_error(names=tuple(range(1000))).splitlines()
    assert "names.0: " in lines[0]
    assert lines[-1] == f"... and {1000 - (len(lines) - 1)} more"


def test_a_text_is_cut_in_the_middle():
    assert errors.shorten("short", 5) == "short"
    text = errors.shorten("start" + "-" * 100 + "end", 40)
    assert len(text) == 40
    assert text.startswith("start-")
    assert " ... " in text
    assert text.endswith("-end")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain text, é, 路\nsecond line", "plain text, é, 路\nsecond line"),
        ("\x1b[31mred\x07", r"\x1b[31mred\x07"),
        ("a\rb\tc", "a\\rb\tc"),
        ("abc\u202etxt.exe", r"abc\u202etxt.exe"),
        (os.fsdecode(b"\xba\xec.png"), r"\xba\xec.png"),
        ("\ud800", r"\ud800"),
    ],
)
def test_control_characters_and_undecodable_bytes_are_escaped(text, expected):
    assert str(errors.UserError(text)) == expected
    assert str(errors.DatasetNotFoundError(text)) == expected
