"""MiT weights trained on ImageNet, as OpenMMLab publishes them; fetched once, checked, kept.

They are NVlabs' weights with mmseg's names. NVlabs' license allows research and evaluation only.
"""

from pathlib import Path

from fusebench.errors import UserError
from segmentation.models.segformer import build_imagenet_file_name

BASE_URL = "https://download.openmmlab.com/mmsegmentation/v0.5/pretrain/segformer/"


def download_weights(backbone: str, folder: Path) -> Path:
    """The file of a backbone in ``folder``, downloaded if it is not there.

    Raises:
        UserError: If it cannot be had, or is not what its name says.
    """
    import torch

    name = build_imagenet_file_name(backbone)
    path = folder / name
    if path.is_file():
        return path
    folder.mkdir(parents=True, exist_ok=True)
    start_of_hash = path.stem.rsplit("-", 1)[1]
    try:
        torch.hub.download_url_to_file(BASE_URL + name, str(path), start_of_hash, progress=False)
    except (OSError, RuntimeError) as fault:  # URLError and timeouts are OSErrors
        raise UserError(
            f"start_weights imagenet: {BASE_URL}{name} could not be downloaded ({fault}); download "
            "it elsewhere and set start_weights to its path"
        ) from None
    return path
