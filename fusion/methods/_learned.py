"""What the methods with trained networks share: their options, and fusing luminance with colour."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from typing_extensions import Self

from bench import digest
from bench.errors import BenchError
from bench.images import Color, Gray, luminance, with_luminance
from fusion import architectures, checkpoints, inference
from fusion.method import Fuse

COLOUR = "luminance fused, Cb Cr of the visible image (BT.601)"
WEIGHTS = Path(__file__).parents[1] / "weights"
FULL = 128  # inner width of a network at width 1

Step = Annotated[int, Field(ge=1)]


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
        overlap: Pixels that neighbouring pieces share.
        padding: ``reflect``, or ``white`` as DMFuse's released code.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    weights: str = "packaged"
    width: float | None = Field(None, gt=0, le=1)
    steps: tuple[Step, ...] | None = None
    seed: int = Field(0, ge=0, le=2**32 - 1)
    levels: Literal["step", "between"] = "step"
    precision: inference.Precision = "float32"
    tile: int | None = Field(None, ge=64, multiple_of=16)
    overlap: int = Field(64, ge=16, multiple_of=16)
    padding: Literal["reflect", "white"] = "reflect"

    @model_validator(mode="after")
    def _tiles_advance(self) -> Self:
        if self.tile is not None and self.tile < 2 * self.overlap:
            raise ValueError(
                f"tile {self.tile} has to be at least twice the overlap {self.overlap}"
            )
        return self

    @property
    def frame(self) -> inference.Frame:
        """How images are cut and computed."""
        return inference.Frame(self.tile, self.overlap, self.precision, self.padding)


def file(options: Options, method: str) -> Path:
    """The weights file that the options name.

    Raises:
        BenchError: If there is none.
    """
    if options.weights == "packaged":
        return WEIGHTS / f"{method}-small.safetensors"
    return checkpoints.resolve(options.weights)


def pins(options: Options, method: str) -> dict[str, str]:
    """The sha256 of the weights, and what sides are filled up to where they are not by default."""
    known = {"weights": digest.sha256(file(options, method))}
    if options.padding == "white":
        known["sides"] = f"multiples of {inference.MULTIPLES['white']}"
    return known


def architecture(
    path: Path, facts: checkpoints.Facts, method: str, stage: str, width: float
) -> dict[str, Any]:
    """What the network is built from, checked.

    Args:
        path: The file, for the message.
        facts: What it says of itself.
        method: Wanted.
        stage: Wanted.
        width: Wanted, as a share of full width; 0 for any.

    Raises:
        BenchError: If the weights are of another method, an earlier stage, or another width than
            asked for, or their file describes no network.
    """
    if (facts.method, facts.stage) != (method, stage):
        raise BenchError(
            f"{path}: weights of {facts.method}, stage {facts.stage}; expected {method}, stage "
            f"{stage}: python -m fusion.train --method {method} --stage {stage} makes them"
        )
    told = architectures.checked(method, facts.architecture, str(path))
    inner = (told.get("denoising") or told["network"])["inner"]
    if width and inner != width * FULL:
        raise BenchError(
            f"{path}: weights of width {inner / FULL:g} ({inner} channels); the options ask for "
            f"width {width:g}; leave width out to take what the weights are"
        )
    return told


def fusing(network: inference.Network, options: Options, device: str) -> Fuse:
    """The fusing function: luminance through the network, colour put back."""

    def fuse(infrared: Gray, visible: Color) -> Color:
        fused = inference.fuse(network, infrared, luminance(visible), options.frame, device)
        return with_luminance(visible, fused)

    return fuse
