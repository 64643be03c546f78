"""Messages of libtiff, Pillow's decoder of compressed TIFF, which go to stderr on their own.

Damage is reported by Pillow's exceptions anyway, and those name the file.
"""

import ctypes
from contextlib import suppress


def silence_libtiff() -> None:
    """Let Pillow's libtiff print nothing, if this build of Pillow lets it be told.

    libtiff documents that a handler of NULL means silence. The function is looked up among the
    libraries that Pillow itself loaded, so that no other copy of libtiff is changed.
    """
    with suppress(ImportError, OSError, AttributeError):
        from PIL import _imaging

        library = ctypes.CDLL(_imaging.__file__)
        for name in ("TIFFSetErrorHandler", "TIFFSetWarningHandler"):
            set_handler = getattr(library, name)
            set_handler.argtypes, set_handler.restype = [ctypes.c_void_p], ctypes.c_void_p
            set_handler(None)
