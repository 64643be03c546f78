"""Signs that folders of images were given in the order of another program.

Most toolboxes take the two sources first and the fused image last. Exchanged folders give plausible
but wrong scores.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from fusebench.data import images
from fusebench.data.folder_discovery import INFRARED_FOLDER_NAMES, VISIBLE_FOLDER_NAMES
from fusebench.errors import UserError
from fusion.scoring.score_images import ScoringPair

EXPECTED_ORDER = "FUSED [FUSED ...] IR VISIBLE"
ROLE_NAMES = {
    "infrared": INFRARED_FOLDER_NAMES,
    "visible": VISIBLE_FOLDER_NAMES,
    "fused": ("fused", "fusion", "fuse", "fusion_results", "results", "result", "output"),
}
SUBFOLDER_NAMES = ("test", "train", "val", "images", "imgs")  # below a folder that names the role
COLOR_SPREAD = 16  # gray levels between the channels of a pixel that has color
MIN_COLOR_SHARE = 0.02  # of the pixels


def check_folder_order(fused: Sequence[Path], infrared: Path, visible: Path) -> None:
    """Check that no folder's name contradicts its place among the arguments.

    A sensor's own folder may be given as FUSED, to score it as a baseline.

    Raises:
        UserError: Naming the first folder that does.
    """
    given = {
        **{folder: "fused" for folder in fused if folder not in (infrared, visible)},
        infrared: "infrared",
        visible: "visible",
    }
    roles = {folder: _recognize_role(folder) for folder in given}
    sensors = {roles[infrared], roles[visible]}
    for folder, place in given.items():
        role = roles[folder]
        is_contradiction = role not in ("", place)
        if place == "fused":  # e.g. results of a method in a folder "vis" are no sign alone
            is_contradiction &= role not in sensors
        if is_contradiction:
            raise UserError(
                f"{folder} is given as the folder of {place} images, but is named like one of "
                f"{role} images; expected the order {EXPECTED_ORDER}. Change the order, or rename "
                "the folder if the order is right"
            )


def find_order_cautions(pairs: Sequence[ScoringPair]) -> list[str]:
    """Look for color where no sensor or fusion puts it.

    Args:
        pairs: A few pairs, all with the same sources.

    Returns:
        One caution per kind of images.
    """
    cautions = []
    if _all_have_color([pair.infrared for pair in pairs]):
        cautions.append(f"the images in {pairs[0].infrared.parent} are in color, unlike infrared")
    if not _all_have_color([pair.visible for pair in pairs]):
        cautions += [
            f"the images of {name} are in color, but not the visible ones"
            for name in pairs[0].fused
            if _all_have_color([pair.fused[name] for pair in pairs])
        ]
    return [f"caution: {text}; expected order of folders: {EXPECTED_ORDER}" for text in cautions]


def _recognize_role(folder: Path) -> str:
    """Return what images a folder has by its name; empty if unknown."""
    path = folder.resolve()
    name = path.parent.name if path.name.lower() in SUBFOLDER_NAMES else path.name
    return next((role for role, names in ROLE_NAMES.items() if name.lower() in names), "")


def _all_have_color(paths: Sequence[Path]) -> bool:
    return all(_has_color(images.read_color(path)) for path in paths)


def _has_color(image: images.Color) -> bool:
    spread = image.max(axis=2).astype(int) - image.min(axis=2)
    return float(np.mean(spread > COLOR_SPREAD)) > MIN_COLOR_SHARE
