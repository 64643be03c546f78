"""Keys of pairs, made from file names: what a name must be so that every result can carry it.

A key is the name of a file without its folder and its image extension, in Unicode's composed
form (NFC). Two systems write one accented name in two forms: macOS decomposes what others
compose, so labels unpacked there would not match images that were not.
"""

import re
import unicodedata
from collections.abc import Collection, Mapping
from pathlib import Path

from fusebench.data.images import IMAGE_EXTENSIONS
from fusebench.errors import UserError

MAX_KEY_BYTES = 230  # a file system allows 255; temporary files add dots, an extension and a number
_FORBIDDEN_CATEGORIES = ("Cc", "Zl", "Zp")  # control characters, line and paragraph separators


def make_key(stem: str, path: Path | str) -> str:
    """Convert the stem of a file name to a key.

    Args:
        stem: The file name without its extension.
        path: The file, for the message.

    Raises:
        UserError: If result files could not carry the name: it is not UTF-8, has control
            characters, or is too long.
    """
    if stem.isascii() and stem.isprintable() and len(stem) <= MAX_KEY_BYTES:
        return stem
    key, path = unicodedata.normalize("NFC", stem), Path(path)
    try:
        size = len(key.encode())
    except UnicodeEncodeError:
        raise UserError(
            f"{path}: the file's name is not UTF-8, so no table can list it; rename the files, "
            f"e.g. convmv -f gbk -t utf-8 -r --notest {path.parent} (gbk: the encoding of the "
            "computer that packed them), or unpack the archive with unzip -O gbk"
        ) from None
    if any(unicodedata.category(sign) in _FORBIDDEN_CATEGORIES for sign in key):
        raise UserError(
            f"{path.parent}: the file name {path.name!r} has a line break or another control "
            "character; rename it"
        )
    if size > MAX_KEY_BYTES:
        raise UserError(
            f"{path}: the file's name has {size} bytes without its extension; result files are "
            f"named like it and can have {MAX_KEY_BYTES}: shorten it"
        )
    return key


def index_keys(keys: Collection[str]) -> dict[str, str]:
    """Return each key by itself, and by itself without an image extension where that is unique.

    The key of ``00001.jpg.png`` is ``00001.jpg``; its row in a list may be ``00001``.
    """
    by_name: dict[str, list[str]] = {}
    for key in keys:
        by_name.setdefault(_remove_image_extension(key), []).append(key)
    shortened = {name: same_keys[0] for name, same_keys in by_name.items() if len(same_keys) == 1}
    return shortened | {key: key for key in keys}


def resolve_key(name: str, known_keys: Mapping[str, str]) -> str | None:
    r"""Find the key that a bare key, a file name or a path names; None if there is none.

    Tried in this order, because a key can have dots and slashes of its own: the text as it is,
    without folders, without an image extension, without any extension that is not a number. Folders
    may be separated by slashes or by backslashes (a file written on Windows).

    Args:
        name: E.g. ``00001``, ``00001.png``, ``./Vis/00001.JPG`` or ``M3FD\Vis\00001.png``.
        known_keys: See `index_keys`.
    """
    name = unicodedata.normalize("NFC", name)
    file_name = _remove_folders(name)
    stem, _, extension = file_name.rpartition(".")
    candidates = [name, file_name, _remove_image_extension(file_name)]
    if not extension.isdecimal():
        candidates.append(stem)
    return next((known_keys[text] for text in candidates if text in known_keys), None)


def remove_folders_and_extension(name: str) -> str:
    """Return a file name, in Unicode's composed form, without folders and image extension."""
    return _remove_image_extension(_remove_folders(unicodedata.normalize("NFC", name)))


def _remove_folders(name: str) -> str:
    return re.split(r"[\\/]", name)[-1]


def _remove_image_extension(name: str) -> str:
    stem, dot, extension = name.rpartition(".")
    return stem if stem and f"{dot}{extension}".lower() in IMAGE_EXTENSIONS else name
