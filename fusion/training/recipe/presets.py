"""Recipe presets: ``paper`` as the papers state it, ``small`` for a CPU.

The papers do not state everything. `UNSTATED_CHOICES` lists the choices of every recipe, and every
model card repeats them; `UNSTATED_PAPER_PRESET_CHOICES` lists those of the preset ``paper``, for
the cards of networks about as wide.
"""

from collections.abc import Sequence
from typing import Any

from fusebench.config import overrides
from fusebench.errors import UserError
from fusebench.option_values import validate_model
from fusion.training.recipe.schema import RECIPES, Recipe

MSRS: dict[str, Any] = {"dataset": "msrs"}
ROADSCENE: dict[str, Any] = {
    "dataset": "folder",
    "split": "all",
    "data": {"infrared": "roadscene/ir", "visible": "roadscene/vi"},
    "first": 48,
}
SIMULATED_SCENES: dict[str, Any] = {
    "dataset": "scenes",
    "data": {"train": 200, "test": 50, "seed": 1000},
}
TNO: dict[str, Any] = {
    "dataset": "folder",
    "split": "all",
    "data": {"infrared": "tno/ir", "visible": "tno/vi"},
}
SMALL_DATA = [MSRS, ROADSCENE, SIMULATED_SCENES]
FAST_OPTIONS: dict[str, Any] = {
    "flips": True,
    "scale": [1.0, 2.0],
    "schedule": "cosine",
    "warmup": 100,
    "clip": 1.0,
    "precision": "bfloat16",
}

PRESETS: dict[str, dict[str, dict[str, Any]]] = {
    "dmfuse": {
        "paper": {
            "denoising": {"inner": 32, "channels": 3},
            "diffusion": {
                "data": [{"images": "coco/train2014"}],
                "patch": 256,
                "batch": 4,
                "steps": 1_000_000,
                "learning_rate": 1e-5,
            },
            "fusion": {
                "data": [TNO],
                "held_out": 0,
                "patch": 256,
                "stride": 12,
                "flips": False,
                "batch": 4,
                "epochs": 16,
                "learning_rate": 1e-4,
            },
        },
        "small": {
            "denoising": {"inner": 8, "channels": 1, "dropout": 0.0, "levels": "between"},
            "head": {
                "scaled": True,  # gamma starts at 0: a short training begins without attention
                "features_at": [50],  # the paper's three differ little and take three times as long
            },
            "diffusion": {
                "data": SMALL_DATA,
                "patch": 96,
                "batch": 16,
                "steps": 4000,
                "learning_rate": 3e-4,
                "average": 0.999,
                **FAST_OPTIONS,
            },
            "fusion": {
                "data": SMALL_DATA,
                "patch": 64,
                "batch": 4,
                "steps": 10_000,
                "learning_rate": 2e-3,
                "average": 0.995,
                "loss": "code",  # target: the brighter source, not the mean; people stay bright
                "weights": [1, 4, 20],  # the paper's; those of the code give softer images
                **FAST_OPTIONS,
            },
            "finetuning": {
                "data": SMALL_DATA,
                "patch": 96,
                "batch": 2,
                "steps": 2500,
                "learning_rate": 6e-4,
                "average": 0.998,
                "structure": {},
                "noise": False,  # with it, noise remains in the fused images
                "denoising": "trained",  # frozen, its 8 channels do not carry the whole image
                **FAST_OPTIONS,
                "precision": "float32",
            },
        },
    },
    "dmnet": {
        "paper": {
            "stage1": {
                "data": [MSRS],
                "held_out": 0,
                "patch": 128,
                "batch": 8,
                "epochs": 15,
                "crops": 6,
                "learning_rate": 1e-4,
            },
            "stage2": {
                "data": [MSRS],
                "held_out": 0,
                "patch": 128,
                "batch": 8,
                "epochs": 30,
                "crops": 6,
                "learning_rate": 1e-4,
            },
        },
        "small": {
            "architecture": {
                "inner": 8,
                "features": 16,
                "heads": 4,
                "decoder_depth": 1,
                "dropout": 0.0,
                "time_steps": [5],  # nearly free of noise; three take three times as long
            },
            "stage1": {
                "data": SMALL_DATA,
                "patch": 96,
                "batch": 4,
                "steps": 900,
                "learning_rate": 1e-3,
                "average": 0.99,
                **FAST_OPTIONS,
                "precision": "float32",
            },
            "stage2": {
                "data": SMALL_DATA,
                "patch": 96,
                "batch": 4,
                "steps": 2400,
                "learning_rate": 1e-3,
                "average": 0.99,
                **FAST_OPTIONS,
                "precision": "float32",
            },
            "finetuning": {
                "data": SMALL_DATA,
                "patch": 96,
                "batch": 2,
                "steps": 1500,
                "learning_rate": 6e-4,
                "average": 0.995,
                "structure": {},
                **FAST_OPTIONS,
                "precision": "float32",
            },
        },
    },
    "student": {
        "small": {
            "network": {"width": 16},
            "distillation": {
                "data": SMALL_DATA,
                "patch": 96,
                "batch": 8,
                "steps": 6000,
                "learning_rate": 2e-3,
                "average": 0.998,
                "structure": {},
                **FAST_OPTIONS,
                "precision": "float32",
            },
        },
    },
}

