"""DMFuse: diffusion features of both images, joined by cross-attention along rows and columns.

Source: Qi, Zhang, Wang, "DMFuse: Diffusion model guided cross-attention learning for infrared
and visible image fusion", Chinese Journal of Information Fusion 1(3), 2024. Networks in
`fusion.networks`; python -m fusion.train makes weights.
"""

from bench import digest
from fusion import checkpoints
from fusion.inference import Network
from fusion.method import Fuse
from fusion.methods import _learned
from fusion.methods._learned import COLOUR as COLOUR

VERSION = 1


class Options(_learned.Options):
    """What tasks.yaml may set for this method.

    Attributes:
        denoising: A file with the denoising network alone (``*_gen.pth`` as released), where
            ``weights`` is a fusion head alone (``model.model`` as released).
    """

    denoising: str | None = None


def pins(options: Options) -> dict[str, str]:
    """The weights decide the result."""
    found = _learned.pins(options, "dmfuse")
    if options.denoising is not None:
        found["denoising"] = digest.sha256(checkpoints.resolve(options.denoising))
    return found


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
    from fusion import released, trained

    path = _learned.file(options, "dmfuse")
    beside = None if options.denoising is None else checkpoints.resolve(options.denoising)
    tensors, facts = released.read(path, beside)
    told = _learned.architecture(path, facts, "dmfuse", "fusion", options.width or 0)
    if options.steps is not None:
        told["head"] = {**told["head"], "features_at": options.steps}
    noise = trained.Noise(options.seed, options.levels)
    return trained.dmfuse(tensors, told, noise, device, str(path))
