"""Paths of the task file: home folder, relative paths, and placeholders."""

from pathlib import Path
from typing import Annotated

import pytest
from pydantic import BaseModel

from fusebench.config import paths
from fusebench.config.path_templates import fill_template
from fusebench.config.paths import PathOrName
from fusebench.errors import UserError


class Lists(BaseModel):
    train: Path = Path("~/train.txt")


class Options(BaseModel):
    file: Path = Path("boxes.json")
    weights: Annotated[str, PathOrName(("packaged",), r"net[sm]\.pt")] = "packaged"
    title: str = "boxes.json"
    lists: Lists = Lists()


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project folder, a home folder and, as the current folder, a third one."""
    for name in ("project", "home", "elsewhere"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path / "elsewhere")
    return tmp_path / "project"


def resolve(project, **options):
    return paths.resolve_options(Options(**options), project, "tasks.toy.options")


def test_relative_paths_are_relative_to_the_task_file(project):
    options = resolve(project, weights="runs/net.pt")
    assert options.file == project / "boxes.json"
    assert options.weights == str(project / "runs/net.pt")
    assert options.title == "boxes.json"


def test_absolute_paths_and_the_home_folder_stay(project):
    options = resolve(project, file="/data/boxes.json", weights="~/net.pt")
    assert options.file == Path("/data/boxes.json")
    assert options.weights == str(project.parent / "home/net.pt")
    assert options.lists.train == project.parent / "home/train.txt"


@pytest.mark.parametrize("name", ["packaged", "nets.pt"])
def test_known_names_are_no_paths(project, name):
    assert resolve(project, weights=name).weights == name


def test_file_with_the_name_of_a_release_is_a_path(project):
    (project / "nets.pt").write_bytes(b"")
    assert resolve(project, weights="nets.pt").weights == str(project / "nets.pt")


@pytest.mark.parametrize(("option", "name"), [("file", "boxes.json"), ("weights", "nets.pt")])
def test_file_in_the_current_folder_only_is_an_error_that_says_so(project, option, name):
    Path(name).write_bytes(b"")
    with pytest.raises(UserError) as error:
        resolve(project, **{option: name})
    message = str(error.value)
    assert message.startswith(f"tasks.toy.options.{option}: {name} is relative to the folder of")
    assert str(Path.cwd() / name) in message
    (project / name).write_bytes(b"")
    assert str(getattr(resolve(project, **{option: name}), option)) == str(project / name)


def test_home_of_an_unknown_user_stays_as_written():
    assert paths.expand_home("~nobody-has-this-name/x") == Path("~nobody-has-this-name/x")


def test_placeholders_are_filled_and_double_braces_are_literal():
    values = {"source": "ir {x}", "split": "test"}
    assert fill_template("{source}/{{a}}/{split}.json", values, "file") == "ir {x}/{a}/test.json"


@pytest.mark.parametrize(
    "template",
    [
        "{source:>1000000000}",
        "{source!r}",
        "{source.__class__}",
        "{source[0]}",
        "{sorce}",
        "{}",
        "{0}",
        "{source",
        "source}",
        "{source:{split}}",
    ],
)
def test_only_plain_placeholders_are_filled(template):
    with pytest.raises(UserError, match=r"only \{source\} and \{split\} can be filled in"):
        fill_template(template, {"source": "ir", "split": "test"}, "file")
