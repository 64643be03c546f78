"""The thermal camera: temperature times emissivity, blur, noise and automatic gain, white = hot."""

import numpy as np
from numpy.typing import NDArray

from bench.scenes import textures
from bench.scenes.camera import Camera
from bench.scenes.knobs import Knobs
from bench.scenes.optics import Floats, View, blur, luminance, move, shrink
from bench.scenes.things import SKY, Random
from bench.scenes.weather import Weather

BODY = 34.0  # C, of skin in the open


def thermograph(
    view: View, camera: Camera, weather: Weather, knobs: Knobs, random: tuple[Random, Random]
) -> NDArray[np.uint8]:
    """What the thermal camera shows, uint8 (H, W).

    ``random`` is for what lasts over a sequence, and for what changes from frame to frame.
    """
    lasting, passing = random
    seen = _apparent(view, camera, weather)
    size = knobs.width / 320
    seen = blur(seen + 0.5 * _drift(seen.shape, lasting), 1.1 * size)
    if knobs.misregistration:
        turn = lasting.uniform(0, 2 * np.pi)
        reach = knobs.misregistration
        shift = float(reach * np.cos(turn)), float(reach * np.sin(turn))
        seen = move(seen, shift, 1 + reach / 1500)
    sharp = passing.standard_normal(seen.shape, dtype=np.float32)
    lines = lasting.standard_normal((1, seen.shape[1]), dtype=np.float32)
    noisy = np.asarray(seen + knobs.noise * (0.16 * sharp + 0.07 * lines), np.float32)
    return _gain(noisy, float(np.median(seen)), seen, knobs.thermal_contrast)


def _drift(shape: tuple[int, ...], random: Random) -> Floats:
    """Slow unevenness of the sensor over the image, about -2..2."""
    row, column = np.mgrid[: shape[0], : shape[1]].astype(np.float32) * np.float32(90 / shape[1])
    start_row, start_column = random.uniform(0, textures.SIZE, 2).astype(np.float32)
    kind = np.full(shape, textures.CLOUDS)
    fine = np.full(shape, 9, np.float32)
    return textures.sample(kind, column + start_column, row + start_row, fine)


def _apparent(view: View, camera: Camera, weather: Weather) -> Floats:
    """Temperature the camera takes every pixel to have, C, (H, W)."""
    maps = view.maps
    body, emissivity = view.of("body"), view.of("emissivity")
    surfaces = maps.surfaces
    bright = luminance(surfaces[:, :3])
    taken = (weather.solar * surfaces[:, 6] * (1 - 0.7 * bright) * surfaces[:, 13])[maps.index]
    sun = np.repeat(np.repeat(0.35 + 0.65 * view.sun, 2, axis=0), 2, axis=1)
    own = weather.air + view.of("warmth") + taken * sun
    warm = own * (1 - body) + BODY * body + view.of("thermal_grain") * view.texture
    apparent = emissivity * warm + (1 - emissivity) * weather.sky
    height = apparent.shape[0]
    rise = np.clip((camera.horizon - np.arange(height, dtype=np.float32)) / camera.focal, 0, 1)
    heaven = weather.sky + (weather.air - 4 - weather.sky) * np.exp(-rise / 0.10)
    apparent = np.where(maps.labels[maps.index] == SKY, heaven[:, None], apparent)
    image = shrink(np.asarray(apparent, np.float32))
    through = np.exp(-0.0018 * np.minimum(view.z, 200))
    return np.asarray(image * through + (weather.air - 1) * (1 - through), np.float32)


def _gain(noisy: Floats, middle: float, clean: Floats, contrast: float) -> NDArray[np.uint8]:
    """Stretch to 0..255: the span follows the image but never gets narrower than 9 K."""
    low, high = (float(v) for v in np.percentile(clean, (3.0, 99.7)))
    low = max(low, middle - 7.5)
    high = max(high, middle + 9)
    share = (middle + contrast * (noisy - middle) - low) / (high - low)
    shown = np.clip(share, 0, 1) ** 0.92
    out: NDArray[np.uint8] = np.rint(255 * (0.03 + 0.96 * shown)).astype(np.uint8)
    return out