UNSTATED_CHOICES = {
    "dmfuse": (
        "the denoising network is conditioned on sqrt(abar_t), as in the released code; the paper "
        "says t. The code samples it between the values of steps t - 1 and t, as the preset small "
        "does",
        "gradients: eq. 12 compares the signed gradients of the fused image with the gradient "
        "magnitudes of the sources; unless `signed` is set, magnitudes are compared, as in the "
        "released code",
        "heads with channel and spatial excitation, one for the two deepest levels; CAIM and the "
        "decoder's convolutions are the same at every level: as released, not stated",
    ),
    "dmnet": (
        "L_dm: on the two sources as one two-channel image, at noise levels sampled between those "
        "of steps t - 1 and t as in SR3; neither is stated",
        "CSAB: one for the details of both modalities, another for the latent features; not stated "
        "which of them share weights",
        "a linear noise schedule from 1e-6 to 1e-2 after Dif-Fusion; not stated",
    ),
}
UNSTATED_PAPER_PRESET_CHOICES = {
    "dmfuse": (
        "diffusion: Adam at 1e-5, the cosine schedule of 2000 steps and dropout 0.2 are those of "
        "the released configuration; DDPM, which the paper cites, has 2e-4 and a linear schedule "
        "of 1000",
        "diffusion: batch 4 is that of the fusion stage, and 1,000,000 steps are the upper limit "
        "of the released configuration; neither is stated",
        "fusion: Adam at 1e-4; the paper states none, the released code has 1e-5",
        "fusion: every pair of the folder tno/ is trained on; the paper's list is not published",
        "no learning rate decay, no gradient clipping, no moving average of weights",
    ),
    "dmnet": (
        "gamma_1 = 1, lambda = 5, gamma_2 = 10 after CDDFuse; the paper states none of them",
        "batch 8 after CDDFuse; not stated",
        "6 random crops of 128 pixels per pair and epoch, as many as CDDFuse cuts; not stated",
        "Adam stays at its initial 1e-4: no decay is stated",
        "decoder: 3 transformer blocks, and no residual of the visible image before the sigmoid; "
        "the paper states no number of blocks",
        "diffusion module: a 1x1 convolution over each stage's features; its kernel is not stated",
        "2000 steps of the noise schedule, after Dif-Fusion; not stated",
    ),
}


def get_data_part(name: str) -> dict[str, Any]:
    """Return the entry of a data set in the small preset, or else its whole training split."""
    for part in SMALL_DATA:
        if part["dataset"] == name:
            return part
    return {"dataset": name, "split": "train"}


def build_recipe(
    method: str, preset: str, options: dict[str, Any], changes: Sequence[str]
) -> Recipe:
    """Build a recipe from a preset, options and command-line changes, and validate it.

    Args:
        method: ``dmfuse``, ``dmnet`` or ``student``.
        preset: ``paper`` or ``small``; the student has no paper.
        options: Override the preset: mappings are merged, everything else is replaced.
        changes: Override both: ``section.option=value``, values in YAML.

    Raises:
        UserError: If there is no such preset, or with one line per invalid option.
    """
    if preset not in PRESETS[method]:
        names = ", ".join(PRESETS[method])
        raise UserError(f"no preset of {method} is called {preset!r}; known: {names}")
    recipe_options = overrides.merge_settings(PRESETS[method][preset], options)
    for change in changes:
        overrides.apply_override(recipe_options, change)
    return validate_model(RECIPES[method], recipe_options, f"{method}, preset {preset}")
