"""Mean of the class probabilities of several segmenters.

    label = argmax over classes c of   sum over members m of  w_m p_m(c)

Source: Lakshminarayanan, Pritzel, Blundell, "Simple and scalable predictive uncertainty estimation
using deep ensembles", NeurIPS 2017 (the predictions of an ensemble are averaged).
"""

from collections.abc import Sequence
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from fusebench.data.images import LabelMap

VERSION = 1
TITLE = "mean of the class probabilities"

Weight = Annotated[float, Field(gt=0, le=1000)]


class Options(BaseModel):
    """Options of the mean.

    Attributes:
        weights: Weight of each member, in the order of ``of``. None: equal weights.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    weights: tuple[Weight, ...] | None = None


def combine(predictions: Sequence[NDArray[np.float32]], options: Options) -> LabelMap:
    """Return the class of the largest mean probability at every pixel; of equals, the first.

    Args:
        predictions: Per member, float32 (classes, H, W).
        options: See `Options`.

    Returns:
        Class ids, uint8 (H, W).
    """
    weights = options.weights or (1.0,) * len(predictions)
    total = np.zeros(predictions[0].shape, np.float64)
    for weight, probabilities in zip(weights, predictions, strict=True):
        total += weight * probabilities
    labels: LabelMap = total.argmax(axis=0).astype(np.uint8)
    return labels


def describe(options: Options) -> str:
    """Describe the options for the protocol."""
    if options.weights is None:
        return ""
    return f"weights {', '.join(f'{weight:g}' for weight in options.weights)}"


def config_errors(options: Options, members: int, where: str) -> list[str]:
    """List the errors in the number of weights."""
    if options.weights is None or len(options.weights) == members:
        return []
    return [f"{where}.weights: {len(options.weights)} weights for {members} members"]
