"""Small valid images in memory, for the readers whose damaged files are tried."""

import io

import numpy as np
from PIL import Image

WIDTH, HEIGHT = 64, 48
PALETTE = {(0, 0, 0): 0, (128, 0, 0): 1, (0, 128, 0): 2}  # the first colors of Pascal VOC
ORIENTATION_TAG = 0x0112


def encode(image: Image.Image, image_format: str, **options: object) -> bytes:
    """Encode an image in a format of Pillow."""
    content = io.BytesIO()
    image.save(content, image_format, **options)
    return content.getvalue()


def encode_color_image(image_format: str) -> bytes:
    """Encode colored noise."""
    return encode(Image.fromarray(draw_noise(256, (HEIGHT, WIDTH, 3))), image_format)


def encode_class_ids(image_format: str) -> bytes:
    """Encode a gray image of the values 0 to 13."""
    return encode(Image.fromarray(draw_noise(14, (HEIGHT, WIDTH))), image_format)


def encode_wide_image(image_format: str) -> bytes:
    """Encode a gray image of 16 bits."""
    return encode(
        Image.fromarray(draw_noise(256, (HEIGHT, WIDTH)).astype("<u2") * 99), image_format
    )


def encode_palette_image() -> bytes:
    """Encode indices into `PALETTE` as PNG."""
    image = Image.fromarray(draw_noise(len(PALETTE), (HEIGHT, WIDTH)), "P")
    image.putpalette([value for color in PALETTE for value in color])
    return encode(image, "PNG")


def encode_turned_image() -> bytes:
    """Encode a JPEG whose EXIF orientation is a quarter turn."""
    exif = Image.Exif()
    exif[ORIENTATION_TAG] = 6
    return encode(Image.fromarray(draw_noise(256, (HEIGHT, WIDTH, 3))), "JPEG", exif=exif)


def draw_noise(count: int, shape: tuple[int, ...]) -> np.ndarray:
    """Draw values below ``count``, uint8."""
    return np.random.default_rng(1).integers(0, count, shape, np.uint8)
