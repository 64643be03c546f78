"""Image files of a folder by key, and pairs of two folders; the only place that matches files.

Where a folder of images is named, its last part can be a template with ``{key}`` if the files are
not named like the key: ``fused/{key}_ADF`` finds ``fused/carLight_ADF.jpg`` for the key
``carLight``.
"""

import os
import re
import unicodedata
from collections.abc import Collection
from pathlib import Path, PurePath

from fusebench.data.images import IMAGE_EXTENSIONS
from fusebench.data.matching import name_hints
from fusebench.data.matching.keys import make_key
from fusebench.errors import UserError
from fusebench.runtime.reading.regular_file import describe_file_type

KEY_PLACEHOLDER = "{key}"


def find_images_by_stem(folder: Path) -> dict[str, Path]:
    """Index the image files of a folder by key, whatever their extension; skips hidden files.

    Args:
        folder: The folder, or ``folder/TEMPLATE`` with ``{key}`` in the template.

    Raises:
        UserError: If there is no such folder or no image, two files share a key, a key cannot be
            used (see `make_key`), or an entry is no file.
    """
    return {key: Path(file) for key, file in _index_images(folder).items()}


def _index_images(folder: Path) -> dict[str, str]:
    """As `find_images_by_stem`; a path takes longer to build than to find."""
    folder, template = split_template(folder)
    if not folder.is_dir():
        is_misplaced = KEY_PLACEHOLDER in str(folder)
        hint = f"; {KEY_PLACEHOLDER} can stand in the last part only" if is_misplaced else ""
        raise UserError(f"{folder}: no such folder{hint}")
    pattern, extensions = _compile_template(template)
    place = str(folder / "0")[:-1]  # in front of a name, also below "." and "/"
    paths: dict[str, str] = {}
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            stem, _, extension = entry.name.rpartition(".")
            if f".{extension}".lower() not in extensions or entry.name.startswith("."):
                continue
            match = pattern.fullmatch(unicodedata.normalize("NFC", stem)) if pattern else None
            if pattern and match is None:
                continue
            path = f"{place}{entry.name}"
            if not entry.is_file():
                raise UserError(describe_special_file(Path(path)))
            key = make_key(match[1] if match else stem, path)
            if key in paths:
                raise UserError(_describe_duplicate(Path(paths[key]), Path(path), key))
            paths[key] = path
    if not paths:
        named = "" if pattern is None else f" named {template}"
        raise UserError(f"{folder}: no images{named}; {name_hints.describe_content(folder)}")
    return paths


def match_pairs_by_stem(infrared: Path, visible: Path) -> list[tuple[str, str, str]]:
    """List ``(key, infrared file, visible file)`` of two folders, matched by key.

    Matching by position would silently shift every pair after a missing file.

    Args:
        infrared: Folder of infrared images, or a template (see `find_images_by_stem`).
        visible: Likewise of visible images.

    Raises:
        UserError: If a key is in one folder only, naming that folder and the first three keys.
    """
    infrared_files, visible_files = _index_images(infrared), _index_images(visible)
    check_same_keys(infrared_files, visible_files, infrared, visible)
    return [(key, infrared_files[key], visible_files[key]) for key in sorted(infrared_files)]


def check_same_keys(
    first: Collection[str], second: Collection[str], first_folder: Path, second_folder: Path
) -> None:
    """Refuse files of two folders that have no partner in the other.

    Raises:
        UserError: With the first three keys, and what to do.
    """
    only_first, only_second = set(first) - set(second), set(second) - set(first)
    for folder, missing, unmatched, keys in (
        (second_folder, only_first, only_second, first),
        (first_folder, only_second, only_first, second),
    ):
        if missing:
            advice = (
                _suggest_templates(only_first, only_second, first_folder, second_folder)
                or name_hints.suggest_copy(min(missing), keys)
                or name_hints.suggest_similar_name(missing, split_template(folder)[0], unmatched)
                or name_hints.suggest_other_ending(missing, split_template(folder)[0])
                or "add the missing files or delete the others"
            )
            raise UserError(
                f"{len(missing)} image(s) have no partner in {folder}: "
                f"{name_hints.list_first(missing)}; {advice}"
            )


