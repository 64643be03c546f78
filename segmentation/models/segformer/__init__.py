"""SegFormer (mmseg) trained as SegMiF's released code trains its segmentation network.

Sources: Xie et al., "SegFormer: simple and efficient design for semantic segmentation with
transformers", NeurIPS 2021; Liu et al., "Multi-interactive feature learning and a full-time
multi-modality benchmark for image fusion and segmentation" (SegMiF), ICCV 2023.

The defaults are those of SegMiF's ``configs/voc.yaml`` as its ``train.py`` uses them, except for
the differences below. The protocol lists the options that agree with SegMiF and those that differ.
SegMiF's values that need an explanation:

    batch        the file has 4 per GPU, the loader halves it: 2
    iterations   the schedule has 160 000 steps, but seven rounds of 10 000 are run: 70 000 steps
                 of the 160 000-step schedule, so the learning rate ends at 0.56 of its maximum
    class 0      unlabeled pixels are trained as a class of their own

Default differences, which options can remove (the preset ``paper`` removes all but the order):

    head         mmseg's `SegformerHead` has batch norm and ReLU after each of the four 1x1
                 convolutions; the head in SegMiF's code has neither
    padding      right and below; SegMiF puts an image smaller than the crop anywhere in it
    distortion   on; SegMiF's loader distorts the visible image alone, but its segmenter is
                 trained on images that were fused before, from undistorted ones
    order        every epoch is shuffled; in SegMiF's loader the shuffling is commented out
    start        from scratch, because nothing is downloaded without being requested

Permanent differences, because SegMiF's choice would make the scores less meaningful:

    last model   the model of the last step is evaluated, and the test images are not used in
                 training; SegMiF selects the best of a test every 1000 steps on the test images
    one round    the training images are fixed; SegMiF alternates between training fusion and
                 segmentation, and starts each of its seven rounds from the best model so far with
                 a new optimizer

Training is a function of the seed: a run that is interrupted and resumed ends with the same
weights as an uninterrupted one, bit for bit on one CPU.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fusebench.data.images import LabelMap
from fusebench.data.labeled_images import LabeledImages
from fusebench.storage import hashing
from fusebench.storage.records import Scalar
from segmentation.models.segformer import imagenet_weights, segmif_differences
from segmentation.models.segformer.options import Options as Options
from segmentation.models.segformer.options import Predict as Predict
from segmentation.models.segformer.options import find_weights_file

VERSION = 1
TITLE = "SegFormer"
INPUT_CHANNELS = (3, 4)


def dependency_hashes(options: Options) -> dict[str, str | None]:
    """Return the sha256 of the initial weights, for the spec.

    Of ImageNet weights it is the start of the sha256, from the name of the published file.

    Raises:
        UserError: If the file does not exist.
    """
    if options.start_weights == "imagenet":
        return {"start_weights": imagenet_weights.get_hash_prefix(options.backbone)}
    path = find_weights_file(options)
    return {"start_weights": None if path is None else hashing.compute_file_sha256(path)}


def protocol(options: Options, predict: Predict) -> dict[str, Scalar]:
    """Return the facts that a reader needs to train the same model, and SegMiF's differences."""
    sha256 = dependency_hashes(options)["start_weights"]
    weights_name = Path(options.start_weights).name
    width, height = options.crop_size
    rate = f"{options.learning_rate:g}, head x{options.head_factor:g}"
    schedule_length = options.schedule or options.iterations
    decay = f"poly {options.power:g} over {schedule_length}"
    return {
        "model": f"SegFormer {options.backbone} (mmseg), head {options.embedding}",
        "start weights": (
            f"{weights_name} (sha256 {sha256[:6]})" if sha256 else "none (from scratch)"
        ),
        "iterations": options.iterations,
        "batch": options.batch,
        "learning rate": f"{rate}; warm-up {options.warm_up}, {decay}",
        "augmentation": f"rescale {options.rescale[0]:g}-{options.rescale[1]:g}, "
        f"crop {width}x{height}, flip {options.flip:g}"
        f"{', color distortion' if options.distortion else ''}",
        "class 0 in training": "left out" if options.ignore_unlabeled else "a class",
        "weights used": "last iteration",
        "prediction": "whole image, full resolution",
        "as SegMiF": ", ".join(segmif_differences.list_agreements(options)),
        "differs from SegMiF (its value)": ", ".join(segmif_differences.list_differences(options)),
        **({"compiled": True} if options.compile else {}),
    }


def config_errors(options: Options, classes: Sequence[str], where: str) -> list[str]:
    """List the errors in the number of trained classes, as messages.

    Args:
        options: See `Options`.
        classes: The data set's classes.
        where: Position in the task file.
    """
    trained = classes[int(options.ignore_unlabeled) :]
    if len(trained) > 1:
        return []
    cause = " (ignore_unlabeled leaves out class 0)" if options.ignore_unlabeled else ""
    return [
        f"{where}: the only class to train is {', '.join(trained) or 'none'}{cause}, and a network "
        "of one class predicts it everywhere; train at least two classes"
    ]


def check(options: Options, folder: Path) -> None:
    """Read and check the user's file of initial weights, if there is one, before the run starts.

    Raises:
        UserError: If it does not fit the network.
    """
    path = find_weights_file(options)
    if path is not None and options.start_weights != "packaged":
        from segmentation.models.segformer import weights

        weights.check_initial_weights(options, path, folder)


def train(
    examples: LabeledImages, options: Options, *, seed: int, device: str, folder: Path
) -> None:
    """Train the network; write ``model.safetensors`` and ``model.json`` into ``folder``.

    Resumes from the checkpoint in ``folder`` if there is one.

    Raises:
        UserError: If the initial weights do not fit, or the loss is not finite.
    """
    from segmentation.models.segformer import training

    training.train(examples, options, seed=seed, device=device, folder=folder)


def predict(
    folder: Path, test: LabeledImages, options: Options, predict: Predict, *, device: str
) -> Iterator[tuple[str, LabelMap]]:
    """Yield key and label map, uint8 (H, W), of every test image by the network in ``folder``."""
    from segmentation.models.segformer import inference

    return inference.predict_label_maps(folder, test, device=device)


def predict_probabilities(
    folder: Path, test: LabeledImages, options: Options, predict: Predict, *, device: str
) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Yield key and class probabilities, float32 (classes, H, W), of every test image."""
    from segmentation.models.segformer import inference

    return inference.predict_probabilities(folder, test, device=device)
