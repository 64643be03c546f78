"""Signs that the folders of fusion.quality are in the order of another program."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fusebench.errors import UserError
from fusion.scoring import argument_order
from fusion.scoring.score_images import ScoringPair


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


@pytest.fixture
def files(tmp_path):
    color = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    for name, image in {"color": color, "gray": np.repeat(color[..., :1], 3, axis=2)}.items():
        Image.fromarray(image).save(tmp_path / f"{name}.png")
    return {name: tmp_path / f"{name}.png" for name in ("color", "gray")}


@pytest.mark.parametrize(
    ("infrared", "visible", "fused", "caution"),
    [
        ("gray", "color", "color", ""),
        ("gray", "color", "gray", ""),
        ("gray", "gray", "gray", ""),
        ("color", "gray", "gray", "unlike infrared"),
        ("gray", "gray", "color", "the images of mine are in color, but not the visible ones"),
    ],
)
def test_color_in_the_wrong_place_is_a_caution(files, infrared, visible, fused, caution):
    pair = ScoringPair("1", files[infrared], files[visible], {"mine": files[fused]})
    cautions = argument_order.find_order_cautions([pair])
    assert len(cautions) == bool(caution)
    assert all(text.startswith("caution: ") and caution in text for text in cautions)


def test_a_single_image_in_color_is_no_caution(files):
    pairs = [
        ScoringPair(key, files[infrared], files["color"], {})
        for key, infrared in (("1", "color"), ("2", "gray"))
    ]
    assert argument_order.find_order_cautions(pairs) == []
