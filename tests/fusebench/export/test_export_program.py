"""The command: what it selects, and the one sentence that it prints if something is missing."""

import pytest

from fusebench.export import yolo
from tests.fusebench.export.conftest import ODD_SOURCE


def test_missing_images_are_one_error_with_the_command_that_makes_them(export, finished, capsys):
    export("fiftyone", "--task", "trained", status=2)
    error = capsys.readouterr().err
    assert "images are not made yet (max: train and test); run `python -m fusion.run" in error
    assert "--task trained --source max` first" in error
    assert f"--out {finished.path}/runs" in error


def test_missing_predictions_are_one_error_with_the_command_that_makes_them(export, capsys):
    export("predictions", "--task", "trained", "--source", "ir", status=2)
    error = capsys.readouterr().err
    assert "2 of 2 runs have no predictions yet (of ir); run `python -m detection.run" in error
    assert "--task trained --source ir` first" in error


def test_the_command_of_the_error_has_the_flags_that_change_what_is_made(export, capsys):
    flags = ("--limit", "2", "--set", "tasks.trained.epochs=3", "--seed", "5")
    export("predictions", "--task", "trained", "--source", "ir", *flags, status=2)
    error = capsys.readouterr().err
    assert "--seed 5 --limit 2 --set tasks.trained.epochs=3" in error


def test_unfinished_runs_are_left_out_of_fiftyone_and_counted(export, capsys):
    export("fiftyone", "--task", "trained", "--source", "ir")
    assert "2 of 2 runs are not finished: no predictions" in capsys.readouterr().err


def test_scenes_that_are_not_rendered_are_an_error_with_a_command(export, capsys):
    export("mmseg", "--task", "street", "--source", "ir", status=2)
    error = capsys.readouterr().err
    assert "not rendered yet; run `python -m fusion.run" in error
    assert "--task street` first" in error


@pytest.mark.parametrize(
    ("to", "arguments", "message"),
    [
        ("yolo", ("--task", "trained"), "one source, and task trained has 4; name one with --so"),
        ("yolo", (), "exports one task, and these flags select"),
        ("yolo", ("--task", "masks", "--source", "ir"), "fmb has no boxes, which this format need"),
        ("mmseg", ("--task", "scored", "--source", "ir"), "m3fd has no label maps, which this fo"),
        ("yolo", ("--task", "scored", "--source", "ir", "--split", "train"), "has no train split"),
        ("yolo", ("--task", "scord"), "no task is called 'scord'"),
        ("predictions", ("--task", "scored", "--split", "test"), "--split does not affect --to p"),
        ("predictions", ("--task", "scored", "--images", "copy"), "--images does not affect"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_written(
    export, tmp_path, capsys, to, arguments, message
):
    export(to, *arguments, status=2)
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_second_call_says_that_nothing_was_done(export, capsys):
    arguments = ("yolo", "--task", "trained", "--source", "ir")
    folder = export(*arguments)
    capsys.readouterr()
    export(*arguments)
    assert capsys.readouterr().out == f"{folder} holds this export already; nothing was done\n"
    export(*arguments, "--limit", "2", status=2)
    assert "holds another export" in capsys.readouterr().err
    export(*arguments, "--limit", "2", "--overwrite")
    assert len(list((folder / "images/train").iterdir())) == 2


def test_ctrl_c_is_one_line_and_the_same_command_works_then(export, monkeypatch, capsys, tmp_path):
    def stop(*_):
        raise KeyboardInterrupt

    arguments = ("yolo", "--task", "trained", "--source", "ir")
    with monkeypatch.context() as patch:
        patch.setattr(yolo, "format_data_yaml", stop)
        export(*arguments, status=130)
    assert capsys.readouterr().err.endswith("interrupted; the same command starts it again\n")
    assert not (tmp_path / "export").exists()
    assert (export(*arguments) / "data.yaml").is_file()


def test_a_full_disk_is_one_sentence_with_its_own_status(export, monkeypatch, capsys):
    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(yolo, "format_data_yaml", fail)
    export("yolo", "--task", "trained", "--source", "ir", status=3)
    error = capsys.readouterr().err
    assert "export.partial" in error
    assert "Traceback" not in error


def test_the_readme_names_data_source_and_split(export):
    text = (export("coco", "--task", "trained", "--source", ODD_SOURCE) / "README.txt").read_text()
    assert f"sources: {ODD_SOURCE}" in text
    assert "train: 6 pairs of m3fd" in text
    assert "split hash: " in text
    assert "  1: Car" in text
