"""How fast a network learns at every batch: rates, momentum, steps, and the optimizer.

The recipe of ultralytics' trainer: a warm-up, then a linear decay; gradients of several batches are
added up towards a nominal batch.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from detection.models.yolov5.options import Options


@dataclass(frozen=True)
class ScheduleValues:
    """What the schedule says for one batch."""

    learning_rate: float
    bias_learning_rate: float
    momentum: float
    accumulation_steps: int


def compute_schedule(options: Options, batch: int, batches: int) -> ScheduleValues:
    """The schedule at one batch.

        rate(epoch) = learning_rate * (1 - (1 - final) * epoch / epochs)

    and over the warm-up, linear in the batch: weights from 0, biases from their own rate, to
    rate(epoch); momentum and accumulated batches to their targets.

    Args:
        options: See `Options`.
        batch: Counted over all epochs.
        batches: Per epoch.
    """
    epoch = batch // batches
    share = 1 - epoch / options.epochs
    final = options.final_learning_rate
    rate = options.learning_rate * (share * (1 - final) + final)
    accumulate = min(_compute_accumulation_steps(options), batches * options.epochs)
    warm = round(min(options.warmup_epochs, options.epochs - 1) * batches)
    if batch > warm or not warm:
        return ScheduleValues(rate, rate, options.momentum, accumulate)

    def rise(first: float, last: float) -> float:
        return float(np.interp(batch, [0, warm], [first, last]))

    return ScheduleValues(
        rise(0.0, rate),
        rise(options.warmup_bias_learning_rate, rate),
        rise(options.warmup_momentum, options.momentum),
        max(1, round(rise(1, accumulate))),
    )


def build_optimizer(network: Any, options: Options) -> Any:
    """Weights decay; biases and the scales of normalizations do not."""
    import torch

    weights: list[Any] = []
    scales: list[Any] = []
    biases: list[Any] = []
    for module in network.modules():
        norm = isinstance(module, torch.nn.BatchNorm2d)
        for name, parameter in module.named_parameters(recurse=False):
            group = biases if name == "bias" else scales if norm else weights
            group.append(parameter)
    decay = (
        options.weight_decay
        * options.batch
        * _compute_accumulation_steps(options)
        / options.nominal_batch
    )
    groups = [
        {"params": weights, "weight_decay": decay, "name": "weights"},
        {"params": scales, "weight_decay": 0.0, "name": "scales"},
        {"params": biases, "weight_decay": 0.0, "name": "biases"},
    ]
    rate = options.learning_rate
    if options.optimizer == "SGD":
        return torch.optim.SGD(groups, lr=rate, momentum=options.momentum, nesterov=True)
    kind = torch.optim.Adam if options.optimizer == "Adam" else torch.optim.AdamW
    return kind(groups, lr=rate, betas=(options.momentum, 0.999))


def _compute_accumulation_steps(options: Options) -> int:
    return max(1, round(options.nominal_batch / options.batch))
