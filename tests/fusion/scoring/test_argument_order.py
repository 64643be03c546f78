"""Signs that the folders of fusion.quality are in the order of another program."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fusebench.errors import UserError
from fusion.scoring import argument_order


@pytest.mark.parametrize(
    "folders",
    [
        "fused ir vi",
        "ours theirs IR VIS",
        "results/mine/test data/ir/test data/vi/test",
        "ir ir vi",  # a baseline
        "vis ir vi",  # "vis" for visualizations
        "a b c",
        "fusion thermal rgb",
    ],
)
def test_expected_order_is_accepted(folders):
    *fused, infrared, visible = map(Path, folders.split())
    argument_order.check_folder_order(fused, infrared, visible)


@pytest.mark.parametrize(
    "folders",
    ["ir vi fused", "vi ir fused", "ir vi ours", "vis ir ours", "fused vi ir", "ours rgb thermal"],
)
def test_order_of_other_programs_is_refused(folders):
    *fused, infrared, visible = map(Path, folders.split())
    with pytest.raises(UserError, match=r"expected the order FUSED \[FUSED \.\.\.\] IR VISIBLE"):
        argument_order.check_folder_order(fused, infrared, visible)


def test_infrared_images_in_color_are_a_caution(tmp_path):
    color = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    gray = np.repeat(color[..., :1], 3, axis=2)
    for name, image in {"color": color, "gray": gray}.items():
        Image.fromarray(image).save(tmp_path / f"{name}.png")
    (caution,) = argument_order.find_order_cautions([tmp_path / "color.png"])
    assert caution.startswith(f"caution: the images in {tmp_path} are in color")
    assert argument_order.find_order_cautions([tmp_path / "gray.png"]) == []
    assert argument_order.find_order_cautions([tmp_path / "color.png", tmp_path / "gray.png"]) == []
