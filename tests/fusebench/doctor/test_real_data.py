"""The doctor on published data sets, if this machine has them (FUSEBENCH_DATA is their folder)."""

import os
from pathlib import Path

import numpy as np
import pytest

from fusebench.data import images, split_builder
from fusebench.datasets import folder, msrs
from fusebench.doctor.checks import borders, shift_estimation
from fusebench.errors import DatasetNotFoundError

ROOT = Path(os.environ.get("FUSEBENCH_DATA", "data"))
FLIR = folder.Options(
    infrared=Path("flir_aligned/images_thermal_train/data/{key}_PreviewData"),
    visible=Path("flir_aligned/images_rgb_train/data/{key}_RGB"),
)


def load_pairs(dataset, *options):
    try:
        return split_builder.load_split(dataset.load, ROOT, "all", *options).pairs
    except DatasetNotFoundError:
        pytest.skip(f"{dataset.TITLE} is not in {ROOT} (set FUSEBENCH_DATA)")


def read_reduced(pairs):
    return [
        tuple(
            shift_estimation.reduce_image(images.read_gray(path))
            for path in (pair.infrared, pair.visible)
        )
        for pair in pairs
    ]


def test_pairs_of_msrs_are_registered_and_wrong_partners_are_not_certain():
    pairs = read_reduced(load_pairs(msrs, msrs.Options())[::6])
    count = len(pairs)
    own = [shift_estimation.estimate_shift(*pair) for pair in pairs]
    wrong = [
        shift_estimation.estimate_shift(pairs[i][0], pairs[(i + count // 2) % count][1])
        for i in range(count)
    ]
    lengths = [shift.length for shift in own if shift.is_certain]
    assert len(lengths) > 0.5 * count
    assert np.mean(np.array(lengths) <= 3) > 0.9
    assert np.mean([shift.is_certain for shift in wrong]) < 0.15


def test_night_images_of_flir_aligned_have_the_black_border_of_their_warping():
    pairs = load_pairs(folder, FLIR)
    shares = [
        borders.compute_border_share(
            borders.find_content(images.read_gray(pair.visible)), pair.size
        )
        for pair in pairs
    ]
    assert sum(share > 0.1 for share in shares) == 18 * len(pairs) / 40
    assert sum(0 < share < 0.1 for share in shares) == 0
