"""DMNet: an autoencoder of transformer and invertible blocks, and a diffusion model beside it.

Source: Pan et al., "DMNet: A dense multiscale feature extraction network with two-stage training
for infrared-visible image fusion", IEEE Internet of Things Journal, 2025. Networks in
`fusion.networks`; python -m fusion.train makes weights.
"""

from fusion.checkpoints import weights_file
from fusion.methods import _learned
from fusion.methods._contract import FusionFunction
from fusion.methods._learned import COLOR as COLOR
from fusion.networks.tiled_inference import TrainedNetwork

VERSION = 1


class Options(_learned.Options):
    """What tasks.yaml may set for this method."""


def dependency_hashes(options: Options) -> dict[str, str]:
    """The weights decide the result."""
    return _learned.dependency_hashes(options, "dmnet")


def load(options: Options, device: str) -> FusionFunction:
    """Return the fusing function; weights are read here, once.

    Raises:
        UserError: See `load_network`.
    """
    return _learned.build_fusion_function(load_network(options, device), options, device)


def load_network(options: Options, device: str) -> TrainedNetwork:
    """The network with its weights, which are read here; on the device ``meta``, without them.

    Raises:
        UserError: If the weights are not there, damaged, or those of another network.
    """
    from fusion.checkpoints import load_network

    path = _learned.get_weights_file(options, "dmnet")
    tensors, facts = weights_file.read_weights(path)
    told = _learned.check_architecture(path, facts, "dmnet", "2", options.width or 0)
    if options.steps is not None:
        told["network"] = {**told["network"], "time_steps": options.steps}
    noise = load_network.NoiseOptions(options.seed, options.levels)
    return load_network.build_dmnet(tensors, told, noise, device, str(path))
