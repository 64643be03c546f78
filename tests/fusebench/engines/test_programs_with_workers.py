"""Programs with ``--workers`` and ``--job``: the results of one process, in several."""

import pytest

from detection import run as detection
from fusebench.engines import cancel, running_engines, states, status
from fusebench.experiments.shards import Shard
from fusebench.storage.store import Store
from fusion import run as fusion
from tests.faults.injection import stored_contents
from tests.faults.injection.tiny_study import write_untrained_study
from tests.helpers import dataset_folders
from tests.helpers.damage import forget_checks

TASKS = """
sources:
  slow: {kind: method, method: tests.helpers.engines.slow_method}
tasks:
  toy: {kind: quality, dataset: folder, sources: [slow], metrics: {entropy: {}}}
"""


@pytest.fixture
def study(tmp_path, monkeypatch):
    """A study of 7 pairs and every kind of task, without a training; the current folder."""
    write_untrained_study(tmp_path / "study")
    monkeypatch.chdir(tmp_path / "study")
    return tmp_path / "study"


@pytest.fixture
def pairs(tmp_path, monkeypatch):
    """120 pairs of one gray level each and a method of the tests; the current folder."""
    for number in range(120):
        for sensor in ("ir", "vi"):
            path = tmp_path / f"data/folder/{sensor}/{number:03}.png"
            dataset_folders.write_image(path, level=number)
    (tmp_path / "tasks.yaml").write_text(TASKS)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(program, *flags):
    forget_checks()
    return program.main(["--device", "cpu", *flags])


def get_states(root):
    return {state.id.rpartition("-")[0]: state for state, _ in states.list_states(root / "runs")}


def test_workers_write_the_results_of_one_process(study, capsys):
    assert run(fusion, "--out", "serial") == run(detection, "--out", "serial") == 0
    assert run(fusion, "--workers", "2") == run(detection, "--workers", "2") == 0
    expected = stored_contents.hash_results(study / "serial")
    results = stored_contents.hash_results(study / "runs")
    assert stored_contents.list_differences(expected, results) == []
    assert stored_contents.list_leftovers(study / "runs") == []
    capsys.readouterr()
    assert run(fusion, "--plan", "--workers", "2") == 0
    assert " left" not in capsys.readouterr().out
    assert run(fusion, "--workers", "2") == 0
    assert "everything is done" in capsys.readouterr().out
    assert status.main([]) == 0
    assert capsys.readouterr().out == "5 jobs: 5 done\n"


def test_a_job_is_a_command_of_its_own(study, capsys):
    run(detection, "--plan")
    from fusebench.engines import jobs

    forget_checks()
    graph = jobs.build_jobs(_plan(), Store(study / "runs"))
    predicted, scored = graph
    assert run(detection, "--job", scored) == 0  # makes what it needs
    assert (study / "runs" / predicted).is_dir()
    assert (study / "runs" / scored / "record.json").is_file()
    assert get_states(study)["detection/detect-visible"].state == "done"
    capsys.readouterr()
    assert run(detection, "--job", predicted, "--job", scored) == 0
    assert capsys.readouterr().out.count("(done)") == 2
    assert run(detection, "--job", "trained/other") == 2
    assert "the plan has no such job" in capsys.readouterr().err


def _plan():
    from fusebench import cli

    args = cli.build_parser("toy", "").parse_args([])
    return cli.build_plan_from_args(args, ("detection",), generate=False)


def test_a_folder_that_another_process_fills_is_skipped(pairs, capsys):
    (fused,) = (job for job in _list_jobs() if job.startswith("fused/"))
    store = Store(pairs / "runs")
    with store.lock_folder(pairs / "runs" / fused):
        assert run(fusion, "--job", fused) == 75
        assert "another process creates" in capsys.readouterr().err
    assert get_states(pairs)["fused/folder-test-tests.helpers.engines.slow_method"].state == "held"
    assert not list((pairs / "runs").glob("failed/*"))
    assert run(fusion, "--job", fused) == 0


