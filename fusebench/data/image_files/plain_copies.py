"""Image files for other programs: the original where they read it like this project, else a PNG.

Other programs read rotated, deep, multi-page and CMYK images each in their own way, and ultralytics
rewrites a JPEG with bytes after its end. A file that every common reader decodes to the same pixels
is copied or linked; of any other file a PNG of the pixels of `fusebench.data.images` is written.
"""

import errno
import os
import shutil
from pathlib import Path
from typing import Literal

from fusebench.data import images
from fusebench.data.image_files.reader import read_header
from fusebench.data.pairs import Pair
from fusebench.errors import UserError

PlacingMode = Literal["copy", "hardlink", "symlink"]
PLAIN_EXTENSIONS = {"PNG": (".png",), "JPEG": (".jpg", ".jpeg")}
JPEG_END = b"\xff\xd9"
FULL_DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def place_image(image: Path, folder: Path, key: str, mode: PlacingMode) -> Path:
    """Place an image into a folder as ``<key>`` and its extension.

    Args:
        image: Any image that `fusebench.data.images` reads. It is not changed.
        folder: Where to place it; must exist.
        key: Name of the new file without its extension.
        mode: How a plain image is placed. A hard link becomes a copy where the file system has
            none. An image that is not plain is written as PNG in every mode.

    Returns:
        The new file.

    Raises:
        UserError: If the image cannot be read.
    """
    if not is_plain_image(image):
        target = folder / f"{key}.png"
        images.write_png(target, images.read_color(image))
        return target
    target = folder / f"{key}{image.suffix.lower()}"
    if mode == "symlink":
        target.symlink_to(image.resolve())
    elif mode == "copy" or not _make_hard_link(image.resolve(), target):
        _copy(image, target)
    return target


def is_plain_image(path: Path) -> bool:
    """Return whether every common reader decodes the same pixels as `fusebench.data.images`.

    True for PNG and JPEG with 8 bits per channel, gray or RGB, that are stored upright and have
    the extension of their format; a JPEG must end with its end marker, because ultralytics
    rewrites it otherwise.
    """
    header = read_header(path)
    is_plain = header.mode in ("L", "RGB") and header.bits == 8 and header.orientation <= 1
    if not is_plain or path.suffix.lower() not in PLAIN_EXTENSIONS.get(header.format, ()):
        return False
    with path.open("rb") as file:
        file.seek(-len(JPEG_END), os.SEEK_END)
        return header.format != "JPEG" or file.read() == JPEG_END


def check_image_size(image: Path, pair: Pair) -> None:
    """Check that an image has the size that the labels of its pair are for.

    Raises:
        UserError: If it has another size.
    """
    size = images.read_image_size(image)
    if size != pair.size:
        raise UserError(
            f"{image}: is {size[0]}x{size[1]}, but pair {pair.key} and its labels are for "
            f"{pair.size[0]}x{pair.size[1]}; resize the image"
        )


def _copy(image: Path, target: Path) -> None:
    try:
        shutil.copyfile(image, target)
    except OSError as error:
        if error.errno in FULL_DISK_ERRORS:  # Python names the file that is read
            error.filename, error.filename2 = str(target), None
        raise


def _make_hard_link(image: Path, target: Path) -> bool:
    try:
        os.link(image, target)
    except OSError:  # another file system, or one without hard links
        return False
    return True
