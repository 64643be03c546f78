"""The section ``engine:`` of a task file, and the flags that override it."""

import sys
from types import ModuleType

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
        ("engine: {kind: pbs}", "engine: no kind is called"),
        ("engine: {workers: 0}", "engine.local.workers"),
        ("engine: {workers: true}", "engine.local.workers"),
        ("engine: {workers: 1000000}", "engine.local.workers"),
        ("engine: {retries: -1}", "engine.local.retries"),
        ("engine: {gpus: 2}", "engine.local.gpus"),
        ("engine: {kind: slurm, workers: 4}", "engine.slurm.workers"),
        ("engine: {kind: local, partition: gpu}", "engine.local.partition"),
        ("engine: {kind: slurm, gpus_per_run: 0.5}", "engine.slurm.gpus_per_run"),
        ("engine: {kind: slurm, memory: 32}", "engine.slurm.memory"),
        ("engine: {kind: slurm, partition: 'a b'}", "engine.slurm.partition"),
        ("engine: {kind: ray, gpus_per_run: .nan}", "engine.ray.gpus_per_run"),
        ("engine: local", "engine"),
    ],
)
def test_wrong_settings_are_named_with_their_place(tmp_path, section, place):
    with pytest.raises(UserError, match=rf"tasks\.yaml: {place}\b"):
        load(tmp_path, section)


@pytest.mark.parametrize(
    ("text", "minutes"),
    [("8h", 480), ("90min", 90), ("1.5h", 90), ("2d", 2880), ("'1-12:00:00'", 2160),
     ("'08:30:00'", 510), ("1-06", 1800), ("0-02:30", 150)],
)  # fmt: skip
def test_time_limits_are_read_in_minutes(tmp_path, text, minutes):
    assert load(tmp_path, f"engine: {{kind: slurm, time: {text}}}").time == minutes


@pytest.mark.parametrize("text", ["480", "'12:00'", "8 hours", "1h30", "0min", "500d"])
def test_a_time_limit_that_could_be_misread_is_refused(tmp_path, text):
    with pytest.raises(UserError, match=r"engine\.slurm\.time"):
        load(tmp_path, f"engine: {{kind: slurm, time: {text}}}")


@pytest.fixture
def has_packages(monkeypatch):
    for package in ("ray", "submitit"):
        monkeypatch.setitem(sys.modules, package, ModuleType(package))


def load_with(tmp_path, section, *flags):
    (tmp_path / "tasks.yaml").write_text(FILE + section)
    args = cli.build_parser("toy", "").parse_args(list(flags))
    file = schema.load_task_file(tmp_path / "tasks.yaml", None, args.set, args.engine)
    return get_engine_settings(args, file.engine)


@pytest.mark.usefixtures("has_packages")
def test_the_flag_engine_keeps_the_settings_of_its_own_kind_only(tmp_path):
    section = "engine: {kind: slurm, partition: gpu, retries: 4}"
    settings = load_with(tmp_path, section, "--engine", "slurm", "--set", "engine.time=2h")
    assert (settings.partition, settings.retries, settings.time) == ("gpu", 4, 120)
    settings = load_with(tmp_path, section, "--engine", "local", "--workers", "3")
    assert (settings.kind, settings.workers, settings.retries) == ("local", 3, 1)


@pytest.mark.usefixtures("has_packages")
def test_set_reaches_the_engine_without_a_section(tmp_path):
    flags = ("--engine", "slurm", "--set", "engine.partition=gpu")
    assert load_with(tmp_path, "", *flags).partition == "gpu"
    with pytest.raises(UserError, match=r"engine\.local\.partition"):
        load_with(tmp_path, "", *flags[2:])


@pytest.mark.usefixtures("has_packages")
def test_workers_of_an_engine_that_has_none_are_refused_with_what_to_do(tmp_path):
    with pytest.raises(UserError, match=r"--set engine\.array=4"):
        load_with(tmp_path, "engine: {kind: slurm}", "--workers", "4")


@pytest.mark.parametrize(("kind", "package"), [("ray", "ray"), ("slurm", "submitit")])
def test_a_missing_package_names_the_extra(tmp_path, monkeypatch, kind, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(UserError, match=rf"pip install 'fusebench\[{kind}\]'"):
        load_with(tmp_path, "", "--engine", kind)
