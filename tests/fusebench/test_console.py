"""The command ``fusebench``: its subcommands, and that it works in any folder."""

import os
import subprocess
import sys
from importlib import import_module
from types import SimpleNamespace

import pytest

from fusebench import console
from fusebench.config import task_file_location
from tests.helpers import dataset_folders
from tests.helpers.paths import REPOSITORY

PROGRAMS = [name for name in console.SUBCOMMANDS if name != "init"]


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    """An empty current folder; the path of modules is restored."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    task_file_location._announce_default_task_file.cache_clear()


def replace_program(monkeypatch, main):
    """Let ``fusebench audit`` call ``main``."""
    monkeypatch.setattr(console, "import_module", lambda _: SimpleNamespace(main=main))


def test_help_lists_every_subcommand_with_one_line_each(capsys):
    assert console.main(["--help"]) == 0
    lines = capsys.readouterr().out.splitlines()
    for name, subcommand in console.SUBCOMMANDS.items():
        assert [line.split()[0] for line in lines if line.endswith(subcommand.summary)] == [name]
    assert max(map(len, lines)) <= 100


def test_the_command_without_arguments_prints_its_help_and_fails(capsys):
    assert console.main([]) == 2
    assert "usage: fusebench" in capsys.readouterr().out


def test_version(capsys):
    assert console.main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("fusebench 0.")


def test_a_wrong_subcommand_is_one_line_with_the_close_match(capsys):
    assert console.main(["detct", "--plan"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "no subcommand 'detct'. Did you mean 'detect'? Known: run, fuse, detect" in error


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_subcommand_is_the_program_under_the_name_that_was_typed(name, capsys):
    module = console.SUBCOMMANDS[name].module
    with pytest.raises(SystemExit) as finished:
        console.main([name, "--help"])
    assert finished.value.code == 0
    text = capsys.readouterr().out
    assert text.startswith(f"usage: fusebench {name} ")
    assert f"python -m {module}" not in text
    program = module.removesuffix(".__main__")
    with pytest.raises(SystemExit):
        import_module(module).main(["--help"])
    text = capsys.readouterr().out
    assert text.startswith(f"usage: python -m {program} ")
    assert f"\npython -m {program} " in text


def test_a_wrong_flag_is_status_2_and_names_the_command(capsys):
    with pytest.raises(SystemExit) as finished:
        console.main(["detect", "--presett"])
    assert finished.value.code == 2
    assert "fusebench detect: error: " in capsys.readouterr().err


def test_arguments_and_exit_status_are_passed_on(monkeypatch):
    calls = []
    replace_program(monkeypatch, lambda argv: calls.append(argv) or 1)
    assert console.main(["audit", "--csv", "file"]) == 1
    assert calls == [["--csv", "file"]]


def test_an_interrupt_is_status_130(monkeypatch, capsys):
    def interrupt(argv):
        raise KeyboardInterrupt

    replace_program(monkeypatch, interrupt)
    assert console.main(["audit"]) == 130
    assert "fusebench audit: interrupted" in capsys.readouterr().err


def test_modules_in_the_current_folder_can_be_named_but_hide_no_other(tmp_path, monkeypatch):
    (tmp_path / "methods_beside_the_command.py").write_text(
        "def fuse(infrared, visible):\n    return visible\n"
    )
    (tmp_path / "json.py").write_text("raise RuntimeError('a file in the current folder')\n")
    replace_program(
        monkeypatch, lambda _: len(import_module("methods_beside_the_command").__file__) and 0
    )
    assert console.main(["audit"]) == 0
    assert sys.path[-1] == str(tmp_path)


def test_without_a_task_file_the_default_one_is_used_and_named_once(capsys):
    assert console.main(["run", "--preset", "demo", "--plan"]) == 0
    streams = capsys.readouterr()
    assert "scenes-detection on infrared, visible, laplacian, student: to do" in streams.out
    assert streams.err.count("the default task file is used; `fusebench init` writes") == 1


def test_relative_folders_of_the_default_task_file_are_in_the_current_folder(
    tmp_path, monkeypatch, capsys
):
    dataset_folders.write_fmb(tmp_path / "data/fmb", ["00001"], ["00002"])
    (tmp_path / "package").mkdir()
    (tmp_path / "package/default_tasks.yaml").write_text(
        "sources: {own: {kind: folder, folder: images}}\n"
        "tasks: {entropy: {kind: quality, dataset: fmb, sources: [own]}}\n"
    )
    file = tmp_path / "package/default_tasks.yaml"
    monkeypatch.setattr(task_file_location, "DEFAULT_TASK_FILE", file)
    assert console.main(["fuse", "--device", "cpu"]) == 2
    assert f"{tmp_path / 'images'}: no such folder" in capsys.readouterr().err


def test_a_task_file_that_is_named_has_to_exist(capsys):
    assert console.main(["run", "--tasks", "tasks.yaml", "--plan"]) == 2
    assert "tasks.yaml: no such file" in capsys.readouterr().err


def test_a_task_file_in_the_current_folder_is_used(tmp_path, capsys):
    (tmp_path / "tasks.yaml").write_text("tasks: {}\nsources: {}\n")
    assert console.main(["run", "--plan"]) == 2
    assert "tasks.yaml has no quality or detection or segmentation task" in capsys.readouterr().err


def test_init_writes_the_default_task_file_once(tmp_path, capsys):
    assert console.main(["init"]) == 0
    assert (tmp_path / "tasks.yaml").read_bytes() == (REPOSITORY / "tasks.yaml").read_bytes()
    (tmp_path / "tasks.yaml").write_text("mine")
    assert console.main(["init"]) == 2
    assert "tasks.yaml: is there already and is kept" in capsys.readouterr().err
    assert (tmp_path / "tasks.yaml").read_text() == "mine"
    assert console.main(["init", "new/folder"]) == 0
    assert (tmp_path / "new/folder/tasks.yaml").is_file()
    assert not os.access(tmp_path / "new/folder/tasks.yaml", os.X_OK)


def test_the_packaged_task_file_is_that_of_the_repository():
    packaged = task_file_location.DEFAULT_TASK_FILE
    assert packaged.read_bytes() == (REPOSITORY / "tasks.yaml").read_bytes()


def test_the_list_of_subcommands_loads_no_heavy_library():
    script = (
        "import sys\nfrom fusebench import console\nconsole.main(['--help'])\n"
        "print(sorted(set(sys.modules) & {'torch', 'numpy', 'pandas', 'yaml', 'PIL'}))"
    )
    process = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=REPOSITORY, check=True
    )
    assert process.stdout.splitlines()[-1] == "[]", process.stdout
