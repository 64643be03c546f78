"""File names for the names that users give to tasks, sources, classes and conditions."""

import hashlib
import re

SPEC_FILE = "spec.json"  # written last into every finished folder of the store
SCALED_FOLDER = "scaled"  # below the data folder: infrared images scaled to 8 bits
PARTIAL_SUFFIX = ".partial"  # of the name of a folder that is not finished
MANIFEST_FILE = "manifest.json"  # size and checksum of every file of a finished folder
TEMPORARY_FILE = re.compile(r"\..+\.\d+")  # of `atomic_write.replace_atomically`
MAX_NAME_LENGTH = 80  # characters of a task's or source's name
# Characters of a name within a file name: with the hash and the suffix it stays below 255 bytes,
# the limit of every common file system.
MAX_FILE_NAME_LENGTH = 100


def make_safe_file_name(text: str) -> str:
    """Convert any text to a part of a file name; different texts get different names.

    Letters, digits, ``_``, ``.`` and ``-`` stay. A text that had to be changed gets the first
    eight digits of its SHA-256 appended, so that ``a&b`` and ``a|b`` do not share a file.
    """
    safe = re.sub(r"[^A-Za-z0-9_.-]+", "-", text).strip("-.")[:MAX_FILE_NAME_LENGTH]
    if safe == text and safe:
        return safe
    digits = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:8]
    return f"{safe}-{digits}".lstrip("-")


def find_name_error(name: str) -> str:
    """Return why a task or a source cannot have this name; empty if it can.

    Printable text is valid unless it looks like a flag or a path.
    """
    if not 0 < len(name) <= MAX_NAME_LENGTH:
        return f"must have 1 to {MAX_NAME_LENGTH} characters (given: {len(name)})"
    if not name.isprintable() or name != name.strip():
        return "must be printable, without spaces at its ends"
    if name[0] in "-./":
        return "must not look like a flag or a path: no - . / at its start"
    return ""
