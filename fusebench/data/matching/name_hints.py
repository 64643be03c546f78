"""Hints for files that were not found: what is there instead, and how to name it.

Used in error messages only; nothing is matched by similarity.
"""

import os
import re
from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path

from fusebench.data.images import IMAGE_EXTENSIONS
from fusebench.errors import shorten

MAX_LISTED = 5  # names in a message
MAX_NAME_LENGTH = 200  # characters of a name in a message


def list_first(names: Collection[str]) -> str:
    """Join the first three names in sorted order; long ones are cut."""
    first = [shorten(name, MAX_NAME_LENGTH) for name in sorted(names)[:4]]
    return f"{', '.join(first[:3])}{', ...' if len(first) > 3 else ''}"


def describe_content(folder: Path) -> str:
    """Describe a folder without fitting images: endings of its files, subfolders with images."""
    endings: Counter[str] = Counter()
    subfolders = []
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            if is_system_file(entry.name):
                continue
            if entry.is_dir():
                count = _count_images(Path(entry.path))
                subfolders.append(f"{entry.name}/ ({count} images)" if count else f"{entry.name}/")
            else:
                endings[Path(entry.name).suffix.lower() or "no ending"] += 1
    files = [f"{count} {ending}" for ending, count in endings.most_common(MAX_LISTED)]
    content = ", ".join([*files, *subfolders[:MAX_LISTED]]) or "nothing"
    if any(ending in IMAGE_EXTENSIONS for ending in endings):
        return f"found: {content}; write the names of the files with {{key}} for the pair's key"
    advice = "convert the images" if files else "put images there"
    if any("images)" in subfolder for subfolder in subfolders):
        advice = "name that subfolder, or move its images up"
    return f"found: {content}; images end in {', '.join(IMAGE_EXTENSIONS)}: {advice}"


def is_system_file(name: str) -> bool:
    """Return whether an operating system or a program left this file beside the data."""
    return name.startswith(".") or name.lower() in ("__macosx", "thumbs.db", "desktop.ini")


def suggest_similar_name(missing: Collection[str], folder: Path, unmatched: Collection[str]) -> str:
    """Suggest which file of a folder could be the first missing one; empty if none is similar.

    Args:
        missing: Keys without a file.
        folder: Where their files were expected.
        unmatched: Keys of files in ``folder`` that are not expected.
    """
    key = min(missing)
    similar = _find_similar_key(key, unmatched)
    if similar is None:
        return ""
    return f"{key!r} and {similar[0]!r} in {folder} differ in {similar[1]}; rename one of them"


def suggest_other_ending(missing: Collection[str], folder: Path) -> str:
    """Suggest a file of the first missing key that does not end like an image; empty if none."""
    with os.scandir(folder) as entries:
        paths = sorted(Path(entry.name) for entry in entries)
    names = [
        path.name
        for path in paths
        if path.stem == min(missing) and path.suffix.lower() not in IMAGE_EXTENSIONS
    ]
    if not names:
        return ""
    return (
        f"{folder / names[0]} is there, but its ending is not read: convert it to one of "
        f"{', '.join(IMAGE_EXTENSIONS)}"
    )


def suggest_key(key: str, keys: Collection[str]) -> str:
    """Suggest how to correct a key of a list that is none of ``keys``."""
    similar = _find_similar_key(key, keys)
    if similar:
        other, difference = similar
        return f"{key!r} and {other!r} differ in {difference}; correct the list"
    return "correct the list: one key or file name per line"


def describe_similar_name(name: str, names: Collection[str]) -> str:
    """Describe how a name differs from a similar one of ``names``; empty if none is similar."""
    similar = _find_similar_key(name, names)
    return f"{name!r} and {similar[0]!r} differ in {similar[1]}" if similar else ""


def _find_similar_key(key: str, keys: Collection[str]) -> tuple[str, str] | None:
    """Return a key that differs in case, leading zeros or blanks only, and in which of them."""
    for form, difference in (
        (str.casefold, "the case of letters"),
        (_strip_zeros, "leading zeros"),
        (_remove_blanks, "spaces"),
    ):
        for other in sorted(keys):
            if form(other) == form(key):
                return other, difference
    return None


def suggest_copy(key: str, keys: Collection[str]) -> str:
    """Suggest that a key is a copy that a browser or a file manager made; empty if not."""
    original = re.sub(r"( \(\d+\)| - Copy| copy)$", "", key)
    if original != key and original in keys:
        return f"{key!r} looks like a copy of {original!r}; delete it"
    return ""


def suggest_templates(first: Sequence[str], second: Sequence[str]) -> tuple[str, str] | None:
    """Find templates with ``{key}`` by which two sets of names match, e.g. IR1 and VIS1.

    Args:
        first: Names without extension.
        second: Likewise.

    Returns:
        A template per set; None if no common text at the start and the end explains the difference.
    """
    if len(first) < 2 or len(first) != len(second):
        return None
    (start_1, end_1), (start_2, end_2) = _find_common_ends(first), _find_common_ends(second)
    if start_1 == start_2:
        start_1 = start_2 = ""
    if end_1 == end_2:
        end_1 = end_2 = ""
    while start_1[-1:] == start_2[-1:] and start_1[-1:].isdigit():  # digits belong to the key
        start_1, start_2 = start_1[:-1], start_2[:-1]
    while end_1[:1] == end_2[:1] and end_1[:1].isdigit():
        end_1, end_2 = end_1[1:], end_2[1:]
    keys = [
        {name[len(start) : len(name) - len(end)] for name in names}
        for names, start, end in ((first, start_1, end_1), (second, start_2, end_2))
    ]
    if keys[0] != keys[1]:
        return None
    return f"{start_1}{{key}}{end_1}", f"{start_2}{{key}}{end_2}"


def _find_common_ends(names: Sequence[str]) -> tuple[str, str]:
    """Return the common start and the common end of names; they do not overlap."""
    start = _find_common_start(names)
    return start, _find_common_start([name[len(start) :][::-1] for name in names])[::-1]


def _find_common_start(names: Sequence[str]) -> str:
    first, last = min(names), max(names)  # what these share, all names between them share
    different = [i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b]
    return first[: different[0]] if different else min(first, last, key=len)


def _strip_zeros(key: str) -> str:
    return re.sub(r"(?<!\d)0+(?=\d)", "", key)


def _remove_blanks(key: str) -> str:
    return "".join(key.split())


def _count_images(folder: Path) -> int:
    try:
        return sum(path.suffix.lower() in IMAGE_EXTENSIONS for path in folder.iterdir())
    except OSError:
        return 0
