"""Packaged weights: half precision, with a model card built from the files of the training."""

import csv
import json
import textwrap
from collections.abc import Sequence
from pathlib import Path

from fusebench.runtime import atomic_write
from fusebench.runtime.file_names import SPEC_FILE
from fusebench.storage import hashing
from fusion.checkpoints import weights_file
from fusion.training import start_weights, training_run
from fusion.training.data.dataset import TrainingData
from fusion.training.monitoring.logger import SAMPLES_FOLDER
from fusion.training.recipe.presets import UNSTATED_CHOICES, UNSTATED_PAPER_PRESET_CHOICES
from fusion.training.recipe.schema import DMFuseRecipe, StudentRecipe, TeacherOptions
from fusion.training.recipe.stage_options import StageOptions
from fusion.training.stages.contract import GRADIENT_NORM
from fusion.training.training_run import TrainingRun

METHOD_TITLES = {"dmfuse": "DMFuse", "dmnet": "DMNet", "student": "the student"}
PAPER_LOSS_OPTIONS = (
    *("loss", "weights", "signed"),  # of DMFuse
    *("gradient_weight", "operator", "ssim_weight"),  # of DMNet
)
CARD_TEMPLATE = """# {title}

Weights of {network}, stage {stage}: {count:,} values in {tensors} tensors, 16-bit floats,
{megabytes} MB, sha256 `{sha256}`.

{items}
"""
STAGE_TEMPLATE = (
    "**Stage {stage}** on {data}. {steps} steps of batch {batch}, patches of {patch} pixels, Adam "
    "at {rate:g} ({schedule}), {precision}, seed {seed}{loss}{start}. Took {minutes:.0f} minutes "
    "on {device}{threads}. Mean losses over the first and the last steps: {losses}.{held_out}"
)
COMMAND_TEMPLATE = (
    "**Command** `{command}`{start}. It also writes sample images, into `"
    + SAMPLES_FOLDER
    + "/` of the training's folder."
)
LICENSE = "**License** that of the project; the file contains no third-party weights."
MIN_PAPER_WIDTH = 32  # inner width from which a recipe is close to the paper's
LINE_WIDTH = 98  # characters


def write_package(
    training: TrainingRun,
    data: Sequence[TrainingData],
    folders: Sequence[Path],
    path: Path,
    command: str,
) -> None:
    """Write the weights file ``path`` and a model card beside it.

    Args:
        training: The last stage.
        data: The data of every stage that was trained for it, in order.
        folders: The finished folders of these stages.
        path: The ``.safetensors`` file to write.
        command: The command that reproduces it.
    """
    tensors, metadata = weights_file.read_weights(folders[-1] / weights_file.FILE_NAME)
    weights_file.write_weights(path, tensors, metadata, half=True)
    trainings = training_run.list_with_prerequisites(training)
    items = [
        *_read_previous_stages(training),
        *(_describe_stage(*stage) for stage in zip(trainings, data, folders, strict=True)),
        f"**Architecture** `{json.dumps(metadata.architecture)}`",
        COMMAND_TEMPLATE.format(command=command, start=_describe_start_weights(training, path)),
        _describe_origin(training, folders[-1]),
        LICENSE,
    ]
    text = CARD_TEMPLATE.format(
        title=path.stem,
        network=METHOD_TITLES[training.method],
        stage=training.stage,
        count=sum(t.numel() for t in tensors.values()),
        tensors=len(tensors),
        megabytes=_format_megabytes(path.stat().st_size),
        sha256=hashing.compute_file_sha256(path),
        items="\n".join(map(_format_item, items)),
    )
    atomic_write.write_text_atomically(path.with_suffix(".md"), text)


def _format_megabytes(size: int) -> str:
    """Format a number of bytes in megabytes, with two decimals below 1 MB."""
    megabytes = size / 1e6
    return f"{megabytes:.1f}" if megabytes >= 1 else f"{megabytes:.2f}"


def _format_item(item: str) -> str:
    """Wrap one item of the Markdown list; paths and commands are never broken."""
    return textwrap.fill(
        f"- {item}",
        LINE_WIDTH,
        subsequent_indent="  ",
        break_on_hyphens=False,
        break_long_words=False,
    )


def _describe_stage(training: TrainingRun, data: TrainingData, folder: Path) -> str:
    """Describe data, options, time and losses of one stage."""
    options = training.stage_options
    time = json.loads((folder / "time.json").read_text())
    on_gpu = "cores)" not in time["device"]
    return STAGE_TEMPLATE.format(
        stage=training.stage,
        data="; ".join(data.descriptions) + _describe_held_out(options),
        steps=time["steps"],
        batch=options.batch,
        patch=options.patch,
        rate=options.learning_rate,
        schedule=options.schedule,
        precision=options.precision,
        seed=training.seed,
        loss=_describe_loss_options(options),
        start=_describe_start_steps(training),
        minutes=time["seconds"] / 60,
        device=time["device"],
        threads="" if on_gpu else f", {time['threads']} thread(s)",
        losses=_describe_losses(folder / "losses.csv"),
        held_out=_describe_held_out_losses(folder / "held_out.csv"),
    )


