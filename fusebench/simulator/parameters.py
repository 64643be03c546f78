"""What may be set about the simulated scenes; the default is the mix the tables are made on."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Condition = Literal["day", "overcast", "night", "challenge"]
CONDITIONS: tuple[Condition, ...] = ("day", "overcast", "night", "challenge")


class SceneParameters(BaseModel):
    """Everything besides seed and number that decides what a scene looks like.

    Attributes:
        width: Image width in pixels; the field of view stays the same.
        height: Image height in pixels.
        conditions: Taken in turn, one per sequence.
        frames_per_sequence: Consecutive scenes that share street, condition and light.
        darkness: Share of the visible light taken away after exposure, 0 (none) to 1 (black).
            Infrared does not change.
        haze: Extra extinction in the visible, per meter: 0.02 hides what is 100 m away, 0.1 what
            is 20 m away. Infrared does not change.
        thermal_contrast: Factor on temperature differences in the infrared image, 1 as drawn.
        misregistration: Pixels by which infrared is moved (in a direction of its own in each
            sequence, with a slight change of scale) against the visible image and the labels.
        noise: Factor on the noise of both sensors, 1 as drawn, 0 without noise.
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
