"""Train the packaged weights: YOLOv5n on simulated scenes, with all kinds of sources mixed.

python -m detection.train_packaged_weights      about half an hour
python -m detection.train_packaged_weights --scenes 40 --epochs 1 --to elsewhere      a trial

Every scene is used five times: infrared, visible and fused by three simple methods, so that the
weights favor no source. No task uses the scenes' random seed. An interrupted training is resumed.
Beside the weights it writes a model card with their scores on unseen scenes.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from detection import coco_matching
from detection.metrics import average_precision
from detection.models import yolov5
from detection.models.yolov5 import initial_weights, network
from fusebench.config.paths import expand_home
from fusebench.contracts import NoOptions
from fusebench.data.labeled_images import LabeledImages
from fusebench.data.pairs import Split
from fusebench.data.split_builder import load_split
from fusebench.datasets import scenes
from fusebench.evaluation.class_means import average_defined
from fusebench.experiments import mixed_sources
from fusebench.experiments.mixed_sources import SOURCES
from fusebench.runtime import atomic_write
from fusebench.runtime.printable import ArgumentParser
from fusebench.runtime.program import run_program
from fusebench.storage import hashing
from fusebench.storage.store import Store

SIMULATOR_SEED = 1000  # tasks may use seeds up to 999
MODEL_CARD_TEMPLATE = """# yolov5n-scenes

Initial weights for `start_weights: packaged`: YOLOv5n (anchor-free head, ultralytics
{ultralytics}), {tensors} tensors in 16-bit floats, {megabytes:.1f} MB, sha256 `{sha256}`.

- **Training data** {images} images: {scenes} simulated scenes (`fusebench.simulator` version
  {version}, seed {seed}) of {width} x {height} pixels, each as {sources}. No camera image, no
  other weights.
- **Classes** {classes}.
- **Training** {epochs} epochs, batch {batch}, {optimizer} at {learning_rate:g}, image size
  {image_size}, {steps} steps, {minutes:.0f} minutes on {threads} CPU thread(s){precision}; losses
  of the last epoch: {losses}. Command: `python -m detection.train_packaged_weights`.
- **AP@.5 on {tested} unseen scenes**, before training on one source: {scores}.
- **Intended use** initial weights of short trainings on simulated scenes, so that a comparison
  runs on a laptop in minutes. They are trained on simulated streets only: for M3FD and other
  camera images use weights trained on photographs, or `scratch`.
