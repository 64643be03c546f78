"""Arguments that all programs share: what they select, and what a mistake prints and returns."""

import errno

import pytest

from fusebench import cli
from fusebench.cli import Step
from fusebench.config import schema
from fusebench.errors import DatasetNotFoundError, UserError
from tests.helpers import dataset_folders

KINDS = tuple(schema.TASK_CLASSES)
TASKS = """
sources: {ir: {kind: infrared}, vis: {kind: visible}, both: {kind: method, method: average}}
presets:
  quick: {tasks: [masks, rare], segmentation: {options: {iterations: 2}}}
tasks:
  boxes: {kind: detection, dataset: m3fd, sources: [ir, vis, both]}
  masks: {kind: segmentation, dataset: fmb, sources: [ir, both]}
  entropy: {kind: quality, dataset: fmb, sources: [both]}
  rare: {kind: quality, dataset: fmb, sources: [both], on_request: true}
"""


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    """A folder with a task file and one of its two data sets."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tasks.yaml").write_text(TASKS)
    dataset_folders.write_fmb(tmp_path / "data/fmb", ["00001", "00002"], ["00003", "00004"])


def parse(*flags):
    return cli.build_parser("toy", "Toy.").parse_args(flags)


def select(*flags, kinds=KINDS):
    """Names of the tasks that some flags select."""
    args = parse(*flags)
    return cli.select_tasks(args, schema.load_task_file(args.tasks, args.preset), kinds)


def plan(*flags, kinds=KINDS):
    return cli.build_plan_from_args(parse(*flags), kinds, generate=False)


def test_tasks_are_selected_by_name_data_set_kind_and_preset():
    assert select() == ["boxes", "masks", "entropy"]
    assert select("--task", "entropy", "--task", "boxes") == ["boxes", "entropy"]
    assert select("--fmb") == ["masks", "entropy"]
    assert select("--fmb", "--task", "masks") == ["masks"]
    assert select(kinds=["quality"]) == ["entropy"]
    assert select("--preset", "quick") == ["masks", "rare"]


def test_a_task_on_request_is_selected_by_its_name_only():
    assert select("--task", "rare") == ["rare"]


def test_the_home_folder_is_filled_in_for_every_folder(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    args = parse("--data=~/data", "--out=~/runs", "--to=~", "--tasks=~/tasks.yaml")
    folders = [str(path) for path in (args.data, args.out, args.to, args.tasks)]
    assert folders == ["/home/me/data", "/home/me/runs", "/home/me", "/home/me/tasks.yaml"]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (
            ["--task", "boxen"],
            "no task is called 'boxen'; did you mean 'boxes'? Known: boxes, masks, entropy, rare",
        ),
        (["--msrs"], "tasks.yaml has no quality or detection or segmentation task for these flags"),
        (["--source", "thermal"], "no source is called 'thermal'; known: ir, vis, both, fused"),
        (["--source", "fuse"], "did you mean 'fused'? Known: ir, vis, both, fused"),
        (["--limit", "0"], "--limit 0: expected at least 1"),
        (["--device", "gpu"], "--device gpu: expected auto, cpu, cuda or cuda:N"),
        (["--out", "tasks.yaml"], "--out tasks.yaml: is a file; name the folder of the results"),
        (["--preset", "slow"], "no preset is called 'slow'; known: quick"),
        (["--tasks", "other.yaml"], "other.yaml: no such file"),
    ],
)
def test_a_wrong_value_is_one_message_that_says_what_is_known(flags, message):
    with pytest.raises(UserError) as error:
        plan(*flags)
    assert message in str(error.value)


def test_runs_are_planned_for_the_data_that_is_here():
    run_plan = plan("--limit", "1", "--source", "fused")
    assert [run.label for run in run_plan.runs] == ["masks-both-seed0", "entropy-both"]
    assert [skipped.task_name for skipped in run_plan.skipped_tasks] == ["boxes"]
    assert all(len(run.test_split.pairs) == 1 for run in run_plan.runs)


def test_seeds_are_replaced():
    run_plan = plan("--task", "masks", "--source", "ir", "--seed", "7", "--seed", "8")
    assert [run.seed for run in run_plan.runs] == [7, 8]


def test_missing_data_that_is_named_or_all_there_is_is_an_error():
    for flags in (["--m3fd"], ["--task", "boxes"], ["--task", "boxes", "--task", "masks"]):
        with pytest.raises(DatasetNotFoundError, match="task boxes: M3FD is not at"):
            plan(*flags)


def test_a_named_data_set_with_one_kind_of_labels_runs_the_tasks_on_them(tmp_path):
    rows = {f"{number:05d}D": "2 0.5 0.5 0.2 0.2" for number in range(4)}
    dataset_folders.write_yolo_text_dataset(tmp_path / "data/msrs", rows)
    options = "dataset: msrs, sources: [ir], data: {split: {rule: random}"
    (tmp_path / "tasks.yaml").write_text(
        f"{TASKS}  found: {{kind: detection, {options}}}}}\n"
        f"  absent: {{kind: segmentation, {options}, labels: label_maps}}}}\n"
    )
    run_plan = plan("--msrs")
    assert {run.task_name for run in run_plan.runs} == {"found"}
    assert [skipped.task_name for skipped in run_plan.skipped_tasks] == ["absent"]
    with pytest.raises(DatasetNotFoundError, match=r"task absent: .*is MSRS with boxes"):
        plan("--msrs", "--task", "absent")


def run_steps(*steps):
    """Run the program ``toy`` with some steps; returns its exit status."""
    return cli.main("toy", "Toy.", ["quality"], lambda _plan, _store: [*steps], ["--device", "cpu"])


def fail(error):
    def execute(device):
        raise error

    return execute


def test_a_failed_step_is_named_and_the_others_are_executed(capsys):
    devices = []
    steps = [
        Step("first", False, fail(UserError("this is why"))),
        Step("second", False, fail(ZeroDivisionError("a bug"))),
        Step("third", True, fail(AssertionError("it is done already"))),
        Step("fourth", False, devices.append),
    ]
    assert run_steps(*steps) == 1
    streams = capsys.readouterr()
    assert devices == ["cpu"]
    assert "[3/4] third (done)" in streams.out
    assert "first: this is why\n" in streams.err
    assert "ZeroDivisionError: a bug" in streams.err
    assert "toy: 2 failed: first, second" in streams.err


def test_a_full_disk_is_status_3_and_stops_the_rest(capsys):
    full = OSError(errno.ENOSPC, "No space left on device", "runs/a.png")
    steps = [Step("first", False, fail(full)), Step("second", False, fail(AssertionError()))]
    assert run_steps(*steps) == 3
    message = capsys.readouterr().err.splitlines()[-1]
    assert message.startswith("toy: first: runs/a.png: No space left on device; free some space")


def test_a_run_without_enough_memory_is_one_line_and_the_others_are_executed(capsys):
    devices = []
    lack = RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 7 bytes")
    steps = [Step("first", False, fail(lack)), Step("second", False, devices.append)]
    assert run_steps(*steps) == 1
    assert devices == ["cpu"]
    error = capsys.readouterr().err
    assert "first: out of memory" in error
    assert "Traceback" not in error


def test_an_interrupt_is_status_130_and_says_how_to_resume(capsys):
    assert run_steps(Step("first", False, fail(KeyboardInterrupt()))) == 130
    assert "toy: interrupted; the same command resumes" in capsys.readouterr().err


def test_a_plan_prints_the_steps_and_executes_none(capsys):
    steps = [Step("first", True, fail(AssertionError())), Step("next", False, fail(OSError()))]
    assert cli.main("toy", "", ["quality"], lambda *_: steps, ["--plan"]) == 0
    output = capsys.readouterr().out
    assert output.splitlines() == ["[1/2] first (done)", "[2/2] next", "1 of 2 done, under runs"]


def test_a_wrong_task_file_is_status_2(tmp_path, capsys):
    (tmp_path / "tasks.yaml").write_text("tasks: [")
    assert run_steps() == 2
    assert capsys.readouterr().err.startswith("toy: tasks.yaml: ")


def test_the_device_is_checked():
    assert cli.resolve_device("cpu") == "cpu"
    assert cli.resolve_device("auto") in ("cpu", "cuda:0")
    with pytest.raises(UserError, match=r"this machine has \d+ CUDA GPU\(s\); try auto"):
        cli.resolve_device("cuda:99")


def test_a_plugin_that_ends_the_program_is_a_failed_step(capsys):
    def work():
        raise SystemExit(0)

    assert not cli.run_and_report("q-mine", work)
    assert "q-mine: failed: a plug-in ended the program (exit 0)" in capsys.readouterr().err
