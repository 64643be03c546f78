"""YAML text: what people write is read as they mean it, every fault is one short error."""

import time

import pytest

from fusebench.errors import MAX_MESSAGE_LENGTH, UserError
from fusebench.runtime.reading import yaml_text
from fusebench.runtime.reading.yaml_text import parse_yaml

MERGE_BOMB = "m0: &m0 {k: v}\n" + "".join(
    f"m{i}: &m{i} {{<<: [*m{i - 1}, *m{i - 1}]}}\n" for i in range(1, 40)
)
ALIAS_BOMB = "a0: &a0 [x, x]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 10)
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("folder: 2024-01-31", {"folder": "2024-01-31"}),  # the name of a folder, not a date
        ("folder: 2024-13-45", {"folder": "2024-13-45"}),
        ("seed: 0", {"seed": 0}),
        ("offset: -12", {"offset": -12}),
        ("rate: 0.5", {"rate": 0.5}),
        ("count: 1_000", {"count": 1000}),
        ("id: 0x10", {"id": 16}),
        ("flip: no", {"flip": False}),
        ("ids: {0: Car, 12: Bus}", {"ids": {0: "Car", 12: "Bus"}}),
        ("straße: [é, 車]", {"straße": ["é", "車"]}),
        ("\ufeffkey: 1", {"key": 1}),
        (
            "base: &b {x: 1, y: 2}\nown: {<<: *b, y: 3}",
            {"base": {"x": 1, "y": 2}, "own": {"x": 1, "y": 3}},
        ),
        ("", None),
    ],
)
def test_text_is_read_as_it_is_meant(text, value):
    assert parse_yaml(text, "file") == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ratio: 1:30", "base 60 in YAML; write it as a decimal number, or in quotes"),
        ("time: 190:20:30.15", "base 60"),
        ("seed: 010", "010 is a number in base 8"),
        ("seed: " + "9" * 30, "larger than any number"),
        ("seed: " + "9" * 6000, "no valid value of type int"),
        ("seed: 0x" + "f" * 9000, "larger than any number"),
        ("x: 0x_", "no valid value of type int"),
        ("x: !!int ten", "'ten' is no valid value of type int"),
        ("x: !!int ''", "no valid value of type int"),
        ("x: !!bool maybe", "no valid value of type bool"),
        ("x: !!timestamp 2024-13-45", "no valid value of type timestamp"),
        ("x: !!timestamp soon", "no valid value of type timestamp"),
        ("x: =", "could not determine a constructor"),
        ("x: !!python/object/apply:os.getcwd []", "could not determine a constructor"),
        ("a: 1\na: 2", "duplicate key 'a'"),
        ("{1: a, 0x1: b}", "duplicate key '0x1'"),
        ("{1: a, '1': b}", "duplicate key '1'"),
        ("{[1]: a}", "unhashable key"),
        ("{<<: 3}", "expected a mapping"),
        ("{<<: [1]}", "expected a mapping"),
        ("a: &a [*a]", "an alias to a part that it is in itself"),
        ("a: &a {b: *a}", "an alias to a part that it is in itself"),
        ("a: *b", "undefined alias 'b'"),
        ("a: 1\n---\nb: 2", "expected a single document"),
        ("a:\n\t- b", "cannot start any token"),
        ("a: \0", "unacceptable character"),
        ('a: "\\0"', "a null character"),
        ('a: "\\ud800"', "half of a surrogate pair"),
        ("a: " + "x" * 10_001, "a value of 10001 characters"),
        ("x" * 20_000 + ": 1", "a value of 20000 characters"),
        ("a: " + "[" * 5000, "more than 50 levels deep"),
        ("a: " + "{b: " * 5000, "more than 50 levels deep"),
        ("- " * 5000, "more than 50 levels deep"),
        (ALIAS_BOMB, "with all aliases filled in"),
        (MERGE_BOMB, "with all aliases filled in"),
        ("[" + "x, " * 20_001 + "]", "more than 20000 values"),
    ],
)
def test_every_fault_is_one_short_error_and_takes_no_time(text, message):
    started = time.monotonic()
    with pytest.raises(UserError) as error:
        parse_yaml(text, "tasks.yaml: cannot be read as YAML")
    assert time.monotonic() - started < 10
    assert str(error.value).startswith("tasks.yaml: cannot be read as YAML: ")
    assert message in str(error.value)
    assert len(str(error.value)) <= MAX_MESSAGE_LENGTH


def test_the_place_of_a_fault_is_named():
    with pytest.raises(UserError, match="in line 3, column 8"):
        parse_yaml("a: 1\nb:\n  - c: 010\n", "file")


def test_lists_may_be_as_deep_as_the_limit_also_through_aliases():
    depth = yaml_text.MAX_DEPTH - 1
    assert parse_yaml("[" * depth + "]" * depth, "file")
    inner = f"a: &a {'[' * 30}{']' * 30}\n"
    assert parse_yaml(f"{inner}b: {'[' * 17}*a{']' * 17}", "file")
    with pytest.raises(UserError, match="levels deep"):
        parse_yaml(f"{inner}b: {'[' * 25}*a{']' * 25}", "file")


def test_keys_of_a_merged_mapping_are_no_duplicates_of_their_own():
    text = "first: &f {x: 1}\nsecond: &s {<<: *f, x: 2}\nthird: {<<: *s, x: 3}\n"
    assert parse_yaml(text, "file") == {"first": {"x": 1}, "second": {"x": 2}, "third": {"x": 3}}
