"""Makes a result folder of a network that was trained elsewhere, as if it had been trained here."""

import json
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from bench import digest
from bench.experiment import FACTS
from detection.models._yolo import elsewhere, library, network


def fetch(weights: str, classes: Sequence[str], folder: Path) -> None:
    """Leave weights, ``model.json``, and the facts for the protocol line in ``folder``.

    Args:
        weights: See `detection.models.pretrained`; downloads go beside ``folder``.
        classes: What the detector tells apart.
        folder: Of the result.

    Raises:
        BenchError: If the weights cannot be had, or are not what the task says.
    """
    library.bring_in(folder)
    with library.chatter(folder):
        path = elsewhere.file(weights) or elsewhere.download(weights, folder.parent / "downloads")
        size, model = elsewhere.load(path, classes)
    pin = digest.sha256(path)
    facts = {
        "model": elsewhere.described(size, classes),
        "weights": f"{path.name} (sha256 {pin[:12]})",
    }
    (folder / FACTS).write_text(json.dumps(facts))
    card = {
        "model": "YOLOv5",
        "size": size,
        "classes": list(classes),
        "weights": path.name,
        "sha256": pin,
        "tensors": len(model.state_dict()),
        "versions": {name: version(name) for name in ("torch", "ultralytics")},
    }
    network.save(folder, model, card)
