"""Writing of the packaged weights in half precision, and of their model card."""

import csv
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fusebench.runtime import atomic_write
from fusebench.storage import hashing

MODEL_CARD_TEMPLATE = """# SegFormer mit_b0, trained on simulated scenes

Initial weights for short trainings of SegFormer on the simulated scenes of this project (and better
than random ones elsewhere). They are trained on simulated scenes only, not on camera images, and
contain no weights and no data of others.

| | |
|---|---|
| file | `{file}`, half precision, sha256 `{sha256}` |
| network | mmseg `EncoderDecoder`: `MixVisionTransformer` {backbone}, `SegformerHead` {embedding} |
| classes | {classes} |
| trained on | {scenes} scenes of `fusebench.datasets.scenes_seg`, seed {seed}, which no task uses |
| sources | {sources}: each scene as every source, equally often |
| steps | {steps}, {batch} images each, from random weights |
| training time | {minutes:.0f} minutes on {device}, {threads} thread(s) |
| loss | {first_loss} over the first steps, {last_loss} over the last |
| mIoU (all14) on {tested} other scenes | {scores} |
| command | `python -m segmentation.train_packaged_weights`, {versions} |

Options: `{options}`

License: that of the project.
"""


def write_weights_and_card(target: Path, trained: Path, facts: Mapping[str, Any]) -> None:
    """Write the weights file and its model card.

    Args:
        target: The weights file; the card has the same name with ``.md``.
        trained: Folder of the trained network.
        facts: Spec, mean IoU by source and package versions of the training.
    """
    model_info = json.loads((trained / "model.json").read_text())
    trained_classes = model_info["classes"][model_info["first_class_id"] :]
    _write_half_precision(trained / "model.safetensors", target, trained_classes)
    with (trained / "losses.csv").open(newline="") as file:
        losses = [float(row["loss"]) for row in csv.DictReader(file)]
    time = json.loads((trained / "time.json").read_text())
    scene_options, options = facts["scenes"]["options"], facts["options"]
    scores = [f"{name} {_format_percent(score)}" for name, score in facts["mIoU"].items()]
    text = MODEL_CARD_TEMPLATE.format(
        file=target.name,
        sha256=hashing.compute_file_sha256(target),
        backbone=options["backbone"],
        embedding=options["embedding"],
        classes=", ".join(model_info["classes"]),
        scenes=scene_options["train"],
        seed=scene_options["seed"],
        sources=", ".join(facts["sources"]),
        steps=options["iterations"],
        batch=options["batch"],
        minutes=time["seconds"] / 60,
        device=f"{os.cpu_count()} CPU cores" if time["device"] == "cpu" else time["device"],
        threads=time["threads"],
        first_loss=f"{losses[0]:.2f}",
        last_loss=f"{losses[-1]:.2f}",
        tested=scene_options["test"],
        scores=", ".join(scores),
        versions=", ".join(f"{name} {number}" for name, number in facts["versions"].items()),
        options=json.dumps(options),
    )
    atomic_write.write_text_atomically(target.with_suffix(".md"), text)


def _write_half_precision(weights: Path, target: Path, classes: list[str]) -> None:
    """Write the tensors in half precision, with the classes of the last layer's outputs."""
    from safetensors.torch import load_file, save_file

    tensors = {
        name: value.half() if value.is_floating_point() else value
        for name, value in load_file(weights).items()
    }
    target.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write.replace_atomically(target) as temporary:
        save_file(tensors, temporary, metadata={"classes": ",".join(classes)})


def _format_percent(fraction: float | None) -> str:
    return "-" if fraction is None else f"{100 * fraction:.1f} %"
