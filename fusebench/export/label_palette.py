"""Label maps as palette images in PASCAL VOC's colors."""

from pathlib import Path

from PIL import Image

from fusebench.data.images import LabelMap
from fusebench.data.label_images.voc_palette import build_voc_palette
from fusebench.runtime.atomic_write import replace_atomically


def write_palette_png(path: Path, labels: LabelMap) -> None:
    """Write a label map, uint8 (H, W), as a palette PNG whose indices are the ids."""
    image = Image.fromarray(labels).convert("L")
    image.putpalette(build_voc_palette().tobytes())
    with replace_atomically(path, sync=False) as temporary:
        image.save(temporary, format="PNG", compress_level=3)
