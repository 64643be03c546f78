"""Train the packaged weights: SegFormer mit_b0 on simulated scenes that no task uses.

python -m segmentation.train_packaged_weights
python -m segmentation.train_packaged_weights --scenes 200 --iterations 500     a trial

Every scene is used five times: infrared, visible, and fused by the average, the maximum and a
Laplacian pyramid, so that the weights favor no source. An interrupted training is resumed. The
weights and their model card are written to segmentation/weights/.
"""

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fusebench.config.paths import expand_home
from fusebench.data import label_maps
from fusebench.data.images import LabelMap
from fusebench.data.pairs import Split
from fusebench.data.split_builder import load_split
from fusebench.datasets import scenes_seg
from fusebench.evaluation import confusion
from fusebench.evaluation.class_means import to_optional
from fusebench.evaluation.confusion import ConfusionMatrix
from fusebench.experiments.mixed_sources import SOURCES, mix_sources
from fusebench.runtime import progress
from fusebench.runtime.printable import ArgumentParser
from fusebench.runtime.program import run_program
from fusebench.storage import hashing
from fusebench.storage.records import get_package_versions
from fusebench.storage.store import Store
from segmentation import class_averaging, model_card
from segmentation.metrics import iou
from segmentation.models import segformer
from segmentation.models.segformer.options import PACKAGED_WEIGHTS

SIMULATOR_SEED = 1000  # reserved for these weights; see fusebench.datasets.scenes_seg


def build_options(iterations: int) -> segformer.Options:
    """Return the training options of the packaged weights for a number of steps."""
    return segformer.Options(
        backbone="mit_b0",
        embedding=128,
        iterations=iterations,
        schedule=None,
        batch=4,
        crop=256,
        rescale=(1.0, 1.5),
        distortion=False,
        learning_rate=8e-4,
        head_factor=2,
        warm_up=min(200, iterations // 5),
        drop_path=0.0,
        mixed_precision=True,
    )


def compute_mean_iou(
    split: Split, predicted: Iterable[tuple[str, LabelMap]]
) -> dict[str, float | None]:
    """Compute the mIoU (all14) of each source.

    Args:
        split: Split of `mix_sources`, whose keys end with the source.
        predicted: Keys and label maps.
    """
    label_map_paths = {pair.key: pair.label_map for pair in split.pairs}
    class_count = len(split.classes)
    counts = {name: np.zeros((class_count, class_count), np.int64) for name in SOURCES}
    for key, labels in predicted:
        path = label_map_paths[key]
        assert path is not None
        truth = label_maps.read_label_map(path, split.classes)
        source = key.rsplit("-", 1)[1]
        counts[source] += confusion.compute_confusion_matrix(truth, labels, class_count)
    return {
        name: to_optional(float(_compute_mean_iou(total, split.classes)))
        for name, total in counts.items()
    }


def _compute_mean_iou(counts: ConfusionMatrix, classes: Sequence[str]) -> float:
    options = iou.Options()
    indices = list(class_averaging.choose_class_set(classes, options).indices)
    scores = iou.score(counts[None].astype(np.float64), classes, options)["IoU"]
    return float(iou.average(scores[:, indices], options)[0])


def train_and_evaluate(args: argparse.Namespace, store: Store) -> tuple[Path, dict[str, Any]]:
    """Train the network and score it on other scenes.

    Returns:
        The finished folder of the network, and the facts for its model card.
    """
    scene_options = scenes_seg.Options(train=args.scenes, test=args.check, seed=SIMULATOR_SEED)
    options = build_options(args.iterations)
    spec = {
        "kind": "start weights",
        "version": segformer.VERSION,
        "scenes": {"version": scenes_seg.VERSION, "options": scene_options.model_dump(mode="json")},
        "sources": list(SOURCES),
        "options": options.model_dump(mode="json"),
        "seed": 0,
    }

    def work(folder: Path) -> None:
        examples = mix_sources(
            load_split(scenes_seg.load, args.data, "train", scene_options), store
        )
        segformer.train(examples, options, seed=0, device="cpu", folder=folder)

    trained = store.get_or_create("start", "segformer-b0-scenes", spec, work).path
    test = mix_sources(load_split(scenes_seg.load, args.data, "test", scene_options), store)
    predicted = segformer.predict(trained, test, options, segformer.Predict(), device="cpu")
    pairs = progress.track_progress(test.split.pairs, "check")
    return trained, spec | {
        "digest": hashing.content_hash(spec),
        "mIoU": compute_mean_iou(test.split, (next(predicted) for _ in pairs)),
        "versions": get_package_versions(("torch", "onedl-mmsegmentation")),
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    parser = ArgumentParser(
        prog="python -m segmentation.train_packaged_weights",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=expand_home, default=Path("data"), metavar="DIR")
    parser.add_argument("--out", type=expand_home, default=Path("runs"), metavar="DIR")
    parser.add_argument("--scenes", type=int, default=1200, help="number of training scenes")
    parser.add_argument("--check", type=int, default=60, help="number of test scenes")
    parser.add_argument("--iterations", type=int, default=4500)
    parser.add_argument("--threads", type=int, default=1, help="of torch")
    parser.add_argument("--to", type=expand_home, default=PACKAGED_WEIGHTS, metavar="FILE")
    args = parser.parse_args(argv)
    import torch

    torch.set_num_threads(args.threads)
    trained, facts = train_and_evaluate(args, Store(args.out))
    model_card.write_weights_and_card(args.to, trained, facts)
    return 0


if __name__ == "__main__":
    run_program(main)
