"""What the methods with trained networks share: their options, and fusing luminance with color."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from typing_extensions import Self

from fusebench.data.images import Color, Gray, luminance, replace_luminance
from fusebench.errors import UserError
from fusebench.storage import hashing
from fusion.checkpoints import architecture_schema, weights_file
from fusion.methods._contract import FusionFunction
from fusion.networks import tiled_inference

COLOR = "luminance fused, Cb Cr of the visible image (BT.601)"
WEIGHTS_FOLDER = Path(__file__).parents[1] / "weights"
FULL_WIDTH = 128  # inner width of a network at width 1

TimeStep = Annotated[int, Field(ge=1)]


class Options(BaseModel):
    """What tasks.yaml may set for a trained fusion network.

    Attributes:
        weights: ``packaged``; a file; the folder of a training, with or without the digits at
            the end of its name.
        width: Refuse weights of another width: inner width of the denoising network as a share
            of the full 128. Null takes what the weights are.
        steps: Time steps whose features are used; null for those that were trained on.
        seed: Of the noise, mixed with the contents of each image.
        levels: ``step`` tells the network the noise level of step t (the papers), ``between`` one
            drawn between t - 1 and t (DMFuse's released code).
        precision: ``bfloat16`` is two to three times faster on processors that compute in it, and
            many times slower on others.
        tile: Fuse in square pieces of so many pixels (a multiple of 16), for images that do not
            fit into memory; null fuses an image whole.
        overlap: Pixels that neighboring pieces share.
        padding: ``reflect``, or ``white`` as DMFuse's released code.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    weights: str = "packaged"
    width: float | None = Field(None, gt=0, le=1)
    steps: tuple[TimeStep, ...] | None = None
    seed: int = Field(0, ge=0, le=2**32 - 1)
    levels: Literal["step", "between"] = "step"
    precision: tiled_inference.AutocastPrecision = "float32"
    tile: int | None = Field(None, ge=64, multiple_of=16)
    overlap: int = Field(64, ge=16, multiple_of=16)
    padding: Literal["reflect", "white"] = "reflect"

    @model_validator(mode="after")
    def _check_tile_overlap(self) -> Self:
        if self.tile is not None and self.tile < 2 * self.overlap:
            raise ValueError(
                f"tile {self.tile} has to be at least twice the overlap {self.overlap}"
            )
        return self

    @property
    def tiling_options(self) -> tiled_inference.TilingOptions:
        """How images are cut and computed."""
        return tiled_inference.TilingOptions(self.tile, self.overlap, self.precision, self.padding)


def get_weights_file(options: Options, method: str) -> Path:
    """The weights file that the options name.

    Raises:
        UserError: If there is none.
    """
    if options.weights == "packaged":
        return WEIGHTS_FOLDER / f"{method}-small.safetensors"
    return weights_file.find_weights_file(options.weights)


def dependency_hashes(options: Options, method: str) -> dict[str, str]:
    """The sha256 of the weights, and what sides are filled up to where they are not by default."""
    known = {"weights": hashing.compute_file_sha256(get_weights_file(options, method))}
    if options.padding == "white":
        known["sides"] = f"multiples of {tiled_inference.SIDE_MULTIPLES['white']}"
    return known


def check_architecture(
    path: Path, facts: weights_file.WeightsMetadata, method: str, stage: str, width: float
) -> dict[str, Any]:
    """What the network is built from, checked.

    Args:
        path: The file, for the message.
        facts: What it says of itself.
        method: Wanted.
        stage: Wanted.
        width: Wanted, as a share of full width; 0 for any.

    Raises:
        UserError: If the weights are of another method, an earlier stage, or another width than
            asked for, or their file describes no network.
    """
    if (facts.method, facts.stage) != (method, stage):
        raise UserError(
            f"{path}: weights of {facts.method}, stage {facts.stage}; expected {method}, stage "
            f"{stage}: python -m fusion.train --method {method} --stage {stage} makes them"
        )
    told = architecture_schema.check_architecture(method, facts.architecture, str(path))
    inner = (told.get("denoising") or told["network"])["inner"]
    if width and inner != width * FULL_WIDTH:
        raise UserError(
            f"{path}: weights of width {inner / FULL_WIDTH:g} ({inner} channels); the options ask for "
            f"width {width:g}; leave width out to take what the weights are"
        )
    return told


def build_fusion_function(
    network: tiled_inference.TrainedNetwork, options: Options, device: str
) -> FusionFunction:
    """The fusing function: luminance through the network, color put back."""

    def fuse(infrared: Gray, visible: Color) -> Color:
        fused = tiled_inference.fuse_images(
            network, infrared, luminance(visible), options.tiling_options, device
        )
        return replace_luminance(visible, fused)

    return fuse
