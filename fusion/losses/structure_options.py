"""Weights of the losses in `fusion.losses.structure`, as a section of a recipe.

Importing this module does not import torch.
"""

from dataclasses import dataclass
from typing import Annotated

from pydantic import ConfigDict, Field

Weight = Annotated[float, Field(ge=0, le=1e6)]
Share = Annotated[float, Field(ge=0, le=1)]


@dataclass(frozen=True)
class StructureLossOptions:
    """Weights of the terms.

    Attributes:
        brightness: Of the mean brightness over a neighborhood.
        brighter_share: Target of the brightness: 1 is the brighter source, 0 the mean of both.
        gradient: Of the gradient vector of the source with the larger gradient.
        contrast: Of the local contrast of the source with more contrast.
        outlines: Of lines and gradients that are in neither source.
        similarity: Of the structural similarity to the source with more contrast.
        range: Of values below 0 and above 1.
    """

    __pydantic_config__ = ConfigDict(extra="forbid", allow_inf_nan=False)

    brightness: Weight = 4
    brighter_share: Share = 0.8
    gradient: Weight = 20
    contrast: Weight = 10
    outlines: Weight = 20
    similarity: Weight = 1
    range: Weight = 5
