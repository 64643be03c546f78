"""Learning rate schedules: constant, step decay and cosine, each with linear warmup."""

import math

from fusion.training.recipe.stage_options import StageOptions

FINAL_RATE_SHARE = 0.01  # final rate of the cosine schedule, as a share of the highest rate


def compute_learning_rate(
    step: int, options: StageOptions, total_steps: int, patches_per_epoch: int
) -> float:
    """Compute the learning rate of one step.

        rate = learning_rate * min(1, (step + 1) / (warmup + 1)) * shape
        cosine:  shape = f + (1 - f) (1 + cos(pi step / (total_steps - 1))) / 2,   f = 0.01
        step:    shape = factor ^ floor(epoch / every)

    Args:
        step: Counted from 0.
        options: Schedule, warmup and highest rate.
        total_steps: Steps of the whole training.
        patches_per_epoch: Patches in one epoch.
    """
    warmup_share = min(1.0, (step + 1) / (options.warmup + 1))
    if options.schedule == "cosine":
        progress = step / max(total_steps - 1, 1)
        shape = FINAL_RATE_SHARE + (1 - FINAL_RATE_SHARE) * (1 + math.cos(math.pi * progress)) / 2
    elif options.schedule == "step":
        shape = options.factor ** (step * options.batch // patches_per_epoch // options.every)
    else:
        shape = 1.0
    return options.learning_rate * warmup_share * shape
