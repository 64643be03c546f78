"""The visible camera: light times reflectance, lamps, haze, glare, exposure and noise."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bench.scenes import textures
from bench.scenes.camera import Camera
from bench.scenes.knobs import Knobs
from bench.scenes.optics import Floats, View, blur, luminance, shrink
from bench.scenes.things import BUILDING, SKY, Light, Random
from bench.scenes.weather import Weather

MOST_LIGHTS = 16


def photograph(
    view: View,
    camera: Camera,
    weather: Weather,
    lights: Sequence[Light],
    knobs: Knobs,
    random: Random,
) -> NDArray[np.uint8]:
    """What the visible camera shows, uint8 (H, W, 3) RGB."""
    maps = view.maps
    surface = (
        view.of("color")
        * (view.of("shade") * np.maximum(1 + view.of("grain") * view.texture, 0.05))[..., None]
    )
    glow = np.array(maps.surfaces[:, 7:10])
    if not weather.lit:
        glow[maps.labels == BUILDING] = 0
    radiance = shrink(surface) * _light(view, weather, lights) + shrink(glow[maps.index])
    covered = shrink((maps.labels[maps.index] == SKY).astype(np.float32))[..., None]
    heaven = _sky(view, camera, weather)
    radiance = radiance * (1 - covered) + heaven * covered
    radiance = _air(radiance, view, weather, knobs)
    radiance = _glare(radiance, weather)
    level = float(luminance(radiance).mean())
    exposed = radiance * min(weather.target / max(level, 1e-6), weather.gain) * (1 - knobs.darkness)
    halo = np.maximum(exposed - 1.0, 0).clip(0, 8)
    width = knobs.width / 320
    exposed = exposed + 0.35 * blur(halo, 2.0 * width) + 0.40 * blur(halo, 7.0 * width)
    shown = np.clip(1 - np.exp(-1.35 * exposed), 0, 1) ** (1 / 2.2)
    noise = random.standard_normal(shown.shape, dtype=np.float32)
    noise = 0.6 * noise + 0.8 * noise.mean(axis=2, keepdims=True)
    grain = weather.grain * knobs.noise * (0.6 + 0.8 * np.sqrt(shown))
    out: NDArray[np.uint8] = np.rint(255 * np.clip(shown + grain * noise, 0, 1)).astype(np.uint8)
    return out


def _light(view: View, weather: Weather, lights: Sequence[Light]) -> Floats:
    """Light that reaches every pixel, linear RGB (H, W, 3)."""
    sky = np.array(weather.ambient, np.float32) * view.open[..., None]
    total = sky + np.array(weather.sun, np.float32) * view.sun[..., None]
    if not weather.lit:
        return total
    dimmed = 1.0 if max(weather.ambient) < 0.1 else 0.5
    for light in sorted(lights, key=lambda light: light.place[2])[:MOST_LIGHTS]:
        x, y, z = (np.float32(v) for v in light.place)
        dx, dy, dz = view.x - x, view.y - y, view.z - z
        square = dx * dx + dy * dy + dz * dz
        spread = 1 + square * np.float32(1 / light.reach**2)
        strength = dimmed / (spread * np.sqrt(spread))
        if light.beam is not None:
            along = (dx * light.beam[0] + dz * light.beam[1]) / np.sqrt(square + 0.3)
            along = np.clip(along, 0, 1) ** 2
            strength = strength * along * along * along
        total = total + strength[..., None] * np.array(light.color, np.float32)
    return total


def _sky(view: View, camera: Camera, weather: Weather) -> Floats:
    """Colour of the sky behind every pixel, with clouds that get smaller towards the horizon."""
    height, width = view.z.shape
    row = (np.arange(height, dtype=np.float32) * 2 - camera.horizon)[:, None] / camera.focal
    column = (np.arange(width, dtype=np.float32) * 2 - camera.center)[None] / camera.focal
    rise = np.clip(-row, 0.02, 1)
    share = np.clip(rise / 0.42, 0, 1)[..., None]
    color = np.array(weather.skyline, np.float32) * (1 - share) + share * np.array(
        weather.zenith, np.float32
    )
    far = 26 / (rise + 0.12)
    kind = np.full((height, width), textures.CLOUDS)
    across = np.broadcast_to(column * far + 1000, kind.shape)
    up = np.broadcast_to(far * 1.8, kind.shape)
    cloud = textures.sample(kind, across, up, np.full(kind.shape, 50, np.float32))
    white = np.clip((cloud - 0.1) * 0.55, 0, 1)[..., None] * weather.clouds
    bright = np.array(weather.skyline, np.float32).max() * 1.12
    return np.asarray(color * (1 - white) + bright * white, np.float32)


def _air(radiance: Floats, view: View, weather: Weather, knobs: Knobs) -> Floats:
    """Haze by distance, and the bank of smoke."""
    extinction = weather.extinction + knobs.haze
    clear = np.exp(-extinction * np.minimum(view.z, 300))[..., None]
    veil = np.array(weather.skyline, np.float32) * 0.95
    if weather.lit:
        veil = veil + 0.12 * blur(np.minimum(radiance, 4), 14.0) * min(1.0, 20 * extinction)
    hazy = np.asarray(radiance * clear + veil * (1 - clear), np.float32)
    if weather.smoke is None:
        return hazy
    x, y, radius, density = weather.smoke
    height, width = view.z.shape
    row, column = np.mgrid[:height, :width].astype(np.float32) / width
    away = ((column - x) ** 2 + ((row - y * height / width) * 1.25) ** 2) / radius**2
    kind = np.full((height, width), textures.CLOUDS)
    puffs = textures.sample(kind, column * 90, row * 90, np.full(kind.shape, 50, np.float32))
    thick = density * np.exp(-(away**1.5)) * np.clip(0.8 + 0.45 * puffs, 0.1, 2)
    hidden = (1 - np.exp(-thick * np.clip((view.z - 3) / 5, 0, 1)))[..., None]
    smoke = np.array(weather.skyline, np.float32).mean() * (0.82 + 0.06 * puffs[..., None])
    return np.asarray(hazy * (1 - hidden) + smoke * hidden, np.float32)


def _glare(radiance: Floats, weather: Weather) -> Floats:
    """A low sun in the picture: a disc, a wide halo, and a veil over everything."""
    if weather.glare is None:
        return radiance
    x, y, strength = weather.glare
    height, width = radiance.shape[:2]
    row, column = np.mgrid[:height, :width].astype(np.float32) / width
    away = np.hypot(column - x, row - y * height / width)
    veil = strength * (0.9 * np.exp(-away / 0.05) + 0.42 * np.exp(-away / 0.22) + 0.05)
    return np.asarray(radiance + veil[..., None] * np.array([1.0, 0.88, 0.68]), np.float32)
