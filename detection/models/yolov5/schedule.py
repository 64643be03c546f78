"""Learning-rate schedule and optimizer of YOLOv5, as in ultralytics' trainer.

A warm-up is followed by a linear decay; gradients of several batches are accumulated towards a
nominal batch size.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from detection.models.yolov5.options import Options


@dataclass(frozen=True)
class ScheduleValues:
    """Values of the schedule at one batch.

    Attributes:
        learning_rate: Of weights and normalization scales.
        bias_learning_rate: Of biases.
        momentum: Of SGD, or the first beta of Adam and AdamW.
        accumulation_steps: Batches per optimizer step.
    """

    learning_rate: float
    bias_learning_rate: float
    momentum: float
    accumulation_steps: int


def compute_schedule(options: Options, batch: int, batches: int) -> ScheduleValues:
    """Compute the schedule at one batch.

        rate(epoch) = learning_rate * (1 - (1 - final) * epoch / epochs)

    During the warm-up all values are interpolated linearly: the learning rate of the weights from
    0, and that of the biases from ``warmup_bias_learning_rate``, to rate(epoch); the momentum from
    ``warmup_momentum``; the number of accumulated batches from 1.

    Args:
        options: See `Options`.
        batch: Number of the batch, counted over all epochs.
        batches: Batches per epoch.
    """
    epoch = batch // batches
    remaining = 1 - epoch / options.epochs
    final = options.final_learning_rate
    rate = options.learning_rate * (remaining * (1 - final) + final)
    accumulation = min(_compute_accumulation_steps(options), batches * options.epochs)
    warmup_batches = round(min(options.warmup_epochs, options.epochs - 1) * batches)
    if batch > warmup_batches or not warmup_batches:
        return ScheduleValues(rate, rate, options.momentum, accumulation)

    def interpolate(start: float, end: float) -> float:
        return float(np.interp(batch, [0, warmup_batches], [start, end]))

    return ScheduleValues(
        interpolate(0.0, rate),
        interpolate(options.warmup_bias_learning_rate, rate),
        interpolate(options.warmup_momentum, options.momentum),
        max(1, round(interpolate(1, accumulation))),
    )


def build_optimizer(network: Any, options: Options) -> Any:
    """Build the optimizer; weights decay, biases and normalization scales do not."""
    import torch

    weights: list[Any] = []
    scales: list[Any] = []
    biases: list[Any] = []
    for module in network.modules():
        is_norm = isinstance(module, torch.nn.BatchNorm2d)
        for name, parameter in module.named_parameters(recurse=False):
            group = biases if name == "bias" else scales if is_norm else weights
            group.append(parameter)
    # the decay is meant for the nominal batch; scale it to the accumulated one
    accumulation = _compute_accumulation_steps(options)
    decay = options.weight_decay * options.batch * accumulation / options.nominal_batch
    groups = [
        {"params": weights, "weight_decay": decay, "name": "weights"},
        {"params": scales, "weight_decay": 0.0, "name": "scales"},
        {"params": biases, "weight_decay": 0.0, "name": "biases"},
    ]
    # One kernel for all parameters, which itself skips a step whose scaled gradients overflow:
    # without it the gradient scaler waits for the GPU.
    fused = weights[0].is_cuda or None
    rate, momentum = options.learning_rate, options.momentum
    if options.optimizer == "SGD":
        return torch.optim.SGD(groups, lr=rate, momentum=momentum, nesterov=True, fused=fused)
    optimizer = torch.optim.Adam if options.optimizer == "Adam" else torch.optim.AdamW
    return optimizer(groups, lr=rate, betas=(momentum, 0.999), fused=fused)


def _compute_accumulation_steps(options: Options) -> int:
    return max(1, round(options.nominal_batch / options.batch))
