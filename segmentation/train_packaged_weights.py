"""Train the packaged weights: SegFormer mit_b0 on simulated scenes that no task ever shows.

python -m segmentation.train_packaged_weights
python -m segmentation.train_packaged_weights --scenes 200 --iterations 500     a trial

Each scene is shown in five ways, as often in one as in another: infrared, visible, and fused by
the average, the maximum and a Laplacian pyramid. So the weights favor no kind of source. A
stopped run goes on where it was. The weights and their model card go to segmentation/weights/.
"""

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fusebench.data import label_maps
from fusebench.data.images import LabelMap
from fusebench.data.pairs import Split
from fusebench.datasets import scenes_seg
from fusebench.evaluation import confusion
from fusebench.evaluation.class_means import to_optional
from fusebench.evaluation.confusion import ConfusionMatrix
from fusebench.experiments.mixed_sources import SOURCES, mix_sources
from fusebench.runtime import progress
from fusebench.storage import hashing
from fusebench.storage.records import get_package_versions
from fusebench.storage.store import Store
from segmentation import class_averaging, model_card
from segmentation.metrics import iou
from segmentation.models import segformer

SIMULATOR_SEED = 1000  # of the films that are kept for this; see fusebench.datasets.scenes_seg


def build_options(iterations: int) -> segformer.Options:
    """How the packaged weights are trained, but for the number of steps."""
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
    """The mIoU (all14) by source, of predictions for `mix_sources` pairs."""
    truths = {pair.key: pair.label_map for pair in split.pairs}
    classes = len(split.classes)
    counts = {name: np.zeros((classes, classes), np.int64) for name in SOURCES}
    for key, labels in predicted:
        mask = truths[key]
        assert mask is not None
        truth = label_maps.read_label_map(mask, split.classes)
        counts[key.rsplit("-", 1)[1]] += confusion.compute_confusion_matrix(truth, labels, classes)
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
    """The finished folder of the model, and the facts for its card."""
    drawn = scenes_seg.Options(train=args.scenes, test=args.check, seed=SIMULATOR_SEED)
    options = build_options(args.iterations)
    spec = {
        "kind": "start weights",
        "version": segformer.VERSION,
        "scenes": {"version": scenes_seg.VERSION, "options": drawn.model_dump(mode="json")},
        "sources": list(SOURCES),
        "options": options.model_dump(mode="json"),
        "seed": 0,
    }

    def work(folder: Path) -> None:
        examples = mix_sources(scenes_seg.load(args.data, "train", drawn), store)
        segformer.train(examples, options, seed=0, device="cpu", folder=folder)

    made = store.get_or_create("start", "segformer-b0-scenes", spec, work).path
    test = mix_sources(scenes_seg.load(args.data, "test", drawn), store)
    predicted = segformer.predict(made, test, options, segformer.Predict(), device="cpu")
    watched = progress.track_progress(test.split.pairs, "check")
    return made, spec | {
        "digest": hashing.content_hash(spec),
        "mIoU": compute_mean_iou(test.split, (next(predicted) for _ in watched)),
        "versions": get_package_versions(("torch", "onedl-mmsegmentation")),
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    flags = argparse.ArgumentParser(
        prog="python -m segmentation.train_packaged_weights",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    flags.add_argument("--data", type=Path, default=Path("data"), metavar="DIR")
    flags.add_argument("--out", type=Path, default=Path("runs"), metavar="DIR")
    flags.add_argument("--scenes", type=int, default=1200, help="scenes to train on")
    flags.add_argument("--check", type=int, default=60, help="other scenes to score it on")
    flags.add_argument("--iterations", type=int, default=4500)
    flags.add_argument("--threads", type=int, default=1, help="of torch")
    flags.add_argument("--to", type=Path, default=segformer.PACKAGED_WEIGHTS, metavar="FILE")
    args = flags.parse_args(argv)
    import torch

    torch.set_num_threads(args.threads)
    made, facts = train_and_evaluate(args, Store(args.out))
    model_card.write_weights_and_card(args.to, made, facts)
    return 0


if __name__ == "__main__":
    sys.exit(main())
