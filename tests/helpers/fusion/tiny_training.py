"""Tiny pairs on disk, tiny recipes and trainings for the tests of training."""

import csv

import numpy as np
from PIL import Image

from fusebench.storage.store import Store
from fusebench.storage.weights import checkpoint_times
from fusion.checkpoints import weights_file
from fusion.train import main
from fusion.training import loop, train_stage, training_run
from fusion.training.data import teacher
from fusion.training.job import RuntimeSettings
from fusion.training.recipe.schema import RECIPES, STAGE_SECTIONS, StudentRecipe
from fusion.training.training_run import TrainingRun

SIZE = (48, 40)
LAST_SAMPLE_ONLY = RuntimeSettings(sample_interval=1000)


def write_pairs(root, keys=("a", "b", "c"), size=SIZE):
    """Write smooth, different pairs: a bright spot in infrared, stripes in visible."""
    rng = np.random.default_rng(5)
    for name in ("ir", "vi"):
        (root / "folder" / name).mkdir(parents=True, exist_ok=True)
    x, y = np.meshgrid(np.arange(size[0]), np.arange(size[1]))
    for key in keys:
        center = rng.uniform(10, 30, 2)
        spot = 220 * np.exp(-((x - center[0]) ** 2 + (y - center[1]) ** 2) / 60) + 20
        stripes = 120 + 90 * np.sin(x / rng.uniform(2, 5) + y / 9)
        infrared, visible = spot.astype(np.uint8), stripes.astype(np.uint8)
        Image.fromarray(infrared).save(root / "folder/ir" / f"{key}.png")
        Image.fromarray(np.dstack([visible] * 3)).save(root / "folder/vi" / f"{key}.png")
    return root


FOLDER_DATA = {"dataset": "folder", "split": "all"}
STAGE_OPTIONS = {
    "data": [FOLDER_DATA],
    "held_out": 1,
    "patch": 32,
    "batch": 2,
    "steps": 6,
    "learning_rate": 1e-3,
    "warmup": 1,
}
RECIPE_OPTIONS = {
    "dmfuse": {
        "denoising": {"inner": 8, "channels": 1, "timesteps": 200},
        "diffusion": STAGE_OPTIONS,
        "fusion": STAGE_OPTIONS,
        "finetuning": STAGE_OPTIONS,
    },
    "dmnet": {
        "architecture": {"inner": 8, "features": 8, "heads": 2, "image_size": 64},
        "timesteps": 200,
        "stage1": STAGE_OPTIONS,
        "stage2": STAGE_OPTIONS,
        "finetuning": STAGE_OPTIONS,
    },
    "student": {
        "network": {"width": 8},
        "teacher": {"method": "average"},
        "distillation": STAGE_OPTIONS,
    },
}


def build_recipe(method, **changes):
    """Build the tiny recipe of a method; ``fusion={"steps": 3}`` changes a section."""
    options = dict(RECIPE_OPTIONS[method])
    for name, value in changes.items():
        options[name] = {**options.get(name, {}), **value} if isinstance(value, dict) else value
    return RECIPES[method].model_validate(options)


def build_training(method, stage, **changes):
    """Build a training whose stages all have the changes."""
    sections = dict.fromkeys(STAGE_SECTIONS[method].values(), changes)
    return TrainingRun(method, stage, build_recipe(method, **sections), seed=3)


def train(training, root, folder, start_path=None, settings=LAST_SAMPLE_ONLY):
    """Train in a folder; return the weights."""
    folder.mkdir(parents=True, exist_ok=True)
    data = training_run.find_data(training, root)
    if isinstance(training.recipe, StudentRecipe):
        selected = teacher.select_teacher_images(training.recipe.teacher, data)
        files = teacher.make_teacher_images(selected, Store(root.parent / "runs"), "cpu")
        data = teacher.attach_teacher_images(data, files)
    train_stage.run_training(training, data, start_path, folder, settings)
    return weights_file.read_weights(folder / weights_file.FILE_NAME)[0]


def write_start_weights(training, folder):
    """Write the initial weights of the previous stage, if any; return the file or None."""
    previous = training.previous
    if previous is None:
        return None
    stage = train_stage.build_stage(previous, None)
    tensors = {name.removeprefix("network."): t for name, t in stage.state_dict().items()}
    metadata = weights_file.WeightsMetadata(
        previous.method, previous.weights_stage, training_run.build_architecture(previous)
    )
    path = folder / "start.safetensors"
    weights_file.write_weights(path, tensors, metadata)
    return path


def read_curve(folder, name="total"):
    """Read a column of losses.csv."""
    with (folder / "losses.csv").open(newline="") as file:
        return [float(row[name]) for row in csv.DictReader(file)]


class StoppedError(Exception):
    """Raised by a training that `stop_after` stops."""


def stop_after(steps, monkeypatch):
    """Make the training raise StoppedError after some steps, each of which has a checkpoint."""
    run_step, finished = loop._run_step, []

    def run_step_or_stop(*args):
        if len(finished) == steps:
            raise StoppedError
        finished.append(1)
        return run_step(*args)

    monkeypatch.setattr(loop, "_run_step", run_step_or_stop)
    checkpoint_every_step(monkeypatch)


def checkpoint_every_step(monkeypatch):
    """Make the training write a checkpoint after every step."""
    monkeypatch.setattr(checkpoint_times, "MIN_SECONDS", 0.0)
    monkeypatch.setattr(checkpoint_times, "WRITE_FACTOR", 0.0)


def format_set_flags(*changes):
    """Return ``--set`` flags for changes of the recipe."""
    return [argument for change in changes for argument in ("--set", change)]


DMFUSE_SECTIONS = ("diffusion", "fusion", "finetuning")
TINY_STAGES = format_set_flags(
    *(
        f"{section}.{change}"
        for section in DMFUSE_SECTIONS
        for change in ("patch=32", "batch=2", "steps=2", "held_out=1", "precision=float32")
    )
)
FOLDER_STAGES = format_set_flags(
    *(f'{section}.data=[{{"dataset": "folder", "split": "all"}}]' for section in DMFUSE_SECTIONS)
)


def run_program(root, *arguments):
    """Run fusion.train with the tiny pairs; return its exit status."""
    paths = ["--data", str(root / "data"), "--out", str(root / "runs"), "--device", "cpu"]
    return main([*paths, *arguments])


def run_dmfuse(root, stage, *arguments):
    """Train a tiny DMFuse with fusion.train; return its exit status."""
    method = ["--method", "dmfuse", "--stage", stage, *format_set_flags("denoising.inner=8")]
    return run_program(root, *method, *FOLDER_STAGES, *TINY_STAGES, *arguments)


def list_labels(root):
    """List the labels of the result folders of `run_program`."""
    return sorted(path.name.rpartition("-")[0] for path in (root / "runs/trained").iterdir())