def _list_jobs():
    from fusebench import cli
    from fusebench.engines import jobs

    args = cli.build_parser("toy", "").parse_args([])
    run_plan = cli.build_plan_from_args(args, ("quality",), generate=False)
    return jobs.build_jobs(run_plan, Store(args.out))


def test_a_failed_job_has_its_reason_in_the_status_and_in_the_store(pairs, monkeypatch, capsys):
    monkeypatch.setenv("FUSION_FAILS", "1")
    assert run(fusion, "--workers", "1") == 1
    streams = capsys.readouterr()
    assert "this gray level is not fused" in streams.err
    assert "1 not started" in streams.err
    table = get_states(pairs)
    fused = table["fused/folder-test-tests.helpers.engines.slow_method"]
    assert (fused.state, fused.attempts) == ("failed", 2)
    assert table["quality/toy-slow"].state == "not started"
    assert "Traceback" in (pairs / "runs" / fused.log).read_text()
    assert len(list((pairs / "runs/failed").glob("toy-slow-*.json"))) == 1
    assert status.main([]) == 1
    assert "this gray level is not fused" in capsys.readouterr().out
    monkeypatch.delenv("FUSION_FAILS")
    assert run(fusion, "--workers", "1") == 0
    assert not list((pairs / "runs/failed").glob("*.json"))


def test_a_plan_says_what_is_left_and_writes_nothing(pairs, capsys):
    assert run(fusion, "--plan", "--workers", "2") == 0
    assert capsys.readouterr().out.splitlines()[-1] == (
        "4 jobs left: unknown duration, because nothing like them is finished"
    )
    assert not (pairs / "runs/.jobs").exists()


def test_shards_write_every_image_once_and_leave_nothing(pairs):
    assert run(fusion, "--workers", "2") == 0
    (fused,) = (pairs / "runs/fused").iterdir()
    assert len(list(fused.glob("*.png"))) == 120
    table = states.list_states(pairs / "runs")
    assert [state.state for state, _ in table] == ["done"] * 4  # two shards
    assert run(fusion, "--out", "serial") == 0
    assert (
        stored_contents.list_differences(
            stored_contents.hash_results(pairs / "serial"),
            stored_contents.hash_results(pairs / "runs"),
        )
        == []
    )


def test_shards_of_another_number_are_collected(pairs):
    (fused,) = (job for job in _list_jobs() if job.startswith("fused/"))
    for shard in (Shard(1, 3), Shard(2, 2)):
        assert run(fusion, "--job", f"{fused}{shard.suffix}") == 0
    folders = {path.name.rpartition(".shard")[2]: path for path in (pairs / "runs/fused").iterdir()}
    counts = {name: len(list(path.glob("*.png"))) for name, path in folders.items()}
    # 40 of the first shard of three; 60 of the second of two, without the 20 that exist.
    assert counts == {"1of3.partial": 40, "2of2.partial": 40}
    assert run(fusion) == 0
    (folder,) = (pairs / "runs/fused").iterdir()
    assert len(list(folder.glob("*.png"))) == 120


def test_there_is_nothing_to_cancel_without_an_engine(pairs, capsys):
    assert cancel.main([]) == 2
    assert "no jobs are running" in capsys.readouterr().err
    with running_engines.register_engine(pairs / "runs", "toy", ["--workers", "2"]):
        (engine,) = running_engines.list_engines(pairs / "runs")
        assert engine.is_alive
        assert engine.command == "--workers 2"
    assert running_engines.list_engines(pairs / "runs") == []


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--workers", "0"], "--workers 0: expected 1 to 256"),
        (["--retries", "-1"], "--retries -1: expected 0 to 100"),
    ],
)
def test_wrong_numbers_are_an_error(pairs, flags, message, capsys):
    assert run(fusion, *flags) == 2
    assert message in capsys.readouterr().err
