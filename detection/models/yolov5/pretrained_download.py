"""Writing of a pretrained network's model folder, with the same files as after training."""

import json
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from detection.models.yolov5 import network, pretrained_network, ultralytics_import
from fusebench.experiments.runner import PROTOCOL_FILE
from fusebench.storage import hashing


def write_model_folder(weights: str, classes: Sequence[str], folder: Path) -> None:
    """Write the weights, ``model.json``, and the facts for the protocol into ``folder``.

    Args:
        weights: See `detection.models.pretrained.Options`; downloads are stored beside ``folder``.
        classes: The detector's classes in the order of their ids.
        folder: Result folder.

    Raises:
        UserError: If the download fails, or the weights are not what the options describe.
    """
    ultralytics_import.import_ultralytics(folder)
    with ultralytics_import.redirect_library_output(folder):
        path = pretrained_network.find_weights_file(weights) or pretrained_network.download_weights(
            weights, folder.parent / "downloads"
        )
        size, model = pretrained_network.load_network(path, classes)
    sha256 = hashing.compute_file_sha256(path)
    protocol = {
        "model": pretrained_network.describe_detector(size, classes),
        "weights": f"{path.name} (sha256 {sha256[:12]})",
    }
    (folder / PROTOCOL_FILE).write_text(json.dumps(protocol))
    model_info = {
        "model": "YOLOv5",
        "size": size,
        "classes": list(classes),
        "weights": path.name,
        "sha256": sha256,
        "tensors": len(model.state_dict()),
        "versions": {name: version(name) for name in ("torch", "ultralytics")},
    }
    network.save_network(folder, model, model_info)
