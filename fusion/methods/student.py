"""Student: a small network, distilled from another fusion method, for use on a CPU.

Local affine fusion; see `fusion.networks.student`. python -m fusion.train trains weights.
"""

from fusebench.contracts import FusionFunction
from fusebench.storage import hashing
from fusion.checkpoints import weights_file
from fusion.methods import _learned
from fusion.methods._learned import COLOR as COLOR
from fusion.networks.tiled_inference import TrainedNetwork

VERSION = 1


class Options(_learned.InferenceOptions):
    """Options in tasks.yaml."""


def dependency_hashes(options: Options) -> dict[str, str]:
    """Return the hash of the weights."""
    path = _learned.get_weights_file(options, "student")
    return {"weights": hashing.compute_file_sha256(path)}


def check(options: Options) -> None:
    """Read and check the weights before any image is fused.

    Raises:
        UserError: See `load_network`.
    """
    load_network(options, "cpu")


def load(options: Options, device: str) -> FusionFunction:
    """Return the fusing function; the weights are read once, here.

    Raises:
        UserError: See `load_network`.
    """
    return _learned.build_fusion_function(load_network(options, device), options, device)


def load_network(options: Options, device: str) -> TrainedNetwork:
    """Build the network and load its weights; on the device ``meta`` it has no values.

    Raises:
        UserError: If the weights are missing, damaged, or of another network.
    """
    from fusion.checkpoints import load_network

    path = _learned.get_weights_file(options, "student")
    tensors, metadata = weights_file.read_weights(path)
    architecture = _learned.check_architecture(path, metadata, "student", "distillation")
    return load_network.build_student(tensors, architecture, device, str(path))
