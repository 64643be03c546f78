"""The learning rate over a training."""

import math

from fusion.training.recipe.schema import StageOptions

FINAL_RATE_SHARE = 0.01  # what the cosine falls to, of the highest rate


def compute_learning_rate(step: int, stage: StageOptions, steps: int, epoch: int) -> float:
    """The learning rate of one step.

    Args:
        step: Counted from 0.
        stage: What the recipe says.
        steps: Steps of the whole training.
        epoch: Patches in an epoch.
    """
    warm = min(1.0, (step + 1) / (stage.warmup + 1))
    if stage.schedule == "cosine":
        share = step / max(steps - 1, 1)
        shape = FINAL_RATE_SHARE + (1 - FINAL_RATE_SHARE) * (1 + math.cos(math.pi * share)) / 2
    elif stage.schedule == "step":
        shape = stage.factor ** (step * stage.batch // epoch // stage.every)
    else:
        shape = 1.0
    return stage.learning_rate * warm * shape
