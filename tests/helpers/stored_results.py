"""A small folder of results that the programs themselves wrote: predictions from files, no training."""

from pathlib import Path

import numpy as np

from fusebench.data import images
from segmentation import run as segmentation_run
from tests.helpers import dataset_folders
from tests.helpers.dataset_folders import IMAGE_SIZE

KEYS = ("00001", "00002", "00003", "00004")
TASKS = """
sources:
  ir: {kind: infrared}
  vis: {kind: visible}
  both: {kind: method, method: average}
tasks:
  masks:
    kind: segmentation
    dataset: fmb
    sources: [ir, vis, both]
    model: from_folder
    options: {folder: "PREDICTIONS/{source}"}
"""
PREDICTED_SHARES = {"ir": 0.5, "vis": 0.25, "both": 1.0}  # of the pixels, all of which are road


def write_results(folder: Path, **shares: float) -> None:
    """Write data, predictions, tasks.yaml and runs below ``folder``.

    Every pixel is road (class 1). A source predicts road on a share of the rows and unlabeled (0)
    on the others, so that its IoU of road, and its mean IoU, is that share.
    """
    dataset_folders.write_fmb(folder / "data/fmb", ["00009"], KEYS)
    for source, share in (PREDICTED_SHARES | shares).items():
        predicted = np.zeros(IMAGE_SIZE[::-1], np.uint8)
        predicted[: round(share * len(predicted))] = 1
        (folder / "predictions" / source).mkdir(parents=True, exist_ok=True)
        for key in KEYS:
            images.write_png(folder / "predictions" / source / f"{key}.png", predicted)
    tasks = folder / "tasks.yaml"
    tasks.write_text(TASKS.replace("PREDICTIONS", str(folder / "predictions")))
    flags = ["--tasks", tasks, "--data", folder / "data", "--out", folder / "runs"]
    assert segmentation_run.main([*map(str, flags), "--device", "cpu"]) == 0
