"""DMNet: an autoencoder of transformer and invertible blocks, and a diffusion model beside it.

Source: Pan et al., "DMNet: A dense multiscale feature extraction network with two-stage training
for infrared-visible image fusion", IEEE Internet of Things Journal, 2025. Networks in
`fusion.networks`; python -m fusion.train makes weights.
"""

from fusion import checkpoints
from fusion.inference import Network
from fusion.method import Fuse
from fusion.methods import _learned
from fusion.methods._learned import COLOUR as COLOUR

VERSION = 1


class Options(_learned.Options):
    """What tasks.yaml may set for this method."""


def pins(options: Options) -> dict[str, str]:
    """The weights decide the result."""
    return _learned.pins(options, "dmnet")


def load(options: Options, device: str) -> Fuse:
    """Return the fusing function; weights are read here, once.

    Raises:
        BenchError: See `network`.
    """
    return _learned.fusing(network(options, device), options, device)


def network(options: Options, device: str) -> Network:
    """The network with its weights, which are read here; on the device ``meta``, without them.

    Raises:
        BenchError: If the weights are not there, damaged, or those of another network.
    """
    from fusion import trained

    path = _learned.file(options, "dmnet")
    tensors, facts = checkpoints.read(path)
    told = _learned.architecture(path, facts, "dmnet", "2", options.width or 0)
    if options.steps is not None:
        told["network"] = {**told["network"], "time_steps": options.steps}
    noise = trained.Noise(options.seed, options.levels)
    return trained.dmnet(tensors, told, noise, device, str(path))
