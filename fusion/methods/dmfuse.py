"""DMFuse: diffusion features of both images, joined by cross-attention along rows and columns.

Source: Qi, Zhang, Wang, "DMFuse: Diffusion model guided cross-attention learning for infrared
and visible image fusion", Chinese Journal of Information Fusion 1(3), 2024. Networks in
`fusion.networks`; python -m fusion.train makes weights.
"""

from fusebench.storage import hashing
from fusion.checkpoints import weights_file
from fusion.methods import _learned
from fusion.methods._contract import FusionFunction
from fusion.methods._learned import COLOR as COLOR
from fusion.networks.tiled_inference import TrainedNetwork

VERSION = 1


class Options(_learned.Options):
    """What tasks.yaml may set for this method.

    Attributes:
        denoising: A file with the denoising network alone (``*_gen.pth`` as released), where
            ``weights`` is a fusion head alone (``model.model`` as released).
    """

    denoising: str | None = None


def dependency_hashes(options: Options) -> dict[str, str]:
    """The weights decide the result."""
    found = _learned.dependency_hashes(options, "dmfuse")
    if options.denoising is not None:
        found["denoising"] = hashing.compute_file_sha256(
            weights_file.find_weights_file(options.denoising)
        )
    return found


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
    from fusion.checkpoints import dmfuse_release, load_network

    path = _learned.get_weights_file(options, "dmfuse")
    beside = (
        None if options.denoising is None else weights_file.find_weights_file(options.denoising)
    )
    tensors, facts = dmfuse_release.read_dmfuse_weights(path, beside)
    told = _learned.check_architecture(path, facts, "dmfuse", "fusion", options.width or 0)
    if options.steps is not None:
        told["head"] = {**told["head"], "features_at": options.steps}
    noise = load_network.NoiseOptions(options.seed, options.levels)
    return load_network.build_dmfuse(tensors, told, noise, device, str(path))
