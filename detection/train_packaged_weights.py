"""Make the packaged start weights: YOLOv5n on simulated scenes, every kind of source in one mix.

python -m detection.train_packaged_weights                     the packaged file, in about half an hour
python -m detection.train_packaged_weights --scenes 40 --epochs 1 --to elsewhere     a trial

Every scene is shown as infrared, as visible and fused in three plain ways, equally often, so that
the start favors no source. The scenes' seed is one that no task uses. A stopped run goes on
where it was. Beside the weights a model card is written, with what was measured on unseen scenes.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from detection import coco_matching
from detection.metrics import average_precision
from detection.models import yolov5
from detection.models.yolov5 import initial_weights, network
from fusebench.contracts import NoOptions
from fusebench.data.labeled_images import LabeledImages
from fusebench.data.pairs import Split
from fusebench.datasets import scenes
from fusebench.evaluation.class_means import average_defined
from fusebench.experiments import mixed_sources
from fusebench.experiments.mixed_sources import SOURCES
from fusebench.storage import hashing
from fusebench.storage.store import Store

SIMULATOR_SEED = 1000  # of the scenes; up to 999 is free for tasks
MODEL_CARD_TEMPLATE = """# yolov5n-scenes

Start weights for `start_weights: packaged`: YOLOv5n (anchor-free head, ultralytics {ultralytics}),
{tensors} tensors in 16-bit floats, {megabytes:.1f} MB, sha256 `{sha256}`.

- **Trained on** {images} images: {scenes} simulated scenes (`fusebench.simulator` version {version}, seed
  {seed}) of {width} x {height} pixels, each as {sources}. No camera image, no other weights.
- **Classes** {classes}.
- **Training** {epochs} epochs, batch {batch}, {optimizer} at {learning_rate:g}, image size
  {image_size}, {steps} steps, {minutes:.0f} minutes on {threads} CPU thread(s){precision}; losses
  of the last epoch: {losses}. Made by `python -m detection.train_packaged_weights`.
- **AP@.5 on {tested} unseen scenes**, before any training on one source: {scores}.
- **Meant for** starting short trainings on simulated scenes, so that a comparison runs on a
  laptop in minutes. It knows drawn streets and nothing else: for M3FD and other camera images use
  weights trained on photographs, or `scratch`.
- **License** AGPL-3.0, as ultralytics, whose code made them.
"""


@dataclass(frozen=True)
class Folders:
    """Where things are."""

    data: Path
    store: Path
    weights: Path


def make_packaged_weights(
    options: yolov5.Options, drawn: scenes.Options, folders: Folders, device: str
) -> None:
    """Leave ``yolov5n-scenes.safetensors`` and ``.md`` in ``folders.to``."""
    store = Store(folders.store)
    shown = mixed_sources.mix_sources(scenes.load(folders.data, "train", drawn), store)
    spec = {
        "kind": "start weights",
        "model": yolov5.VERSION,
        "options": options.model_dump(mode="json"),
        "scenes": [scenes.VERSION, drawn.model_dump(mode="json"), hashing.hash_images(shown.split)],
        "sources": list(SOURCES),
    }

    def work(folder: Path) -> None:
        yolov5.train(shown, options, seed=0, device=device, folder=folder)

    trained = store.get_or_create("start", "yolov5n-scenes", spec, work).path
    unseen = scenes.load(folders.data, "test", drawn)
    scores = {name: _compute_ap50(trained, unseen, name, options, store) for name in SOURCES}
    folders.weights.mkdir(parents=True, exist_ok=True)
    weights = folders.weights / initial_weights.PACKAGED_WEIGHTS.name
    network.write_weights(weights, network.load_network(trained), half=True)
    facts = _collect_card_facts(trained, weights) | {
        "images": len(shown.split.pairs),
        "scenes": drawn.train,
        "tested": drawn.test,
        "version": scenes.VERSION,
        "seed": drawn.seed,
        "width": drawn.knobs.width,
        "height": drawn.knobs.height,
        "sources": ", ".join(SOURCES),
        "classes": ", ".join(shown.split.classes),
        "precision": " in bfloat16 where safe" if options.mixed_precision else "",
        "scores": ", ".join(f"{name} {score:.3f}" for name, score in scores.items()),
    }
    (weights.with_suffix(".md")).write_text(
        MODEL_CARD_TEMPLATE.format(**facts, **options.model_dump())
    )


def _compute_ap50(
    trained: Path, unseen: Split, name: str, options: yolov5.Options, store: Store
) -> float:
    """Mean AP@.5 on one source."""
    examples = LabeledImages(mixed_sources.get_source_images(name, unseen, store), unseen)
    found = yolov5.predict(trained, examples, options, yolov5.Predict(), device="cpu")
    truth = {pair.key: pair.boxes for pair in unseen.pairs if pair.boxes is not None}
    matches = coco_matching.match_images(truth, found, unseen.classes).add(np.ones((1, len(truth))))
    scores = average_precision.score(matches, unseen.classes, NoOptions(), ["AP50"])["AP50"]
    return float(average_defined(scores)[0])


def _collect_card_facts(trained: Path, weights: Path) -> dict[str, Any]:
    """What the training says about itself, and the file about its size."""
    card = json.loads((trained / network.MODEL_INFO_FILE).read_text())
    effort = json.loads((trained / "time.json").read_text())
    last = (trained / "losses.csv").read_text().split()
    names, values = last[0].split(",")[1:], map(float, last[-1].split(",")[1:])
    return {
        "ultralytics": card["versions"]["ultralytics"],
        "tensors": card["tensors"],
        "steps": card["steps"],
        "megabytes": weights.stat().st_size / 1e6,
        "sha256": hashing.compute_file_sha256(weights),
        "minutes": effort["seconds"] / 60,
        "threads": effort["threads"],
        "losses": ", ".join(f"{n} {v:.3f}" for n, v in zip(names, values, strict=True)),
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    flags = argparse.ArgumentParser(
        prog="python -m detection.train_packaged_weights",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    flags.add_argument("--scenes", type=int, default=1200, help="scenes to train on")
    flags.add_argument("--unseen", type=int, default=100, help="scenes to measure on")
    flags.add_argument("--epochs", type=int, default=5)
    flags.add_argument("--batch", type=int, default=16)
    flags.add_argument("--optimizer", default="AdamW", choices=("SGD", "Adam", "AdamW"))
    flags.add_argument("--learning-rate", type=float, default=0.002)
    flags.add_argument("--mosaic", type=float, default=0.5)
    flags.add_argument("--full-precision", action="store_true", help="no bfloat16")
    flags.add_argument("--device", default="cpu")
    flags.add_argument("--data", type=Path, default=Path("data"), metavar="DIR")
    flags.add_argument("--out", type=Path, default=Path("runs"), metavar="DIR")
    flags.add_argument(
        "--to", type=Path, default=initial_weights.PACKAGED_WEIGHTS.parent, metavar="DIR"
    )
    args = flags.parse_args(argv)
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
    drawn = scenes.Options(train=args.scenes, test=args.unseen, seed=SIMULATOR_SEED)
    make_packaged_weights(options, drawn, Folders(args.data, args.out, args.to), args.device)
    return 0


if __name__ == "__main__":
    sys.exit(main())
