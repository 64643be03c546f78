"""MiT weights trained on ImageNet, as OpenMMLab publishes them; fetched once, checked, kept.

They are NVlabs' weights with mmseg's names. NVlabs' licence allows research and evaluation only.
"""

from pathlib import Path

from bench.errors import BenchError
from segmentation.models.segformer import published

WHERE = "https://download.openmmlab.com/mmsegmentation/v0.5/pretrain/segformer/"


def fetched(backbone: str, folder: Path) -> Path:
    """The file of a backbone in ``folder``, downloaded if it is not there.

    Raises:
        BenchError: If it cannot be had, or is not what its name says.
    """
    import torch

    name = published(backbone)
    path = folder / name
    if path.is_file():
        return path
    folder.mkdir(parents=True, exist_ok=True)
    start_of_hash = path.stem.rsplit("-", 1)[1]
    try:
        torch.hub.download_url_to_file(WHERE + name, str(path), start_of_hash, progress=False)
    except (OSError, RuntimeError) as fault:  # URLError and timeouts are OSErrors
        raise BenchError(
            f"start_weights imagenet: {WHERE}{name} could not be downloaded ({fault}); download "
            "it elsewhere and set start_weights to its path"
        ) from None
    return path
