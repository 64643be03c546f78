"""The packaged form of a training: half-precision weights, and a model card that its files tell."""

import csv
import json
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench import digest
from fusion import checkpoints
from fusion.training import trainings
from fusion.training.data import Found
from fusion.training.presets import CHOSEN, CHOSEN_OF_PAPER
from fusion.training.recipes import DMFuse, Stage
from fusion.training.trainings import Training

TITLES = {"dmfuse": "DMFuse", "dmnet": "DMNet"}
CARD = """# {title}

Weights of {network}, stage {stage}: {count:,} values in {tensors} tensors, 16-bit floats,
{megabytes:.1f} MB, sha256 `{sha256}`.

{facts}
"""
STAGE = (
    "**Stage {stage}** on {data}. {steps} steps of batch {batch}, patches of {patch} pixels, Adam "
    "at {rate:g} ({schedule}), {precision}, seed {seed}{loss}. Took {minutes:.0f} minutes on "
    "{device}{threads}. Losses over the first steps and the last: {losses}.{held_out}"
)
MADE = (
    "**Made by** `{command}`{start}, which also draws the pictures of its looks again, into "
    "`looks/` of the folder that it trains in."
)
LICENCE = "**Licence** that of the project; no weights of others are in it."
WIDE = 32  # inner width of a recipe that is near the paper's
WIDTH = 98  # of the card, characters


def package(
    training: Training, found: Sequence[Found], folders: Sequence[Path], to: Path, command: str
) -> None:
    """Write ``to`` and a card beside it.

    Args:
        training: The last stage.
        found: The data of every stage that was trained for it, in order.
        folders: Their finished folders.
        to: Where the weights go, a ``.safetensors`` file.
        command: That makes them again.
    """
    tensors, facts = checkpoints.read(folders[-1] / checkpoints.NAME)
    checkpoints.write(to, tensors, facts, half=True)
    chain = trainings.chain(training)
    told = zip(chain, found, folders, strict=True)
    facts_told = [
        *_before(training),
        *(_stage(link, seen, folder) for link, seen, folder in told),
        f"**Architecture** `{json.dumps(facts.architecture)}`",
        MADE.format(command=command, start=_start(training, to)),
        _chosen(training),
        LICENCE,
    ]
    text = CARD.format(
        title=to.stem,
        network=TITLES[training.method],
        stage=training.stage,
        count=sum(t.numel() for t in tensors.values()),
        tensors=len(tensors),
        megabytes=to.stat().st_size / 1e6,
        sha256=digest.sha256(to),
        facts="\n".join(
            textwrap.fill(
                f"- {fact}",
                WIDTH,
                subsequent_indent="  ",
                break_on_hyphens=False,
                break_long_words=False,
            )
            for fact in facts_told
        ),
    )
    to.with_suffix(".md").write_text(text)


def _stage(training: Training, found: Found, folder: Path) -> str:
    told = training.settings
    effort = json.loads((folder / "time.json").read_text())
    on_gpu = "cores)" not in effort["device"]
    return STAGE.format(
        stage=training.stage,
        data="; ".join(found.words) + _held_out(told),
        steps=effort["steps"],
        batch=told.batch,
        patch=told.patch,
        rate=told.learning_rate,
        schedule=told.schedule,
        precision=told.precision,
        seed=training.seed,
        loss=_loss(told),
        minutes=effort["seconds"] / 60,
        device=effort["device"],
        threads="" if on_gpu else f", {effort['threads']} thread(s)",
        losses=_losses(folder / "losses.csv"),
        held_out=_last(folder / "held_out.csv"),
    )


def _before(training: Training) -> list[str]:
    """What the card beside the given start weights tells of the stages that made them."""
    beside = None if training.start is None else training.start.with_suffix(".md")
    if beside is None or not beside.is_file():
        return []
    facts = beside.read_text().split("\n- ")[1:]
    return [" ".join(fact.split()) for fact in facts if fact.startswith("**Stage ")]


def earlier(start: Path | None, to: Path) -> str | None:
    """What a card calls start weights that have the name of those that it is about; else None."""
    same = start is not None and start.name == to.name
    return f"{to.stem}-before{to.suffix}" if same else None


def _start(training: Training, to: Path) -> str:
    """Which weights it was given to start from, and where those of the same name are."""
    if training.start is None:
        return ""
    words = f"start weights with sha256 `{digest.sha256(training.start)}`"
    if earlier(training.start, to) is not None:
        words += (
            f": an earlier version of {to.name}; the project's history has those of packaged "
            "weights, `git log -- fusion/weights`"
        )
    return f" ({words})"


def _loss(told: Stage) -> str:
    """How the loss of a stage with a choice of it is set, e.g. ``, loss code, weights 1 4 20``."""
    own = told.model_dump(exclude=set(Stage.model_fields), exclude_none=True)
    words = {name: value if isinstance(value, tuple) else (value,) for name, value in own.items()}
    return "".join(
        f", {name.replace('_', ' ')} {' '.join(f'{one}' for one in value)}"
        for name, value in words.items()
    )


def _held_out(told: Stage) -> str:
    return f", {told.held_out} of them held out to be looked at" if told.held_out else ""


def _losses(path: Path) -> str:
    rows = _rows(path)
    names = [name for name in rows[0] if name not in ("step", "norm")]
    return ", ".join(f"{n} {float(rows[0][n]):.4f} and {float(rows[-1][n]):.4f}" for n in names)


def _last(path: Path) -> str:
    if not path.exists():
        return ""
    row: Mapping[str, Any] = _rows(path)[-1]
    words = ", ".join(f"{n} {float(v):.4f}" for n, v in row.items() if n != "step")
    return f" On what was held out, at the last step: {words}."


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def _chosen(training: Training) -> str:
    """What the paper leaves open; of its recipe too, where this one is close to it."""
    recipe = training.recipe
    inner = recipe.denoising.inner if isinstance(recipe, DMFuse) else recipe.architecture.inner
    chosen: tuple[str, ...] = CHOSEN[training.method]
    if inner >= WIDE:
        chosen += CHOSEN_OF_PAPER[training.method]
    return f"**Chosen**, where the paper leaves it open: {'; '.join(chosen)}."