def _read_previous_stages(training: TrainingRun) -> list[str]:
    """Read the stages from the card beside the start weights; empty without such a card."""
    if training.start_weights is None:
        return []
    card = training.start_weights.with_suffix(".md")
    if not card.is_file():
        return []
    items = card.read_text().split("\n- ")[1:]
    return [" ".join(item.split()) for item in items if item.startswith("**Stage ")]


def get_start_weights_alias(start: Path | None, path: Path) -> str | None:
    """Return another name for start weights whose name is that of the output file, else None."""
    has_same_name = start is not None and start.name == path.name
    return f"{path.stem}-before{path.suffix}" if has_same_name else None


def _describe_start_weights(training: TrainingRun, path: Path) -> str:
    """Name the start weights by their hash; say where to find them if ``path`` replaces them."""
    if training.start_weights is None:
        return ""
    sha256 = hashing.compute_file_sha256(training.start_weights)
    description = f"start weights with sha256 `{sha256}`"
    if get_start_weights_alias(training.start_weights, path) is not None:
        description += (
            f": an earlier version of {path.name}; the project's history has those of packaged "
            "weights, `git log -- fusion/weights`"
        )
    return f" ({description})"


def _describe_start_steps(training: TrainingRun) -> str:
    """Describe a change of the features' time steps since the start weights; empty without one."""
    path = training.start_weights
    if path is None or training.stage != "finetuning":
        return ""
    architecture = weights_file.read_weights(path)[1].architecture
    steps = start_weights.get_start_steps(training, architecture, path)
    description = start_weights.describe_start_steps(training, steps)
    return f", {description}" if description else ""


def _describe_loss_options(options: StageOptions) -> str:
    """Describe the options that only this stage has, e.g. ``, loss code, weights 1 4 20``."""
    stage_specific = options.model_dump(exclude=set(StageOptions.model_fields), exclude_none=True)
    structure = stage_specific.pop("structure", {})
    if structure:  # these losses replace the papers'
        stage_specific = {n: v for n, v in stage_specific.items() if n not in PAPER_LOSS_OPTIONS}
    parts = []
    for name, value in {**stage_specific, **structure}.items():
        values = value if isinstance(value, tuple) else (value,)
        parts.append(f", {name.replace('_', ' ')} {' '.join(map(str, values))}")
    return "".join(parts)


def _describe_held_out(options: StageOptions) -> str:
    """Describe how many images are held out."""
    return f", {options.held_out} of them held out for validation" if options.held_out else ""


def _describe_losses(path: Path) -> str:
    """Describe first and last value of every loss in losses.csv."""
    rows = _read_rows(path)
    names = [name for name in rows[0] if name not in ("step", GRADIENT_NORM)]
    return ", ".join(f"{n} {float(rows[0][n]):.4f} and {float(rows[-1][n]):.4f}" for n in names)


def _describe_held_out_losses(path: Path) -> str:
    """Describe the last losses in held_out.csv; empty without such a file."""
    if not path.exists():
        return ""
    row = _read_rows(path)[-1]
    losses = ", ".join(f"{n} {float(v):.4f}" for n, v in row.items() if n != "step")
    return f" Losses on the held-out images after the last step: {losses}."


def _read_rows(path: Path) -> list[dict[str, str]]:
    """Read a CSV file."""
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def _describe_origin(training: TrainingRun, folder: Path) -> str:
    """Describe the student's teacher, or the choices that a method's paper does not state."""
    if isinstance(training.recipe, StudentRecipe):
        return _describe_teacher(training.recipe.teacher, folder)
    return _describe_unstated_choices(training)


def _describe_teacher(options: TeacherOptions, folder: Path) -> str:
    """Describe the teacher, with the hashes of its files."""
    if options.folder is not None:
        name = "/".join(Path(options.folder).parts[-2:])
        return f"**Teacher** the fused images in the folder {name}."
    spec = json.loads((folder / SPEC_FILE).read_text(encoding="utf-8"))["teacher"][0]
    chosen = "".join(f", {name} {value}" for name, value in options.options.items())
    files = "".join(
        f", {name} with sha256 `{value}`" for name, value in spec["dependencies"].items()
    )
    return (
        f"**Teacher** the fusion method {options.method}, version {spec['version']}{chosen}{files}."
    )


def _describe_unstated_choices(training: TrainingRun) -> str:
    """List choices that the paper does not state; for wide networks also those of its preset."""
    recipe = training.recipe
    assert not isinstance(recipe, StudentRecipe)
    inner = (
        recipe.denoising.inner if isinstance(recipe, DMFuseRecipe) else recipe.architecture.inner
    )
    choices: tuple[str, ...] = UNSTATED_CHOICES[training.method]
    if inner >= MIN_PAPER_WIDTH:
        choices += UNSTATED_PAPER_PRESET_CHOICES[training.method]
    return f"**Choices** that the paper does not state: {'; '.join(choices)}."
