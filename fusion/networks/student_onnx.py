"""Student in ONNX: export, and inference with ONNX Runtime.

The exported file contains the whole network. Inference runs only the part at low resolution in
ONNX Runtime: its upsampling takes as long as all convolutions, and OpenCV's takes a tenth of that.
"""

import copy
import warnings
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor, nn

from fusebench.errors import UserError
from fusion.networks.student import Student
from fusion.networks.student_affine_map import apply_coefficients_fast

OPSET = 18  # of the exported operators
SIDE_MULTIPLE = 16  # pixels; height and width of the inputs are multiples of this
MAX_SIDE = 65_536  # pixels
PACKAGES = ("onnx", "onnxscript", "onnxruntime")


class _CoefficientNetwork(nn.Module):
    """The part of the student at low resolution."""

    def __init__(self, student: Student) -> None:
        super().__init__()
        self.student = student

    def forward(self, infrared: Tensor, visible: Tensor) -> Tensor:
        """See `Student.predict_coefficients`."""
        return self.student.predict_coefficients(infrared, visible)


class OnnxStudent(nn.Module):
    """A `TrainedNetwork` that computes the student's coefficients with ONNX Runtime, on the CPU."""

    def __init__(self, student: Student) -> None:
        """Export the network; ONNX Runtime gets as many threads as torch has now.

        Raises:
            UserError: If a package is not installed.
        """
        super().__init__()
        check_packages()
        self.student = student
        self._session = _build_session(export_network(_CoefficientNetwork(student)))

    def __deepcopy__(self, memo: dict[int, Any]) -> Student:
        """Copy the PyTorch network, with which memory and operations are counted."""
        return copy.deepcopy(self.student, memo)

    def sample_noise(self, infrared: Tensor, visible: Tensor) -> list[Tensor]:
        """Return no noise."""
        return []

    def fuse(self, infrared: Tensor, visible: Tensor, noise: Sequence[Tensor]) -> Tensor:
        """See `fusion.networks.tiled_inference.TrainedNetwork`."""
        inputs = {"infrared": _to_array(infrared), "visible": _to_array(visible)}
        coefficients = torch.from_numpy(self._session.run(None, inputs)[0])
        return apply_coefficients_fast(coefficients, infrared, visible)


def check_packages() -> None:
    """Check that the optional packages are installed.

    Raises:
        UserError: Naming those that are not.
    """
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing:
        raise UserError(
            f"ONNX: not installed: {', '.join(missing)}; install the optional packages: "
            "pip install 'fusebench[onnx]'"
        )


def export_network(network: nn.Module, metadata: Mapping[str, str] | None = None) -> bytes:
    """Export a network of an infrared and a visible image to ONNX.

    The inputs ``infrared`` and ``visible`` are luminance in [0, 1], float32 (1, 1, H, W), H and W
    multiples of 16; the output is called ``output``.

    Args:
        network: In evaluation mode, on the CPU.
        metadata: Additional properties of the file.

    Returns:
        The content of the file.
    """
    check_packages()
    height, width = (
        SIDE_MULTIPLE * torch.export.Dim(name, min=2, max=MAX_SIDE // SIDE_MULTIPLE)
        for name in ("rows", "columns")
    )
    dynamic = {2: height, 3: width}
    # Two tensors: one object for both inputs would be exported as one input.
    infrared, visible = torch.zeros(2, 1, 1, 4 * SIDE_MULTIPLE, 6 * SIDE_MULTIPLE)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter about itself
        program = torch.onnx.export(
            network,
            (infrared, visible),
            dynamo=True,
            opset_version=OPSET,
            dynamic_shapes=(dynamic, dynamic),
            input_names=["infrared", "visible"],
            output_names=["output"],
            verbose=False,
        )
    assert program is not None
    program.model.metadata_props.update(metadata or {})
    content: bytes = program.model_proto.SerializeToString()
    return content


def _build_session(content: bytes) -> Any:
    """Build an inference session on the CPU with torch's number of threads."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def _to_array(image: Tensor) -> Any:
    """Convert a tensor to a contiguous array."""
    return image.contiguous().numpy()
