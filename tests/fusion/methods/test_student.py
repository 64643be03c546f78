"""The method student: its options, its weights, and the runtime ONNX."""

import importlib.util

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from fusebench.errors import UserError
from fusion import export
from fusion.checkpoints import weights_file
from fusion.methods import student
from fusion.networks import student_onnx
from fusion.networks.student import Student

RNG = np.random.default_rng(3)
INFRARED = RNG.integers(0, 256, (45, 70), dtype=np.uint8)
VISIBLE = RNG.integers(0, 256, (45, 70, 3), dtype=np.uint8)
HAS_ONNX = all(importlib.util.find_spec(name) for name in student_onnx.PACKAGES)
needs_onnx = pytest.mark.skipif(not HAS_ONNX, reason="onnx packages: pip install fusebench[onnx]")


@pytest.fixture
def weights(tmp_path):
    """Path of weights whose coefficients differ from pixel to pixel."""
    torch.manual_seed(2)
    network = Student(8)
    torch.nn.init.normal_(network.coefficients.weight, std=0.05)
    path = tmp_path / "student.safetensors"
    metadata = weights_file.WeightsMetadata("student", "distillation", {"width": 8})
    weights_file.write_weights(path, network.state_dict(), metadata)
    return str(path)


def test_images_of_any_size_are_fused(weights):
    fused = student.load(student.Options(weights=weights), "cpu")(INFRARED, VISIBLE)
    assert fused.shape == VISIBLE.shape
    assert fused.dtype == np.uint8


def test_precision_and_runtime_do_not_contradict_each_other(weights):
    with pytest.raises(ValidationError, match="runtime onnx computes in float32"):
        student.Options(weights=weights, runtime="onnx", precision="bfloat16")


def test_weights_of_another_method_are_an_error(tmp_path):
    path = tmp_path / "other.safetensors"
    metadata = weights_file.WeightsMetadata("dmnet", "2", {})
    weights_file.write_weights(path, {}, metadata)
    with pytest.raises(UserError, match="weights of dmnet, stage 2; expected student"):
        student.check(student.Options(weights=str(path)))


def test_an_unknown_architecture_is_an_error(tmp_path):
    path = tmp_path / "other.safetensors"
    architecture = {"width": 8, "terms": ["infrared", "visible"]}
    metadata = weights_file.WeightsMetadata("student", "distillation", architecture)
    weights_file.write_weights(path, {}, metadata)
    with pytest.raises(UserError, match=r"other\.safetensors.*terms"):
        student.check(student.Options(weights=str(path)))


def test_a_missing_package_is_named_with_the_way_to_install_it(weights, monkeypatch):
    monkeypatch.setattr(student_onnx, "PACKAGES", ("onnx_of_nobody",))
    with pytest.raises(UserError, match=r"onnx_of_nobody.*pip install 'fusebench\[onnx\]'"):
        student.check(student.Options(weights=weights, runtime="onnx"))


def test_the_file_to_export_to_ends_in_onnx(weights, capsys):
    assert export.main(["--method", "student", "--weights", weights, "--to", "student.pt"]) == 2
    assert "ends in .onnx" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["notes.txt/student.onnx", "notes.txt/new/student.onnx"])
def test_a_file_cannot_be_the_folder_of_an_export(weights, tmp_path, capsys, name):
    (tmp_path / "notes.txt").write_text("kept")
    to = str(tmp_path / name)
    assert export.main(["--method", "student", "--weights", weights, "--to", to]) == 2
    assert "lies in, a file; name another folder" in capsys.readouterr().err
    assert (tmp_path / "notes.txt").read_text() == "kept"


@needs_onnx
@pytest.mark.slow
def test_onnx_runtime_reproduces_pytorch(weights):
    for chosen in (weights, "packaged"):
        fused = [
            student.load(student.Options(weights=chosen, runtime=runtime), "cpu")(INFRARED, VISIBLE)
            for runtime in ("torch", "onnx")
        ]
        assert np.abs(fused[0].astype(int) - fused[1]).max() <= 1


@needs_onnx
@pytest.mark.slow
def test_an_exported_file_fuses_images_of_any_size(weights, tmp_path):
    import onnxruntime

    path = tmp_path / "new" / "student.onnx"
    assert export.main(["--method", "student", "--weights", weights, "--to", str(path)]) == 0
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    network = student.load_network(student.Options(weights=weights), "cpu")
    for height, width in ((32, 48), (96, 64)):
        infrared, visible = torch.rand(2, 1, 1, height, width)
        inputs = {"infrared": infrared.numpy(), "visible": visible.numpy()}
        (fused,) = session.run(None, inputs)
        np.testing.assert_allclose(fused, network(infrared, visible).numpy(), atol=1e-5)
