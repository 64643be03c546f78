"""Files that the doctor reads."""

import numpy as np
from PIL import Image

from fusebench import plugins
from fusebench.datasets import mfnet
from fusebench.doctor.dataset_files import read_dataset_files
from tests.helpers.dataset_folders import write_image


def test_images_of_four_channels_are_read_as_one_image_per_sensor(tmp_path):
    for key in ("00001D", "00002N"):
        pixels = np.full((24, 32, 4), 9, np.uint8)
        pixels[..., 3] = np.arange(32, dtype=np.uint8)
        path = tmp_path / f"mfnet/images/{key}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
        write_image(tmp_path / f"mfnet/labels/{key}.png", level=8)
    files = read_dataset_files(plugins.load_dataset("mfnet"), tmp_path, mfnet.Options(), limit=1)
    [pair] = files.pairs
    with Image.open(pair.infrared) as infrared, Image.open(pair.visible) as visible:
        assert (infrared.mode, visible.mode) == ("L", "RGB")
        assert np.array_equal(np.array(infrared)[0], np.arange(32))
    assert (pair.condition, files.split_description[:9]) == ("day", "no split:")
