"""The learning rate as a function of the step, so that a resumed run needs no memory of it."""

from segmentation.models.segformer import Options


def compute_learning_rate_factor(step: int, options: Options) -> float:
    """The share of the top learning rate at a step, 0 or more; SegMiF's ``PolyWarmupAdamW``.

        step < warm_up:   1 - (1 - step / warm_up) (1 - ratio)
        else:             (1 - step / schedule) ** power

    The fall counts from step 0, so the rate never quite reaches its top after a warm-up.
    """
    if step < options.warm_up:
        return 1 - (1 - step / options.warm_up) * (1 - options.warm_up_ratio)
    length = options.schedule or options.iterations
    return float((1 - step / length) ** options.power)
