"""The packaged form of a training: half-precision weights, and a model card that its files tell."""

import csv
import json
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fusebench.storage import hashing
from fusion.checkpoints import weights_file
from fusion.training import training_run
from fusion.training.data.dataset import TrainingData
from fusion.training.recipe.presets import UNSTATED_CHOICES, UNSTATED_PAPER_PRESET_CHOICES
from fusion.training.recipe.schema import DMFuseRecipe, StageOptions
from fusion.training.training_run import TrainingRun

METHOD_TITLES = {"dmfuse": "DMFuse", "dmnet": "DMNet"}
CARD_TEMPLATE = """# {title}

Weights of {network}, stage {stage}: {count:,} values in {tensors} tensors, 16-bit floats,
{megabytes:.1f} MB, sha256 `{sha256}`.

{facts}
"""
STAGE_TEMPLATE = (
    "**Stage {stage}** on {data}. {steps} steps of batch {batch}, patches of {patch} pixels, Adam "
    "at {rate:g} ({schedule}), {precision}, seed {seed}{loss}. Took {minutes:.0f} minutes on "
    "{device}{threads}. Losses over the first steps and the last: {losses}.{held_out}"
)
COMMAND_TEMPLATE = (
    "**Made by** `{command}`{start}, which also draws the pictures of its looks again, into "
    "`looks/` of the folder that it trains in."
)
LICENSE = "**License** that of the project; no weights of others are in it."
MIN_PAPER_WIDTH = 32  # inner width of a recipe that is near the paper's
LINE_WIDTH = 98  # of the card, characters


def write_package(
    training: TrainingRun,
    found: Sequence[TrainingData],
    folders: Sequence[Path],
    to: Path,
    command: str,
) -> None:
    """Write ``to`` and a card beside it.

    Args:
        training: The last stage.
        found: The data of every stage that was trained for it, in order.
        folders: Their finished folders.
        to: Where the weights go, a ``.safetensors`` file.
        command: That makes them again.
    """
    tensors, facts = weights_file.read_weights(folders[-1] / weights_file.FILE_NAME)
    weights_file.write_weights(to, tensors, facts, half=True)
    chain = training_run.list_with_prerequisites(training)
    told = zip(chain, found, folders, strict=True)
    facts_told = [
        *_read_previous_stages(training),
        *(_describe_stage(link, seen, folder) for link, seen, folder in told),
        f"**Architecture** `{json.dumps(facts.architecture)}`",
        COMMAND_TEMPLATE.format(command=command, start=_describe_start_weights(training, to)),
        _describe_unstated_choices(training),
        LICENSE,
    ]
    text = CARD_TEMPLATE.format(
        title=to.stem,
        network=METHOD_TITLES[training.method],
        stage=training.stage,
        count=sum(t.numel() for t in tensors.values()),
        tensors=len(tensors),
        megabytes=to.stat().st_size / 1e6,
        sha256=hashing.compute_file_sha256(to),
        facts="\n".join(
            textwrap.fill(
                f"- {fact}",
                LINE_WIDTH,
                subsequent_indent="  ",
                break_on_hyphens=False,
                break_long_words=False,
            )
            for fact in facts_told
        ),
    )
    to.with_suffix(".md").write_text(text)


def _describe_stage(training: TrainingRun, found: TrainingData, folder: Path) -> str:
    told = training.stage_options
    effort = json.loads((folder / "time.json").read_text())
    on_gpu = "cores)" not in effort["device"]
    return STAGE_TEMPLATE.format(
        stage=training.stage,
        data="; ".join(found.descriptions) + _describe_held_out(told),
        steps=effort["steps"],
        batch=told.batch,
        patch=told.patch,
        rate=told.learning_rate,
        schedule=told.schedule,
        precision=told.precision,
        seed=training.seed,
        loss=_describe_loss_options(told),
        minutes=effort["seconds"] / 60,
        device=effort["device"],
        threads="" if on_gpu else f", {effort['threads']} thread(s)",
        losses=_describe_losses(folder / "losses.csv"),
        held_out=_describe_held_out_losses(folder / "held_out.csv"),
    )


def _read_previous_stages(training: TrainingRun) -> list[str]:
    """What the card beside the given start weights tells of the stages that made them."""
    beside = None if training.start_weights is None else training.start_weights.with_suffix(".md")
    if beside is None or not beside.is_file():
        return []
    facts = beside.read_text().split("\n- ")[1:]
    return [" ".join(fact.split()) for fact in facts if fact.startswith("**Stage ")]


def get_start_weights_alias(start: Path | None, to: Path) -> str | None:
    """What a card calls start weights that have the name of those that it is about; else None."""
    same = start is not None and start.name == to.name
    return f"{to.stem}-before{to.suffix}" if same else None


def _describe_start_weights(training: TrainingRun, to: Path) -> str:
    """Which weights it was given to start from, and where those of the same name are."""
    if training.start_weights is None:
        return ""
    words = f"start weights with sha256 `{hashing.compute_file_sha256(training.start_weights)}`"
    if get_start_weights_alias(training.start_weights, to) is not None:
        words += (
            f": an earlier version of {to.name}; the project's history has those of packaged "
            "weights, `git log -- fusion/weights`"
        )
    return f" ({words})"


def _describe_loss_options(told: StageOptions) -> str:
    """How the loss of a stage with a choice of it is set, e.g. ``, loss code, weights 1 4 20``."""
    own = told.model_dump(exclude=set(StageOptions.model_fields), exclude_none=True)
    words = {name: value if isinstance(value, tuple) else (value,) for name, value in own.items()}
    return "".join(
        f", {name.replace('_', ' ')} {' '.join(f'{one}' for one in value)}"
        for name, value in words.items()
    )


def _describe_held_out(told: StageOptions) -> str:
    return f", {told.held_out} of them held out to be looked at" if told.held_out else ""


def _describe_losses(path: Path) -> str:
    rows = _read_rows(path)
    names = [name for name in rows[0] if name not in ("step", "norm")]
    return ", ".join(f"{n} {float(rows[0][n]):.4f} and {float(rows[-1][n]):.4f}" for n in names)


def _describe_held_out_losses(path: Path) -> str:
    if not path.exists():
        return ""
    row: Mapping[str, Any] = _read_rows(path)[-1]
    words = ", ".join(f"{n} {float(v):.4f}" for n, v in row.items() if n != "step")
    return f" On what was held out, at the last step: {words}."


def _read_rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def _describe_unstated_choices(training: TrainingRun) -> str:
    """What the paper leaves open; of its recipe too, where this one is close to it."""
    recipe = training.recipe
    inner = (
        recipe.denoising.inner if isinstance(recipe, DMFuseRecipe) else recipe.architecture.inner
    )
    chosen: tuple[str, ...] = UNSTATED_CHOICES[training.method]
    if inner >= MIN_PAPER_WIDTH:
        chosen += UNSTATED_PAPER_PRESET_CHOICES[training.method]
    return f"**Chosen**, where the paper leaves it open: {'; '.join(chosen)}."