- **License** AGPL-3.0, as ultralytics, with whose code they were trained.
"""


@dataclass(frozen=True)
class Folders:
    """Folders of the training.

    Attributes:
        data: Data sets; the scenes are written here.
        store: Result folders.
        weights: Where the weights and the model card are written.
    """

    data: Path
    store: Path
    weights: Path


def make_packaged_weights(
    options: yolov5.Options, scene_options: scenes.Options, folders: Folders, device: str
) -> None:
    """Train, evaluate, and write ``yolov5n-scenes.safetensors`` and its model card.

    Args:
        options: Of the training.
        scene_options: Training scenes, and unseen test scenes.
        folders: See `Folders`.
        device: Torch device of the training.
    """
    store = Store(folders.store)
    examples = mixed_sources.mix_sources(
        load_split(scenes.load, folders.data, "train", scene_options), store
    )
    scene_values = scene_options.model_dump(mode="json")
    spec = {
        "kind": "start weights",
        "model": yolov5.VERSION,
        "options": options.model_dump(mode="json"),
        "scenes": [scenes.VERSION, scene_values, hashing.hash_images(examples.split)],
        "sources": list(SOURCES),
    }

    def work(folder: Path) -> None:
        yolov5.train(examples, options, seed=0, device=device, folder=folder)

    trained = store.get_or_create("start", "yolov5n-scenes", spec, work).path
    test = load_split(scenes.load, folders.data, "test", scene_options)
    scores = {name: _compute_ap50(trained, test, name, options, store) for name in SOURCES}
    folders.weights.mkdir(parents=True, exist_ok=True)
    weights = folders.weights / initial_weights.PACKAGED_WEIGHTS.name
    network.write_weights(weights, network.load_network(trained), half=True)
    facts = _collect_card_facts(trained, weights) | {
        "images": len(examples.split.pairs),
        "scenes": scene_options.train,
        "tested": scene_options.test,
        "version": scenes.VERSION,
        "seed": scene_options.seed,
        "width": scene_options.knobs.width,
        "height": scene_options.knobs.height,
        "sources": ", ".join(SOURCES),
        "classes": ", ".join(examples.split.classes),
        "precision": " in bfloat16 where safe" if options.mixed_precision is True else "",
        "scores": ", ".join(f"{name} {score:.3f}" for name, score in scores.items()),
    }
    model_card = MODEL_CARD_TEMPLATE.format(**facts, **options.model_dump())
    atomic_write.write_text_atomically(weights.with_suffix(".md"), model_card)


def _compute_ap50(
    trained: Path, test: Split, source: str, options: yolov5.Options, store: Store
) -> float:
    """Return the mean AP@.5 on the test images of one source."""
    examples = LabeledImages(mixed_sources.get_source_images(source, test, store), test)
    predicted = yolov5.predict(trained, examples, options, yolov5.Predict(), device="cpu")
    truth = {pair.key: pair.boxes for pair in test.pairs if pair.boxes is not None}
    matches = coco_matching.match_images(truth, predicted, test.classes)
    weighted = matches.add(np.ones((1, len(truth))))
    ap50 = average_precision.score(weighted, test.classes, NoOptions(), ["AP50"])["AP50"]
    return float(average_defined(ap50)[0])


def _collect_card_facts(trained: Path, weights: Path) -> dict[str, Any]:
    """Return the facts about the training, and about the weights file."""
    model_info = json.loads((trained / network.MODEL_INFO_FILE).read_text())
    training_time = json.loads((trained / "time.json").read_text())
    rows = (trained / "losses.csv").read_text().split()
    names, values = rows[0].split(",")[1:], map(float, rows[-1].split(",")[1:])
    return {
        "ultralytics": model_info["versions"]["ultralytics"],
        "tensors": model_info["tensors"],
        "steps": model_info["steps"],
        "megabytes": weights.stat().st_size / 1e6,
        "sha256": hashing.compute_file_sha256(weights),
        "minutes": training_time["seconds"] / 60,
        "threads": training_time["threads"],
        "losses": ", ".join(f"{n} {v:.3f}" for n, v in zip(names, values, strict=True)),
    }


def _build_parser() -> argparse.ArgumentParser:
    parser = ArgumentParser(
        prog="python -m detection.train_packaged_weights",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--scenes", type=int, default=1200, help="number of training scenes")
    parser.add_argument("--unseen", type=int, default=100, help="number of test scenes")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--optimizer", default="AdamW", choices=("SGD", "Adam", "AdamW"))
    parser.add_argument("--learning-rate", type=float, default=0.002)
    parser.add_argument("--mosaic", type=float, default=0.5)
    parser.add_argument("--full-precision", action="store_true", help="no bfloat16")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--data", type=expand_home, default=Path("data"), metavar="DIR")
    parser.add_argument("--out", type=expand_home, default=Path("runs"), metavar="DIR")
    parser.add_argument(
        "--to", type=expand_home, default=initial_weights.PACKAGED_WEIGHTS.parent, metavar="DIR"
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    args = _build_parser().parse_args(argv)
    options = yolov5.Options(
        image_size=320,
        epochs=args.epochs,
        batch=args.batch,
        nominal_batch=args.batch,
        optimizer=args.optimizer,
        learning_rate=args.learning_rate,
        momentum=0.9,
        warmup_epochs=0.3,
        warmup_bias_learning_rate=0.0,
        mosaic=args.mosaic,
        close_mosaic=1,
        mixed_precision=not args.full_precision,
    )
    scene_options = scenes.Options(train=args.scenes, test=args.unseen, seed=SIMULATOR_SEED)
    make_packaged_weights(
        options, scene_options, Folders(args.data, args.out, args.to), args.device
    )
    return 0


if __name__ == "__main__":
    run_program(main)
