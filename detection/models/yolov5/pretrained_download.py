"""Makes a result folder of a network that was trained elsewhere, as if it had been trained here."""

import json
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from detection.models.yolov5 import network, pretrained_network, ultralytics_import
from fusebench.experiments.runner import PROTOCOL_FILE
from fusebench.storage import hashing


def write_model_folder(weights: str, classes: Sequence[str], folder: Path) -> None:
    """Leave weights, ``model.json``, and the facts for the protocol line in ``folder``.

    Args:
        weights: See `detection.models.pretrained`; downloads go beside ``folder``.
        classes: What the detector tells apart.
        folder: Of the result.

    Raises:
        UserError: If the weights cannot be had, or are not what the task says.
    """
    ultralytics_import.import_ultralytics(folder)
    with ultralytics_import.redirect_library_output(folder):
        path = pretrained_network.find_weights_file(weights) or pretrained_network.download_weights(
            weights, folder.parent / "downloads"
        )
        size, model = pretrained_network.load_network(path, classes)
    pin = hashing.compute_file_sha256(path)
    facts = {
        "model": pretrained_network.describe_detector(size, classes),
        "weights": f"{path.name} (sha256 {pin[:12]})",
    }
    (folder / PROTOCOL_FILE).write_text(json.dumps(facts))
    card = {
        "model": "YOLOv5",
        "size": size,
        "classes": list(classes),
        "weights": path.name,
        "sha256": pin,
        "tensors": len(model.state_dict()),
        "versions": {name: version(name) for name in ("torch", "ultralytics")},
    }
    network.save_network(folder, model, card)
