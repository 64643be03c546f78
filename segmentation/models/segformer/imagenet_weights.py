"""MiT weights trained on ImageNet, as published by OpenMMLab: downloaded once and verified.

They are NVlabs' weights with mmseg's names. NVlabs' license allows research and evaluation only.
"""

from pathlib import Path

from fusebench.errors import UserError
from fusebench.storage.weights import downloads

BASE_URL = "https://download.openmmlab.com/mmsegmentation/v0.5/pretrain/segformer/"
HASH_PREFIXES = {  # start of the SHA-256, as in the names of OpenMMLab's files
    "mit_b0": "7e0fe6dd",
    "mit_b1": "02e5a6a1",
    "mit_b2": "66e8bf70",
    "mit_b3": "13b1141c",
    "mit_b4": "d588d980",
    "mit_b5": "658746d9",
}


def get_hash_prefix(backbone: str) -> str:
    """Return the first eight hexadecimal digits of the SHA-256 of the published file."""
    return HASH_PREFIXES[backbone]


def build_file_name(backbone: str) -> str:
    """Return the name of OpenMMLab's file, which ends with the start of its SHA-256."""
    return f"{backbone}_20220624-{HASH_PREFIXES[backbone]}.pth"


def download_weights(backbone: str, folder: Path) -> Path:
    """Download the file of a backbone into ``folder`` unless it is there already.

    Raises:
        UserError: If the download fails, or the file is not the published one.
    """
    import torch

    name, prefix = build_file_name(backbone), HASH_PREFIXES[backbone]

    def download(path: Path) -> None:
        try:
            torch.hub.download_url_to_file(BASE_URL + name, str(path), prefix, progress=False)
        except (OSError, RuntimeError) as error:  # URLError and timeouts are OSErrors
            raise UserError(
                f"start_weights imagenet: {BASE_URL}{name} could not be downloaded ({error}); "
                "download it elsewhere and set start_weights to its path"
            ) from None

    return downloads.get_or_download(folder / name, download, prefix)
