"""Prediction of label maps with a trained network: each whole image once, at full resolution."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from fusebench.data import images
from fusebench.data.images import LabelMap
from fusebench.data.labeled_images import LabeledImages
from segmentation.models.segformer import network as networks
from segmentation.models.segformer import weights


def predict_label_maps(
    folder: Path, test: LabeledImages, *, device: str
) -> Iterator[tuple[str, LabelMap]]:
    """Yield key and label map, uint8 (H, W) in the size of the pair, of every test image.

    Args:
        folder: Folder of the trained network.
        test: The images; their labels are not used.
        device: Torch device.
    """
    import torch

    # a finished folder is not written to; the log of training has the libraries' output already
    with networks.redirect_library_output(Path(os.devnull)):
        network, model_info = weights.load_network(folder)
    network = network.to(device).eval()
    for pair in test.split.pairs:
        image = images.read_color(test.images[pair.key])
        pixels = torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))
        with torch.inference_mode():
            inputs = network.data_preprocessor({"inputs": [pixels]}, False)["inputs"]
            logits = network.encode_decode(inputs, [{"img_shape": pair.size[::-1]}])
            labels = logits[0].argmax(0).to(torch.uint8).cpu().numpy()
        yield pair.key, labels + np.uint8(model_info.first_class_id)
