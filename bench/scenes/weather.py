"""The four conditions: light, haze and temperatures of a sequence."""

from dataclasses import dataclass

import numpy as np

from bench.scenes.knobs import Condition
from bench.scenes.things import Color, Random


@dataclass(frozen=True)
class Weather:
    """What both sensors need to know about the hour and the air.

    Attributes:
        sun: Linear RGB of direct sunlight; black when there is none.
        ambient: Linear RGB of light from everywhere.
        zenith: Colour of the sky above, linear radiance.
        skyline: Colour of the sky at the horizon.
        clouds: How much the clouds stand out, 0..1.
        shift: Where the shadow of one metre falls, (x, z) in metres.
        extinction: Haze per metre.
        smoke: (x share, y share, radius share, density) of a bank of smoke, or None.
        glare: (x share, y share, strength) of a low sun or a lamp, or None.
        target: Mean level the automatic exposure aims at, linear.
        gain: Largest exposure the camera has.
        grain: Noise of the visible sensor, in display levels of 0..1.
        lit: Lamps are on.
        air: Air temperature, C.
        sky: Apparent temperature of the sky, C.
        solar: Kelvin that the sun warms a dark surface.
    """

    sun: Color
    ambient: Color
    zenith: Color
    skyline: Color
    clouds: float
    shift: tuple[float, float]
    extinction: float
    smoke: tuple[float, float, float, float] | None
    glare: tuple[float, float, float] | None
    target: float
    gain: float
    grain: float
    lit: bool
    air: float
    sky: float
    solar: float


def _gray(level: float, tint: Color = (1.0, 1.0, 1.0)) -> Color:
    return level * tint[0], level * tint[1], level * tint[2]


def plan(condition: Condition, random: Random) -> Weather:
    """Draw the weather of a sequence."""
    makers = {"day": _day, "overcast": _overcast, "night": _night, "challenge": _challenge}
    return makers[condition](random)


def _day(random: Random) -> Weather:
    side = float(random.uniform(0.4, 1.8) * random.choice([-1.0, 1.0]))
    return Weather(
        sun=_gray(float(random.uniform(0.75, 1.0)), (1.0, 0.94, 0.82)),
        ambient=_gray(float(random.uniform(0.26, 0.36)), (0.86, 0.95, 1.12)),
        zenith=(0.16, 0.33, 0.68),
        skyline=(0.62, 0.72, 0.82),
        clouds=float(random.uniform(0.0, 0.8)),
        shift=(side, float(random.uniform(-0.6, 1.0))),
        extinction=0.0012,
        smoke=None,
        glare=None,
        target=0.36,
        gain=3.0,
        grain=0.010,
        lit=False,
        air=float(random.uniform(17, 26)),
        sky=float(random.uniform(-18, -8)),
        solar=float(random.uniform(4, 9)),
    )


def _overcast(random: Random) -> Weather:
    level = float(random.uniform(0.45, 0.7))
    return Weather(
        sun=(0.0, 0.0, 0.0),
        ambient=_gray(level, (0.97, 1.0, 1.04)),
        zenith=_gray(level * 0.82, (0.95, 1.0, 1.06)),
        skyline=_gray(level * 1.05),
        clouds=float(random.uniform(0.2, 0.6)),
        shift=(0.0, 0.0),
        extinction=float(random.uniform(0.002, 0.007)),
        smoke=None,
        glare=None,
        target=0.34,
        gain=3.0,
        grain=0.014,
        lit=bool(random.random() < 0.35),
        air=float(random.uniform(8, 20)),
        sky=float(random.uniform(-6, 2)),
        solar=0.6,
    )


def _night(random: Random) -> Weather:
    level = float(np.exp(random.uniform(np.log(0.0018), np.log(0.010))))
    return Weather(
        sun=(0.0, 0.0, 0.0),
        ambient=_gray(level, (0.80, 0.92, 1.20)),
        zenith=_gray(level * 0.6, (0.7, 0.8, 1.3)),
        skyline=_gray(level * 1.6, (1.15, 0.95, 0.85)),
        clouds=0.3,
        shift=(0.0, 0.0),
        extinction=float(random.uniform(0.0015, 0.004)),
        smoke=None,
        glare=None,
        target=0.052,
        gain=2.6,
        grain=0.026,
        lit=True,
        air=float(random.uniform(4, 18)),
        sky=float(random.uniform(-18, -4)),
        solar=0.0,
    )


def _challenge(random: Random) -> Weather:
    """Fog, a bank of smoke, a low sun in the picture, or deep dusk."""
    kind = ("fog", "smoke", "glare", "dusk")[int(random.integers(4))]
    base = _overcast(random)
    values = dict(vars(base))
    x, y = float(random.uniform(0.2, 0.8)), float(random.uniform(0.22, 0.45))
    if kind == "fog":
        values |= {"extinction": float(random.uniform(0.025, 0.06)), "lit": True, "clouds": 0.0}
        values |= {"zenith": base.skyline}
    elif kind == "smoke":
        radius, density = float(random.uniform(0.16, 0.30)), float(random.uniform(1.6, 3.5))
        values |= {"smoke": (x, y + 0.2, radius, density), "extinction": 0.006}
    elif kind == "glare":
        values |= {
            "glare": (x, y - 0.08, float(random.uniform(1.6, 3.0))),
            "sun": (0.55, 0.45, 0.30),
            "shift": ((x - 0.5) * -1.5, -2.2),
            "solar": 4.0,
            "skyline": (0.85, 0.72, 0.52),
            "zenith": (0.30, 0.38, 0.50),
        }
    else:
        level = float(np.exp(random.uniform(np.log(0.02), np.log(0.06))))
        values |= {
            "ambient": _gray(level, (0.85, 0.92, 1.12)),
            "zenith": _gray(level * 0.9, (0.65, 0.8, 1.25)),
            "skyline": _gray(level * 2.4, (1.2, 0.95, 0.8)),
            "target": 0.16,
            "grain": 0.024,
            "lit": True,
        }
    return Weather(**values)
