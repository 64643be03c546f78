"""DMNet: an autoencoder of transformer and invertible blocks, with a parallel diffusion model.

Source: Pan et al., "DMNet: A dense multiscale feature extraction network with two-stage training
for infrared-visible image fusion", IEEE Internet of Things Journal, 2025. Networks in
`fusion.networks`; python -m fusion.train trains weights.
"""

from fusebench.contracts import FusionFunction
from fusion.checkpoints import weights_file
from fusion.methods import _learned
from fusion.methods._learned import COLOR as COLOR
from fusion.networks.tiled_inference import TrainedNetwork

VERSION = 2


class Options(_learned.Options):
    """Options in tasks.yaml."""


def dependency_hashes(options: Options) -> dict[str, str]:
    """Return the hashes of the weights."""
    return _learned.dependency_hashes(options, "dmnet")


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

    path = _learned.get_weights_file(options, "dmnet")
    tensors, metadata = weights_file.read_weights(path)
    architecture = _learned.check_architecture(path, metadata, "dmnet", "2", options.width or 0)
    if options.steps is not None:
        architecture["network"] = {**architecture["network"], "time_steps": options.steps}
    noise_options = load_network.NoiseOptions(options.seed, options.levels)
    return load_network.build_dmnet(tensors, architecture, noise_options, device, str(path))
