"""Keys of pairs, made from file names: what a name must be so that every result can carry it.

A key is the name of a file without its folder and its image extension, in Unicode's composed
form (NFC). Two systems write one accented name in two forms: macOS decomposes what others
compose, so labels unpacked there would not match images that were not.
"""

import unicodedata
from collections.abc import Collection
from pathlib import Path, PurePosixPath

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


def resolve_key(name: str, keys: Collection[str]) -> str | None:
    r"""Find the key that a bare key, a file name or a path names; None if there is none.

    Tried in this order, because a key can have dots and slashes of its own: the text as it is,
    without folders, without an image extension, without any extension. Folders may be separated
    by slashes or by backslashes (a list written on Windows).

    Args:
        name: E.g. ``00001``, ``00001.png``, ``./Vis/00001.JPG`` or ``M3FD\Vis\00001.png``.
        keys: The known keys.
    """
    name = unicodedata.normalize("NFC", name)
    if name in keys:
        return name
    path = PurePosixPath(name.replace("\\", "/"))
    stem = path.stem if path.suffix.lower() in IMAGE_EXTENSIONS else path.name
    candidates = (path.name, stem, path.stem)
    return next((candidate for candidate in candidates if candidate in keys), None)
