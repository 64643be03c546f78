"""Student: a small network, distilled from another fusion method, for use on a CPU.

Local affine fusion; see `fusion.networks.student`. python -m fusion.train trains weights.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator
from typing_extensions import Self

from fusebench.contracts import FusionFunction
from fusebench.storage import hashing
from fusion.checkpoints import weights_file
from fusion.methods import _learned
from fusion.methods._learned import COLOR as COLOR

if TYPE_CHECKING:
    from fusion.networks.student import Student

VERSION = 1


class Options(_learned.InferenceOptions):
    """Options in tasks.yaml.

    Attributes:
        overlap: Of neighboring tiles in pixels. A pixel depends on those up to about 100 pixels
            away, so that a larger overlap makes tiled images more equal to the whole image.
        runtime: ``torch``, or ``onnx`` for ONNX Runtime: faster on a CPU, which is then used
            whatever the device is. It needs the optional packages of ``fusebench[onnx]``, and a
            few seconds to export the network before the first image.
    """

    overlap: int = Field(128, ge=16, le=_learned.MAX_TILE // 2, multiple_of=16)
    runtime: Literal["torch", "onnx"] = "torch"

    @model_validator(mode="after")
    def _check_precision(self) -> Self:
        if self.runtime == "onnx" and self.precision != "float32":
            raise ValueError("runtime onnx computes in float32; leave precision out")
        return self


def dependency_hashes(options: Options) -> dict[str, str]:
    """Return the hash of the weights."""
    path = _learned.get_weights_file(options, "student")
    return {"weights": hashing.compute_file_sha256(path)}


def check(options: Options) -> None:
    """Read and check the weights before any image is fused.

    Raises:
        UserError: See `load_network`; or if ONNX Runtime is not installed.
    """
    load_network(options, "cpu")
    if options.runtime == "onnx":
        from fusion.networks import student_onnx

        student_onnx.check_packages()


def load(options: Options, device: str) -> FusionFunction:
    """Return the fusing function; the weights are read once, here.

    Raises:
        UserError: See `check`.
    """
    if options.runtime == "torch":
        network = load_network(options, device)
        return _learned.build_fusion_function(network, options, device)
    from fusion.networks.student_onnx import OnnxStudent

    onnx_network = OnnxStudent(load_network(options, "cpu"))
    return _learned.build_fusion_function(onnx_network, options, "cpu")


def load_network(options: Options, device: str) -> "Student":
    """Build the network and load its weights; on the device ``meta`` it has no values.

    Raises:
        UserError: If the weights are missing, damaged, or of another network.
    """
    from fusion.checkpoints import load_network

    path = _learned.get_weights_file(options, "student")
    tensors, metadata = weights_file.read_weights(path)
    architecture = _learned.check_architecture(path, metadata, "student", "distillation")
    return load_network.build_student(tensors, architecture, device, str(path))


def export(options: Options, metadata: Mapping[str, str]) -> bytes:
    """Export the network to ONNX; see `fusion.networks.student_onnx.export_network`.

    Args:
        options: Only the weights are used.
        metadata: Properties of the file.

    Raises:
        UserError: See `check`.
    """
    from fusion.networks import student_onnx

    return student_onnx.export_network(load_network(options, "cpu"), metadata)
