"""The student's stage: its loss by hand, its start weights, and the command line."""

import pytest
import torch

from fusebench.errors import UserError
from fusion.checkpoints import weights_file
from fusion.losses import distillation
from fusion.train import main
from fusion.training import train_stage
from fusion.training.data.random_streams import RandomStreams
from tests.helpers.fusion import tiny_training

pytestmark = pytest.mark.usefixtures("one_thread")
STREAMS = RandomStreams(0, [0], "cpu")
TINY = tiny_training.format_set_flags(
    'distillation.data=[{"dataset": "folder", "split": "all"}]',
    *(f"distillation.{change}" for change in ("patch=32", "batch=2", "steps=2", "held_out=1")),
)


def build_ramp(slope):
    """Build an image that rises by ``slope`` from column to column."""
    return (slope * torch.arange(16.0)).expand(1, 1, 16, 16)


def test_the_gradient_of_a_ramp_is_eight_times_its_slope():
    # The Sobel filter weights differences over two columns by 1, 2 and 1.
    gradient = distillation.compute_gradient(build_ramp(0.25))
    torch.testing.assert_close(gradient[:, 0], torch.full((1, 14, 14), 2.0))
    torch.testing.assert_close(gradient[:, 1], torch.zeros(1, 14, 14))


def test_the_target_has_the_direction_of_the_steeper_source():
    # Infrared falls by 1/4, visible rises by 1/8: the fused image has to fall.
    sources = build_ramp(-0.25), build_ramp(0.125)
    terms = distillation.compute_distillation_terms(sources[0], sources, sources[0], 0.5)
    assert terms["gradient"] == 0
    assert terms["teacher"] == 0
    terms = distillation.compute_distillation_terms(sources[1], sources, sources[1] + 0.5, 0.5)
    # |8 / 8 - (-8 / 4)| = 3, times the weight 0.5.
    assert terms["gradient"] == pytest.approx(1.5)
    assert terms["teacher"] == pytest.approx(0.5)


def test_the_initial_student_has_no_loss_where_all_images_are_equal():
    training = tiny_training.build_training("student", "distillation")
    stage = train_stage.build_stage(training, None)
    images = torch.rand(1, 1, 32, 32).expand(1, 3, 32, 32)
    losses = stage(images, STREAMS)
    assert losses["total"].item() == pytest.approx(0, abs=1e-5)
    assert stage.make_sample_images(images, STREAMS).shape == (1, 4, 32, 32)


def test_a_training_starts_from_given_weights(tmp_path):
    root = tiny_training.write_pairs(tmp_path / "data")
    training = tiny_training.build_training("student", "distillation", steps=2)
    tensors = tiny_training.train(training, root, tmp_path / "first")
    path = tmp_path / "first" / weights_file.FILE_NAME
    start_weights, _ = weights_file.read_weights(path)
    stage = train_stage.build_stage(training, start_weights)
    assert all(torch.equal(t, tensors[name]) for name, t in stage.network.state_dict().items())
    short = tiny_training.build_training("student", "distillation", steps=1, learning_rate=1e-9)
    continued = tiny_training.train(short, root, tmp_path / "second", path)
    for name, tensor in tensors.items():
        torch.testing.assert_close(continued[name], tensor, rtol=0, atol=1e-6)


def test_start_weights_of_another_width_are_an_error(tmp_path):
    root = tiny_training.write_pairs(tmp_path / "data")
    training = tiny_training.build_training("student", "distillation", steps=1)
    tiny_training.train(training, root, tmp_path / "first")
    path = tmp_path / "first" / weights_file.FILE_NAME
    flags = ["--start", str(path), "--set", "network.width=12", "--teacher", "average", *TINY]
    assert tiny_training.run_program(tmp_path, "--method", "student", *flags) == 2
    other = tiny_training.build_recipe("student", network={"width": 12})
    wider = train_stage.TrainingRun("student", "distillation", other)
    with pytest.raises(UserError, match="width is 8 in the file, 12 in the recipe"):
        tiny_training.train(wider, root, tmp_path / "second", path)


def test_a_student_is_trained_without_a_stage_and_its_card_names_the_teacher(tmp_path):
    tiny_training.write_pairs(tmp_path / "data")
    card = tmp_path / "student.md"
    arguments = ["--method", "student", "--teacher", "average", *TINY]
    arguments += ["--to", str(card.with_suffix(".safetensors"))]
    assert tiny_training.run_program(tmp_path, *arguments) == 0
    assert "**Teacher** the fusion method average, version 1." in card.read_text()
    assert len(list((tmp_path / "runs/fused").iterdir())) == 1


def test_a_task_file_lists_a_student_with_its_teacher(tmp_path, capsys):
    tiny_training.write_pairs(tmp_path / "data")
    tasks = tmp_path / "tasks.yaml"
    entry = "{method: student, teacher: %s, options: {distillation: {data: [%s], held_out: 1}}}"
    part = "{dataset: folder, split: all}"
    lines = [f"  {name}: {entry % (name, part)}" for name in ("average", "maximum")]
    tasks.write_text("\n".join(["trainings:", *lines]))
    assert tiny_training.run_program(tmp_path, "--tasks", str(tasks), "--plan") == 0
    names = {line.split()[1] for line in capsys.readouterr().out.splitlines()[:2]}
    assert {name.rpartition("-")[0] for name in names} == {"average", "maximum"}
    assert len({name.rpartition("-")[2] for name in names}) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--method", "dmnet", "--stage", "1", "--teacher", "average"], "dmnet has none"),
        (["--method", "dmnet"], "dmnet: give --stage"),
        (["--method", "student", "--preset", "paper"], "no preset of student is called 'paper'"),
        (["--method", "student", "--teacher", "no/such/folder"], "no such folder"),
    ],
)
def test_a_wrong_command_is_one_clear_error(tmp_path, capsys, arguments, message):
    tiny_training.write_pairs(tmp_path / "data")
    paths = ["--data", str(tmp_path / "data"), "--out", str(tmp_path / "runs"), "--plan"]
    flags = TINY if arguments[1] == "student" else []
    assert main([*arguments, *paths, *flags]) == 2
    assert message in capsys.readouterr().err
