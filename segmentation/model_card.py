"""Packaged weights and the model card beside them, whose facts come from the training itself."""

import csv
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fusebench.runtime.atomic_write import replace_atomically
from fusebench.storage import hashing

MODEL_CARD_TEMPLATE = """# SegFormer mit_b0, trained on simulated scenes

A start for short trainings of SegFormer on the simulated scenes of this project (and a better
than random one elsewhere). Not a model of the world: it has seen drawn scenes only. It contains
no weights and no data of others.

| | |
|---|---|
| file | `{file}`, half precision, sha256 `{sha256}` |
| network | mmseg `EncoderDecoder`: `MixVisionTransformer` {backbone}, `SegformerHead` {embedding} |
| classes | {classes} |
| trained on | {scenes} scenes of `fusebench.datasets.scenes_seg`, film {film}; the tasks show others |
| shown as | {sources}: each scene in every way, equally often |
| steps | {steps}, {batch} images each, from random weights |
| took | {minutes:.0f} minutes on {device}, {threads} thread(s) |
| loss | {first} over the first steps, {last} over the last |
| mIoU (all14) on {checked} other scenes | {scores} |
| made by | `python -m segmentation.train_packaged_weights`, {versions} |

Options: `{options}`

License: that of the project.
"""


def write_weights_and_card(to: Path, made: Path, facts: Mapping[str, Any]) -> None:
    """Write the trained model in folder ``made`` as the weights file ``to`` and its card."""
    model = json.loads((made / "model.json").read_text())
    _write_half_precision(made / "model.safetensors", to, model["classes"][model["first"] :])
    with (made / "losses.csv").open(newline="") as file:
        losses = [float(row["loss"]) for row in csv.DictReader(file)]
    effort = json.loads((made / "time.json").read_text())
    scenes, options = facts["scenes"]["options"], facts["options"]
    text = MODEL_CARD_TEMPLATE.format(
        file=to.name,
        sha256=hashing.compute_file_sha256(to),
        backbone=options["backbone"],
        embedding=options["embedding"],
        classes=", ".join(model["classes"]),
        scenes=scenes["train"],
        film=scenes["seed"],
        sources=", ".join(facts["sources"]),
        steps=options["iterations"],
        batch=options["batch"],
        minutes=effort["seconds"] / 60,
        device=f"{os.cpu_count()} CPU cores" if effort["device"] == "cpu" else effort["device"],
        threads=effort["threads"],
        first=f"{losses[0]:.2f}",
        last=f"{losses[-1]:.2f}",
        checked=scenes["test"],
        scores=", ".join(
            f"{name} {_format_percent(score)}" for name, score in facts["mIoU"].items()
        ),
        versions=", ".join(f"{name} {number}" for name, number in facts["versions"].items()),
        options=json.dumps(options),
    )
    to.with_suffix(".md").write_text(text)


def _write_half_precision(found: Path, to: Path, classes: list[str]) -> None:
    """The same tensors in half precision, and what the last layer's outputs mean."""
    from safetensors.torch import load_file, save_file

    state = {name: v.half() if v.is_floating_point() else v for name, v in load_file(found).items()}
    to.parent.mkdir(parents=True, exist_ok=True)
    with replace_atomically(to) as temporary:
        save_file(state, temporary, metadata={"classes": ",".join(classes)})


def _format_percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f} %"
