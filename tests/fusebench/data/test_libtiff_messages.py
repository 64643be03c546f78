"""A damaged compressed TIFF is one error; the decoder prints no lines of its own."""

import numpy as np
import pytest
from PIL import Image

from fusebench.data import images
from fusebench.errors import UserError


@pytest.mark.parametrize("compression", ["tiff_adobe_deflate", "tiff_lzw", "jpeg"])
def test_libtiff_prints_nothing_about_a_damaged_file(tmp_path, capfd, compression):
    path = tmp_path / "a.tif"
    noise = np.random.default_rng(0).integers(0, 256, (40, 50), np.uint8)
    Image.fromarray(noise).save(path, compression=compression)
    content = bytearray(path.read_bytes())
    content[8:60] = bytes(52)  # the start of the compressed pixels or of the tags
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"a\.tif: cannot be read as an image"):
        images.read_gray(path)
    assert capfd.readouterr().err == ""
