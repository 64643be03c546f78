"""Prediction of label maps with a trained network: each whole image once, at full resolution.

A GPU predicts several images at a time, and threads decode the next ones meanwhile.
"""

import os
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fusebench.data.images import LabelMap
from fusebench.data.labeled_images import LabeledImages
from fusebench.data.pairs import Pair, Split
from fusebench.runtime.loading import prefetch, training_batches
from fusebench.runtime.memory import available, tensor_bytes
from segmentation.models.segformer import network as networks
from segmentation.models.segformer import weights

if TYPE_CHECKING:
    from torch import Tensor

GPU_BATCH_PIXELS = 4 * 640 * 480  # of all images of a batch; larger images come one by one
AMPLE_BYTES_PER_PIXEL = 16_384  # with more, nothing is estimated: it takes seconds


def predict_label_maps(
    folder: Path, test: LabeledImages, *, device: str
) -> Iterator[tuple[str, LabelMap]]:
    """Yield key and label map, uint8 (H, W) in the size of the pair, of every test image.

    Args:
        folder: Folder of the trained network.
        test: The images; their labels are not used.
        device: Torch device.

    Raises:
        UserError: If the largest image cannot fit into the memory of the machine.
    """
    for pairs, logits, first_class_id in _iterate_batches(folder, test, device=device):
        labels = _select_classes(logits).cpu().numpy() + np.uint8(first_class_id)
        yield from ((pair.key, label_map) for pair, label_map in zip(pairs, labels, strict=True))


def predict_probabilities(
    folder: Path, test: LabeledImages, *, device: str
) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Yield key and class probabilities of every test image.

    Args:
        folder: Folder of the trained network.
        test: The images; their labels are not used.
        device: Torch device.

    Returns:
        float32 (classes, H, W) in the size of the pair; 0 for a class that was not trained.

    Raises:
        UserError: If the largest image cannot fit into the memory of the machine.
    """
    for key, logits, first_class_id in iterate_logits(folder, test, device=device):
        trained = logits.softmax(0).cpu().numpy()
        untrained = np.zeros((first_class_id, *trained.shape[1:]), np.float32)
        yield key, np.concatenate([untrained, trained])


def iterate_logits(
    folder: Path, test: LabeledImages, *, device: str
) -> Iterator[tuple[str, "Tensor", int]]:
    """Yield key, logits (outputs, H, W) and the class id of the first output, per test image."""
    for pairs, logits, first_class_id in _iterate_batches(folder, test, device=device):
        for pair, logits_of_image in zip(pairs, logits, strict=True):
            yield pair.key, logits_of_image, first_class_id


def _iterate_batches(
    folder: Path, test: LabeledImages, *, device: str
) -> Iterator[tuple[list[Pair], "Tensor", int]]:
    """Yield pairs, logits (N, outputs, H, W) and the class id of the first output, per batch."""
    import torch

    # a finished folder is not written to; the log of training has the libraries' output already
    with networks.redirect_library_output(Path(os.devnull)):
        network, model_info = weights.load_network(folder)
    network = network.to(device).eval()
    if device == "cpu":
        _check_memory(network, test.split)

    def load(pairs: list[Pair]) -> "Tensor":
        pixels = [test.read(pair.key).transpose(2, 0, 1) for pair in pairs]
        return torch.from_numpy(np.stack(pixels))

    batches = _build_batches(test.split, GPU_BATCH_PIXELS if device != "cpu" else 0)
    loaded = prefetch.map_ahead(load, batches, training_batches.count_workers(device))
    for pairs, pixels in zip(batches, loaded, strict=True):
        with torch.inference_mode():
            logits = predict_logits(network, pixels)
        yield pairs, logits, model_info.first_class_id


def _build_batches(split: Split, max_pixels: int) -> list[list[Pair]]:
    """Divide the pairs, in their order, into batches of one image size and ``max_pixels`` at most.

    A batch has at least one image.
    """
    batches = []
    for (width, height), group in groupby(split.pairs, lambda pair: pair.size):
        pairs, length = list(group), max(1, max_pixels // (width * height))
        batches += [pairs[start : start + length] for start in range(0, len(pairs), length)]
    return batches


def estimate_bytes(network: Any, height: int, width: int) -> int:
    """Estimate the bytes of the tensors that exist at the same time, without the weights.

    Every position of the first stage attends to a fixed share of all positions, so that memory
    grows with the square of the number of pixels.

    Args:
        network: mmseg's network, on any device.
        height: Of the image, in pixels.
        width: The same.
    """
    import torch

    meta_network = tensor_bytes.copy_to_meta(network)
    channels = meta_network.state_dict()[networks.FIRST_LAYER_WEIGHT].shape[1]
    pixels = torch.empty(1, channels, height, width, dtype=torch.uint8, device="meta")
    return tensor_bytes.count_peak_bytes(lambda: predict_labels(meta_network, pixels))


def _check_memory(network: Any, split: Split) -> None:
    """Raise a `UserError` if the largest image cannot fit into memory."""
    pair = max(split.pairs, key=lambda pair: pair.size[0] * pair.size[1], default=None)
    if pair is None:
        return
    width, height = pair.size
    if available.is_ample(width * height, AMPLE_BYTES_PER_PIXEL):
        return
    available.check_memory(
        estimate_bytes(network, height, width),
        f"{split.dataset}/{split.name}, pair {pair.key}: predicting the labels of an image of "
        f"{width} x {height} pixels at full resolution",
        available.SMALLER_IMAGES_ADVICE,
    )


def predict_labels(network: Any, pixels: "Tensor") -> "Tensor":
    """Return the class ids, uint8 (N, H, W), of images, uint8 (N, channels, H, W)."""
    return _select_classes(predict_logits(network, pixels))


def _select_classes(logits: "Tensor") -> "Tensor":
    """Return the class ids, uint8 (N, H, W), of logits (N, outputs, H, W)."""
    return logits.argmax(1).byte()


def predict_logits(network: Any, pixels: "Tensor") -> "Tensor":
    """Return the logits, float32 (N, outputs, H, W), of images, uint8 (N, channels, H, W)."""
    inputs = network.data_preprocessor({"inputs": list(pixels)}, False)["inputs"]
    shapes = [{"img_shape": tuple(pixels.shape[2:])}] * len(pixels)
    logits: Tensor = network.encode_decode(inputs, shapes)
    return logits
