"""Shared parts of the methods with trained networks: options, weights, and color handling."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from typing_extensions import Self

from fusebench.config.paths import PathOrName
from fusebench.contracts import FusionFunction
from fusebench.data.images import Color, Gray, luminance, replace_luminance
from fusebench.errors import UserError
from fusebench.runtime.memory.available import check_fusion_memory
from fusebench.storage import hashing
from fusion.checkpoints import architecture_schema, weights_file
from fusion.networks import inference_memory, tiled_inference

COLOR = "luminance fused, Cb Cr of the visible image (BT.601)"
WEIGHTS_FOLDER = Path(__file__).parents[1] / "weights"
MAX_TILE = 65_536  # pixels
COLOR_BYTES_PER_PIXEL = 34  # of the arrays while the color is put back, after the network
FULL_WIDTH = 128  # inner width of a network at width 1

TimeStep = Annotated[int, Field(ge=1, le=architecture_schema.MAX_TIME_STEPS)]


class InferenceOptions(BaseModel):
    """Options in tasks.yaml of every trained fusion network.

    Attributes:
        weights: ``packaged``; a file; or the folder of a training run, with or without the hash at
            the end of its name. Absolute or relative to the task file.
        precision: ``bfloat16`` is 1.1 to 1.2 times faster with the packaged weights of DMFuse and
            DMNet on processors that support it, 1.8 times with a DMFuse of the paper's width 1/4,
            and many times slower on processors that do not.
        tile: Side of the square tiles in pixels (a multiple of 16), for images that do not fit
            into memory; null fuses the whole image at once.
        overlap: Overlap of neighboring tiles in pixels.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    weights: Annotated[str, PathOrName(("packaged",))] = "packaged"
    precision: tiled_inference.AutocastPrecision = "float32"
    tile: int | None = Field(None, ge=64, le=MAX_TILE, multiple_of=16)
    overlap: int = Field(64, ge=16, le=MAX_TILE // 2, multiple_of=16)

    @model_validator(mode="after")
    def _check_tile_overlap(self) -> Self:
        if self.tile is not None and self.tile < 2 * self.overlap:
            raise ValueError(f"tile {self.tile} must be at least twice the overlap {self.overlap}")
        return self

    @property
    def tiling_options(self) -> tiled_inference.TilingOptions:
        """Options of tiled inference."""
        return tiled_inference.TilingOptions(self.tile, self.overlap, self.precision)


class Options(InferenceOptions):
    """Options in tasks.yaml of a trained fusion network with diffusion features.

    Attributes:
        width: Expected inner width of the denoising network as a share of the full 128; weights of
            another width are an error. Null accepts any width.
        steps: Time steps whose features are used; null for those used in training.
        seed: Random seed of the noise, combined with the contents of each image.
        levels: Noise level given to the network: ``step`` is that of step t (as in the papers),
            ``between`` is sampled between t - 1 and t (as in DMFuse's released code).
        padding: ``reflect``, or ``white`` as in DMFuse's released code.
    """

    width: float | None = Field(None, gt=0, le=1)
    steps: tuple[TimeStep, ...] | None = None
    seed: int = Field(0, ge=0, le=2**32 - 1)
    levels: Literal["step", "between"] = "step"
    padding: Literal["reflect", "white"] = "reflect"

    @property
    def tiling_options(self) -> tiled_inference.TilingOptions:
        """Options of tiled inference."""
        return tiled_inference.TilingOptions(self.tile, self.overlap, self.precision, self.padding)


def get_weights_file(options: InferenceOptions, method: str) -> Path:
    """Find the weights file that the options select.

    Raises:
        UserError: If there is none.
    """
    if options.weights == "packaged":
        return weights_file.find_weights_file(WEIGHTS_FOLDER / f"{method}-small.safetensors")
    return weights_file.find_weights_file(options.weights)


def dependency_hashes(options: Options, method: str) -> dict[str, str]:
    """Compute the sha256 of the weights; white padding also adds the multiple it pads to."""
    hashes = {"weights": hashing.compute_file_sha256(get_weights_file(options, method))}
    if options.padding == "white":
        hashes["sides"] = f"multiples of {tiled_inference.SIDE_MULTIPLES['white']}"
    return hashes


def check_architecture(
    path: Path, metadata: weights_file.WeightsMetadata, method: str, stage: str, width: float = 0
) -> dict[str, Any]:
    """Validate the metadata of a weights file and return its architecture.

    Args:
        path: The file, for messages.
        metadata: As read from the file.
        method: Expected method.
        stage: Expected training stage.
        width: Expected width as a share of the full width; 0 for any.

    Raises:
        UserError: If the weights are of another method, stage or width, or the architecture is
            invalid.
    """
    if (metadata.method, metadata.stage) != (method, stage):
        raise UserError(
            f"{path}: weights of {metadata.method}, stage {metadata.stage}; expected {method}, "
            f"stage {stage}: train them with "
            f"python -m fusion.train --method {method} --stage {stage}"
        )
    architecture = architecture_schema.check_architecture(method, metadata.architecture, str(path))
    if not width:
        return architecture
    inner = (architecture.get("denoising") or architecture["network"])["inner"]
    if inner != width * FULL_WIDTH:
        raise UserError(
            f"{path}: weights of width {inner / FULL_WIDTH:g} ({inner} channels); the options "
            f"expect width {width:g}; leave width out to accept any"
        )
    return architecture


def build_fusion_function(
    network: tiled_inference.TrainedNetwork, options: InferenceOptions, device: str
) -> FusionFunction:
    """Build the fusing function: the network fuses luminance, Cb and Cr are the visible image's.

    It raises a `UserError` for images that cannot fit into memory.
    """
    fitting_sizes = set()

    def fuse(infrared: Gray, visible: Color) -> Color:
        height, width = infrared.shape
        if (height, width) not in fitting_sizes:
            inference_memory.check_memory(network, height, width, options.tiling_options, device)
            check_fusion_memory(infrared.shape, COLOR_BYTES_PER_PIXEL)
            fitting_sizes.add((height, width))
        fused = tiled_inference.fuse_images(
            network, infrared, luminance(visible), options.tiling_options, device
        )
        return replace_luminance(visible, fused)

    return fuse
