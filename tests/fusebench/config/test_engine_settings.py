"""The section ``engine:`` of a task file, and the flags that override it."""

import pytest

from fusebench import cli
from fusebench.cli_jobs import get_engine_settings
from fusebench.config import schema
from fusebench.errors import UserError

FILE = """
sources: {infrared: {kind: infrared}}
tasks: {toy: {kind: detection, dataset: m3fd, sources: [infrared], seeds: [0]}}
"""


def load(tmp_path, section=""):
    (tmp_path / "tasks.yaml").write_text(FILE + section)
    return schema.load_task_file(tmp_path / "tasks.yaml").engine


def test_without_a_section_nothing_is_started(tmp_path):
    settings = load(tmp_path)
    assert (settings.kind, settings.workers, settings.retries) == ("local", None, 1)


@pytest.mark.parametrize(
    ("flags", "workers", "retries"),
    [([], 3, 2), (["--workers", "5"], 5, 2), (["--retries", "0"], 3, 0)],
)
def test_flags_override_the_section(tmp_path, flags, workers, retries):
    settings = load(tmp_path, "engine: {workers: 3, retries: 2}")
    args = cli.build_parser("toy", "").parse_args(flags)
    changed = get_engine_settings(args, settings)
    assert (changed.workers, changed.retries) == (workers, retries)


@pytest.mark.parametrize(
    ("section", "place"),
    [
        ("engine: {kind: pbs}", "engine.kind"),
        ("engine: {workers: 0}", "engine.workers"),
        ("engine: {workers: true}", "engine.workers"),
        ("engine: {workers: 1000000}", "engine.workers"),
        ("engine: {retries: -1}", "engine.retries"),
        ("engine: {gpus: 2}", "engine.gpus"),
        ("engine: local", "engine"),
    ],
)
def test_wrong_settings_are_named_with_their_place(tmp_path, section, place):
    with pytest.raises(UserError, match=rf"tasks\.yaml: {place}\b"):
        load(tmp_path, section)
