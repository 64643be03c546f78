"""Scene parameters that tasks.yaml may set; the reported tables use the defaults."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Condition = Literal["day", "overcast", "night", "challenge"]
CONDITIONS: tuple[Condition, ...] = ("day", "overcast", "night", "challenge")


class SceneParameters(BaseModel):
    """Everything that affects the appearance of a scene except the random seed and its number.

    Attributes:
        width: Image width in pixels; the field of view stays the same.
        height: Image height in pixels.
        conditions: Conditions in rotation, one per sequence.
        frames_per_sequence: Consecutive scenes that share street, condition and light.
        darkness: Fraction of the visible light removed after exposure, 0 (none) to 1 (black).
            Infrared does not change.
        haze: Additional extinction in the visible, per meter: 0.02 hides objects 100 m away,
            0.1 objects 20 m away. Infrared does not change.
        thermal_contrast: Factor on temperature differences in the infrared image; 1 = unchanged.
        misregistration: Pixels by which infrared is shifted against the visible image and the
            labels, in one random direction per sequence and with a slight change of scale.
        noise: Factor on the noise of both sensors; 1 = unchanged, 0 = no noise.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    width: int = Field(default=320, ge=64, le=2048)
    height: int = Field(default=256, ge=64, le=2048)
    conditions: tuple[Condition, ...] = Field(default=CONDITIONS, min_length=1)
    frames_per_sequence: int = Field(default=4, ge=1, le=100)
    darkness: float = Field(default=0.0, ge=0, le=1)
    haze: float = Field(default=0.0, ge=0, le=1)
    thermal_contrast: float = Field(default=1.0, ge=0, le=4)
    misregistration: float = Field(default=0.0, ge=0, le=32)
    noise: float = Field(default=1.0, ge=0, le=10)
