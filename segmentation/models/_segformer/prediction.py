"""Label maps from a trained network: each image whole, once, at full resolution."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from bench import images
from bench.examples import Examples
from bench.images import Labels
from segmentation.models._segformer import quiet, weights


def predict(folder: Path, test: Examples, *, device: str) -> Iterator[tuple[str, Labels]]:
    """Key and label map, uint8 (H, W) in the size of the pair, of each example."""
    import torch

    # a finished folder is not written to: what the libraries say here was said in training
    with quiet.into(Path(os.devnull)):
        network, model = weights.read(folder)
    network = network.to(device).eval()
    for pair in test.split.pairs:
        image = images.read_color(test.images[pair.key])
        shown = torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))
        with torch.inference_mode():
            inputs = network.data_preprocessor({"inputs": [shown]}, False)["inputs"]
            logits = network.encode_decode(inputs, [{"img_shape": pair.size[::-1]}])
            labels = logits[0].argmax(0).to(torch.uint8).cpu().numpy()
        yield pair.key, labels + np.uint8(model.first)
