"""Weather of a sequence: light, haze and temperatures under the four conditions."""

from dataclasses import dataclass

import numpy as np

from fusebench.simulator.objects.primitives import RandomGenerator, RgbTriple
from fusebench.simulator.parameters import Condition


@dataclass(frozen=True)
class Weather:
    """Light, air and camera settings of a sequence.

    Attributes:
        sun_color: Linear RGB of direct sunlight; black without sun.
        ambient_color: Linear RGB of the diffuse light.
        zenith_color: Linear radiance of the sky overhead.
        horizon_color: Linear radiance of the sky at the horizon.
        cloud_contrast: Contrast of the clouds, 0 to 1.
        shadow_offset: Shadow of one meter of height, (x, z) in meters.
        extinction: Extinction of the haze per meter.
        smoke: Smoke cloud as (x, y, radius) in fractions of the image size and density, or None.
        glare: Glare of a low sun or a lamp as (x, y) in fractions of the image size and
            strength, or None.
        exposure_target: Mean linear level that the automatic exposure aims at.
        max_exposure: Largest exposure factor of the visible camera.
        noise_level: Noise of the visible camera, in display levels of 0 to 1.
        are_lamps_on: Whether street lamps and headlights are on.
        air_temperature: In degrees Celsius.
        sky_temperature: Apparent temperature of the sky in degrees Celsius.
        solar_heating: Kelvin by which the sun heats a dark surface.
    """

    sun_color: RgbTriple
    ambient_color: RgbTriple
    zenith_color: RgbTriple
    horizon_color: RgbTriple
    cloud_contrast: float
    shadow_offset: tuple[float, float]
    extinction: float
    smoke: tuple[float, float, float, float] | None
    glare: tuple[float, float, float] | None
    exposure_target: float
    max_exposure: float
    noise_level: float
    are_lamps_on: bool
    air_temperature: float
    sky_temperature: float
    solar_heating: float


def _scale_tint(level: float, tint: RgbTriple = (1.0, 1.0, 1.0)) -> RgbTriple:
    """Return a color of the given brightness and tint."""
    return level * tint[0], level * tint[1], level * tint[2]


def sample_weather(condition: Condition, rng: RandomGenerator) -> Weather:
    """Sample the weather of a sequence under ``condition``."""
    samplers = {
        "day": _sample_day,
        "overcast": _sample_overcast,
        "night": _sample_night,
        "challenge": _sample_challenge,
    }
    return samplers[condition](rng)


def _sample_day(rng: RandomGenerator) -> Weather:
    """Sample a clear day with sun."""
    shadow_x = float(rng.uniform(0.4, 1.8) * rng.choice([-1.0, 1.0]))
    return Weather(
        sun_color=_scale_tint(float(rng.uniform(0.75, 1.0)), (1.0, 0.94, 0.82)),
        ambient_color=_scale_tint(float(rng.uniform(0.26, 0.36)), (0.86, 0.95, 1.12)),
        zenith_color=(0.16, 0.33, 0.68),
        horizon_color=(0.62, 0.72, 0.82),
        cloud_contrast=float(rng.uniform(0.0, 0.8)),
        shadow_offset=(shadow_x, float(rng.uniform(-0.6, 1.0))),
        extinction=0.0012,
        smoke=None,
        glare=None,
        exposure_target=0.36,
        max_exposure=3.0,
        noise_level=0.010,
        are_lamps_on=False,
        air_temperature=float(rng.uniform(17, 26)),
        sky_temperature=float(rng.uniform(-18, -8)),
        solar_heating=float(rng.uniform(4, 9)),
    )


def _sample_overcast(rng: RandomGenerator) -> Weather:
    """Sample an overcast day: diffuse light, light haze."""
    level = float(rng.uniform(0.45, 0.7))
    return Weather(
        sun_color=(0.0, 0.0, 0.0),
        ambient_color=_scale_tint(level, (0.97, 1.0, 1.04)),
        zenith_color=_scale_tint(level * 0.82, (0.95, 1.0, 1.06)),
        horizon_color=_scale_tint(level * 1.05),
        cloud_contrast=float(rng.uniform(0.2, 0.6)),
        shadow_offset=(0.0, 0.0),
        extinction=float(rng.uniform(0.002, 0.007)),
        smoke=None,
        glare=None,
        exposure_target=0.34,
        max_exposure=3.0,
        noise_level=0.014,
        are_lamps_on=bool(rng.random() < 0.35),
        air_temperature=float(rng.uniform(8, 20)),
        sky_temperature=float(rng.uniform(-6, 2)),
        solar_heating=0.6,
    )


def _sample_night(rng: RandomGenerator) -> Weather:
    """Sample a night with lamps on."""
    level = float(np.exp(rng.uniform(np.log(0.0018), np.log(0.010))))  # log-uniform
    return Weather(
        sun_color=(0.0, 0.0, 0.0),
        ambient_color=_scale_tint(level, (0.80, 0.92, 1.20)),
        zenith_color=_scale_tint(level * 0.6, (0.7, 0.8, 1.3)),
        horizon_color=_scale_tint(level * 1.6, (1.15, 0.95, 0.85)),
        cloud_contrast=0.3,
        shadow_offset=(0.0, 0.0),
        extinction=float(rng.uniform(0.0015, 0.004)),
        smoke=None,
        glare=None,
        exposure_target=0.052,
        max_exposure=2.6,
        noise_level=0.026,
        are_lamps_on=True,
        air_temperature=float(rng.uniform(4, 18)),
        sky_temperature=float(rng.uniform(-18, -4)),
        solar_heating=0.0,
    )


def _sample_challenge(rng: RandomGenerator) -> Weather:
    """Sample fog, a smoke cloud, a low sun in the image, or deep dusk."""
    kind = ("fog", "smoke", "glare", "dusk")[int(rng.integers(4))]
    overcast = _sample_overcast(rng)
    values = dict(vars(overcast))
    x, y = float(rng.uniform(0.2, 0.8)), float(rng.uniform(0.22, 0.45))
    if kind == "fog":
        values |= {
            "extinction": float(rng.uniform(0.025, 0.06)),
            "are_lamps_on": True,
            "cloud_contrast": 0.0,
            "zenith_color": overcast.horizon_color,
        }
    elif kind == "smoke":
        radius, density = float(rng.uniform(0.16, 0.30)), float(rng.uniform(1.6, 3.5))
        values |= {"smoke": (x, y + 0.2, radius, density), "extinction": 0.006}
    elif kind == "glare":
        values |= {
            "glare": (x, y - 0.08, float(rng.uniform(1.6, 3.0))),
            "sun_color": (0.55, 0.45, 0.30),
            "shadow_offset": ((x - 0.5) * -1.5, -2.2),  # towards the camera, away from the sun
            "solar_heating": 4.0,
            "horizon_color": (0.85, 0.72, 0.52),
            "zenith_color": (0.30, 0.38, 0.50),
        }
    else:
        level = float(np.exp(rng.uniform(np.log(0.02), np.log(0.06))))
        values |= {
            "ambient_color": _scale_tint(level, (0.85, 0.92, 1.12)),
            "zenith_color": _scale_tint(level * 0.9, (0.65, 0.8, 1.25)),
            "horizon_color": _scale_tint(level * 2.4, (1.2, 0.95, 0.8)),
            "exposure_target": 0.16,
            "noise_level": 0.024,
            "are_lamps_on": True,
        }
    return Weather(**values)