def describe_missing(missing: Collection[str], folder: Path, unmatched: Collection[str]) -> str:
    """Describe what to do about keys that have no file in a folder.

    Args:
        missing: The keys.
        folder: Where their files were expected, or a template.
        unmatched: Keys of files in the folder that are not expected.
    """
    place, template = split_template(folder)
    templates = name_hints.suggest_templates(sorted(missing), sorted(unmatched))
    if templates and template == KEY_PLACEHOLDER and templates[0] == KEY_PLACEHOLDER:
        return f"name the folder as {place / templates[1]} if these are their files"
    return (
        name_hints.suggest_similar_name(missing, place, unmatched)
        or name_hints.suggest_other_ending(missing, place)
        or f"put them there, named like the pair's key, or name the folder as "
        f"{place}/{KEY_PLACEHOLDER}_NAME if the names have a common addition"
    )


def split_template(folder: Path) -> tuple[Path, str]:
    """Split ``folder/{key}_NAME`` into the folder and the template of its file names."""
    if KEY_PLACEHOLDER in folder.name and not folder.is_dir():
        return folder.parent, folder.name
    return folder, KEY_PLACEHOLDER


def get_folder_label(folder: Path) -> str:
    """Name a folder of images: its own name, or what a template adds to the key (``ADF``)."""
    place, template = split_template(folder)
    name = PurePath(template)
    stem = name.stem if name.suffix.lower() in IMAGE_EXTENSIONS else template
    addition = stem.replace(KEY_PLACEHOLDER, " ")
    return addition.strip(" _-.") or place.resolve().name


def _compile_template(template: str) -> tuple[re.Pattern[str] | None, tuple[str, ...]]:
    """Return the pattern of file stems (None: any) and the extensions to read."""
    name = PurePath(template)
    extensions: tuple[str, ...] = IMAGE_EXTENSIONS
    if name.suffix.lower() in IMAGE_EXTENSIONS:
        template, extensions = name.stem, (name.suffix.lower(),)
    if template == KEY_PLACEHOLDER:
        return None, extensions
    before, _, after = unicodedata.normalize("NFC", template).partition(KEY_PLACEHOLDER)
    if KEY_PLACEHOLDER in after:
        raise UserError(f"{template}: {KEY_PLACEHOLDER} stands twice; write it once")
    return re.compile(f"{re.escape(before)}(.+){re.escape(after)}", re.DOTALL), extensions


def describe_special_file(path: Path) -> str:
    """Describe an entry with the name of an image that is no regular file, for messages."""
    if path.is_symlink() and not path.exists():
        return f"{path}: is a link to {path.readlink()}, which does not exist; restore or delete it"
    file_type = describe_file_type(path.stat())
    return f"{path}: is {file_type} with the name of an image; rename it or move it away"


def _describe_duplicate(first: Path, second: Path, key: str) -> str:
    forms = (
        ""
        if first.stem == second.stem
        else ", once in composed and once in decomposed Unicode (NFC and NFD)"
    )
    return (
        f"{first.parent}: {first.name!a} and {second.name!a} are both called {key!r}{forms}; "
        "keep one of them"
    )


def _suggest_templates(
    first: Collection[str], second: Collection[str], first_folder: Path, second_folder: Path
) -> str:
    templates = name_hints.suggest_templates(sorted(first), sorted(second))
    if templates is None or any(
        split_template(folder)[1] != KEY_PLACEHOLDER for folder in (first_folder, second_folder)
    ):
        return ""
    named = " and ".join(
        repr(str(folder / template)) if template != KEY_PLACEHOLDER else repr(str(folder))
        for folder, template in zip((first_folder, second_folder), templates, strict=True)
    )
    return (
        f"rename the files so that the two of a pair are called alike; fusion.quality and data set "
        f"'folder' also take {named}"
    )
