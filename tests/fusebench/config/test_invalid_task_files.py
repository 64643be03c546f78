"""Task files that are no task file: one short error, before anything is built."""

import os

import pytest

from fusebench.config import path_templates, schema
from fusebench.errors import MAX_MESSAGE_LENGTH, UserError

FILE = """
sources: {infrared: {kind: infrared}, own: {kind: method, method: average}}
tasks: {toy: {kind: detection, dataset: m3fd, sources: [infrared], seeds: [0]}}
"""


@pytest.fixture
def path(tmp_path):
    (tmp_path / "tasks.yaml").write_text(FILE)
    return tmp_path / "tasks.yaml"


def read_message(path, **arguments):
    with pytest.raises(UserError) as error:
        schema.load_task_file(path, **arguments)
    assert len(str(error.value)) <= MAX_MESSAGE_LENGTH + len(str(path))
    return str(error.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "expected a mapping with sources: and tasks:"),
        (b"[1, 2]", "expected a mapping with sources: and tasks:"),
        (b"tasks: [a]", "expected a mapping with sources: and tasks:"),
        (FILE.encode("utf-16"), "not UTF-8 text"),
        (FILE.encode() + b"# \xe9", "not UTF-8 text (byte"),
        (b"x: \0", "cannot be read as YAML"),
        (b"a: &a [*a]\n" + FILE.encode(), "an alias to a part that it is in itself"),
        (FILE.encode() + b"#" * 1_000_000, "expected at most 1 MB"),
    ],
)
def test_a_file_that_is_no_task_file_is_refused(path, content, message):
    path.write_bytes(content)
    assert message in read_message(path)


def test_a_huge_file_is_not_read(path):
    os.truncate(path, 50 * 10**9)  # a hole: nothing is written
    assert "has 50000.0 MB" in read_message(path)


def test_a_folder_a_pipe_and_a_device_are_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe.yaml")
    for path in (tmp_path, tmp_path / "pipe.yaml", "/dev/null"):
        assert "expected a regular file" in read_message(tmp_path / path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("toy: {", "1: {", "tasks.1.[key]: "),
        ("toy: {", "null: {", "tasks.None.[key]: "),
        ("own: {", "yes: {", "(given: True); a name such as yes, null or 1 has to be in quotes"),
        ("seeds: [0]", "seeds: [true]", "expected a number (given: True)"),
        ("seeds: [0]", "seeds: [.inf]", "finite"),
        ("dataset: m3fd", "dataset: 2024-01-01", "2024"),
        ("dataset: m3fd", "dataset: [[[[[[[[1]]]]]]]]", "..."),
        ("sources: [infrared]", f"sources: [{'x, ' * 5000}]", "'x' is listed twice"),
        ("seeds: [0]", f"chosen: [{', '.join(f'[{i}]' for i in range(5000))}]", "and "),
        ("seeds: [0]", f"option_{'n' * 9000}: 1", " ... "),
        ("seeds: [0]", f"preset: {'p' * 9000}", "ppp...ppp"),
    ],
)
def test_a_fault_in_the_content_is_one_short_error(path, old, new, message):
    assert old in FILE
    path.write_text(FILE.replace(old, new))
    if new.startswith("dataset: 2024"):
        assert schema.load_task_file(path).tasks["toy"].dataset == "2024-01-01"
    else:
        assert message in read_message(path)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("2024-13-45", None),
        ("!!timestamp 2024-13-45", "the value is not YAML"),
        ("0x_", "the value is not YAML"),
        ("9" * 6000, "the value is not YAML"),
        ("[" * 5000, "levels deep"),
        ("&a {infrared: *a}", "an alias to a part that it is in itself"),
        ("*a", "undefined alias"),
        ("1:2:3", "base 60"),
    ],
)
def test_a_value_of_set_is_read_as_carefully(path, value, message):
    changes = [f"tasks.toy.options.size={value}"]
    if message is None:
        assert schema.load_task_file(path, changes=changes).tasks["toy"].options["size"] == value
    else:
        assert message in read_message(path, changes=changes)


@pytest.mark.parametrize(
    "template",
    ["{source:>999999999}", "{source!r}", "{source.__class__}", "{source[0]}", "{}", "{"],
)
def test_a_folder_name_may_only_have_plain_placeholders(template):
    with pytest.raises(UserError, match=r"options\.folder .*: only {source} and {split} can be"):
        path_templates.fill_template(template, {"source": "a", "split": "test"}, "options.folder")


def test_placeholders_and_doubled_braces_are_filled_in():
    values = {"source": "a{b}", "split": "test"}
    assert path_templates.fill_template("x/{source}/{{1}}/{split}", values, "") == "x/a{b}/{1}/test"
