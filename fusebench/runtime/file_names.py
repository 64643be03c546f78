"""Names that people give to tasks, sources, classes and conditions, made into names of files."""

import hashlib
import re

SPEC_FILE = "spec.json"  # written last into every finished folder of the store
MAX_NAME_LENGTH = 80  # characters that a name may have
MAX_FILE_NAME_LENGTH = (
    100  # characters of it in a file's name; with the rest of the path under every system's 255
)


def make_safe_file_name(text: str) -> str:
    """A part of a file's name for any text; other texts get other names.

    Letters, digits, ``_ . -`` stay. Whatever had to be changed gets eight digits of its SHA-256,
    so that ``a&b`` and ``a|b`` do not meet in one file.
    """
    kept = re.sub(r"[^A-Za-z0-9_.-]+", "-", text).strip("-.")[:MAX_FILE_NAME_LENGTH]
    if kept == text and kept:
        return kept
    digits = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:8]
    return f"{kept}-{digits}".lstrip("-")


def find_name_error(name: str) -> str:
    """Why a task or a source cannot be called so; empty if it can.

    Any printable text will do that is no flag and no path.
    """
    if not 0 < len(name) <= MAX_NAME_LENGTH:
        return f"must have 1 to {MAX_NAME_LENGTH} characters (given: {len(name)})"
    if not name.isprintable() or name != name.strip():
        return "must be printable, without spaces at its ends"
    if name[0] in "-./":
        return "must not look like a flag or a path: no - . / at its start"
    return ""
