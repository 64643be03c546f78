"""DMFuse: diffusion features of both images, fused by cross-attention along rows and columns.

Source: Qi, Zhang, Wang, "DMFuse: Diffusion model guided cross-attention learning for infrared
and visible image fusion", Chinese Journal of Information Fusion 1(3), 2024. Networks in
`fusion.networks`; python -m fusion.train trains weights.
"""

from typing import Annotated

from fusebench.config.paths import PathOrName
from fusebench.contracts import FusionFunction
from fusebench.storage import hashing
from fusion.checkpoints import weights_file
from fusion.methods import _learned
from fusion.methods._learned import COLOR as COLOR
from fusion.networks.tiled_inference import TrainedNetwork

VERSION = 1


class Options(_learned.Options):
    """Options in tasks.yaml.

    Attributes:
        denoising: File of the denoising network (``*_gen.pth`` as released), if ``weights`` is
            only a fusion head (``model.model`` as released).
    """

    denoising: Annotated[str | None, PathOrName(())] = None


def dependency_hashes(options: Options) -> dict[str, str]:
    """Return the hashes of the weights."""
    hashes = _learned.dependency_hashes(options, "dmfuse")
    if options.denoising is not None:
        hashes["denoising"] = hashing.compute_file_sha256(
            weights_file.find_weights_file(options.denoising)
        )
    return hashes


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
    from fusion.checkpoints import dmfuse_release, load_network

    path = _learned.get_weights_file(options, "dmfuse")
    denoising_path = (
        None if options.denoising is None else weights_file.find_weights_file(options.denoising)
    )
    tensors, metadata = dmfuse_release.read_dmfuse_weights(path, denoising_path)
    architecture = _learned.check_architecture(
        path, metadata, "dmfuse", "fusion", options.width or 0
    )
    if options.steps is not None:
        architecture["head"] = {**architecture["head"], "features_at": options.steps}
    noise_options = load_network.NoiseOptions(options.seed, options.levels)
    return load_network.build_dmfuse(tensors, architecture, noise_options, device, str(path))
