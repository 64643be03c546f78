"""Path templates: where the files of a data set lie, and what their paths say.

A template is a path below the data set's folder with placeholders and wildcards:

    {key}        identifies the pair; part of one name
    {split}      folder or part of a name that says train or test
    {sequence}   recording; may span several folders, e.g. set00/V000
    {condition}  e.g. day or night
    *            any text within one name
    **           any folders, also none

``FLIR/{split}/FLIR_{key}_RGB.jpg`` finds ``FLIR/train/FLIR_00097_RGB.jpg`` with the values
``split: train`` and ``key: 00097``. A template without ``{key}`` in its last part names a folder:
its files are found by their stems, whatever their extension. The case of literal text does not
matter.
"""

import os
import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from fusebench.data.matching.image_files import KEY_PLACEHOLDER, describe_special_file
from fusebench.data.matching.name_hints import is_system_file
from fusebench.errors import UserError, format_value

PLACEHOLDERS = ("key", "split", "sequence", "condition")
_TOKEN = re.compile(r"\{([^{}]*)\}|(\*\*/?)|(\*)|([{}])")
_PATTERNS = {"key": "[^/]+", "split": "[^/]+?", "condition": "[^/]+?", "sequence": ".+?"}
MAX_LENGTH = 500  # characters of a template
MAX_WILDCARDS = 8  # of one template: every one multiplies the ways to match a path
MAX_DEPTH = 12  # folders below the data set


@dataclass(frozen=True)
class FoundFile:
    """A file that a template names.

    Attributes:
        path: The file.
        values: Placeholder to its text in the path, in Unicode's composed form.
    """

    path: str
    values: Mapping[str, str]


@dataclass(frozen=True)
class PathTemplate:
    """A parsed template; see the module.

    Attributes:
        text: As it was written, with slashes.
        extensions: Extensions of the files that it may find, in lower case with their dots.
    """

    text: str
    extensions: tuple[str, ...]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The placeholders, in the order of `PLACEHOLDERS`; a folder has ``key``."""
        return tuple(name for name in PLACEHOLDERS if f"{{{name}}}" in self.full_text)

    @cached_property
    def full_text(self) -> str:
        """The template down to the file: ``{key}`` is added to that of a folder."""
        last = self.text.rpartition("/")[2]
        return self.text if "{key}" in last or self._names_a_file(last) else f"{self.text}/{{key}}"

    @cached_property
    def literal_folder(self) -> str:
        """The folders at its start that have no placeholder; empty if there are none."""
        parts = self.full_text.split("/")[:-1]
        count = next((i for i, part in enumerate(parts) if _TOKEN.search(part)), len(parts))
        return "/".join(parts[:count])

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        text = self.full_text
        stem, dot, ending = text.rpartition(".")
        if f"{dot}{ending}".lower() in self.extensions:
            extensions: Collection[str] = (f"{dot}{ending}",)
        else:
            stem, extensions = text, self.extensions
        endings = "|".join(map(re.escape, extensions))
        return re.compile(f"{_compile(stem)}(?i:{endings})", re.DOTALL)

    @cached_property
    def _folder_patterns(self) -> list[re.Pattern[str]] | None:
        """Pattern of the path of each level of folders; None if there can be any number."""
        parts = self.full_text.split("/")[:-1]
        if "**" in self.full_text or any("{sequence}" in part for part in parts):
            return None
        return [
            re.compile(_compile("/".join(parts[: i + 1])), re.DOTALL) for i in range(len(parts))
        ]

    def _names_a_file(self, name: str) -> bool:
        return PurePosixPath(name).suffix.lower() in self.extensions

    def find(self, folder: Path) -> list[FoundFile]:
        """Find the files below a folder, sorted by path.

        Raises:
            UserError: If an entry with a fitting name is no regular file, or a folder cannot be
                read.
        """
        return list(self._iterate(folder))

    def fits(self, folder: Path) -> bool:
        """Return whether there is any such file below a folder.

        Raises:
            UserError: See `find`.
        """
        return next(self._iterate(folder), None) is not None

    def _iterate(self, folder: Path) -> Iterator[FoundFile]:
        status = folder.stat()
        visited = {(status.st_dev, status.st_ino)}
        for relative, entry in _walk(str(folder), "", self._folder_patterns, visited):
            match = self._pattern.fullmatch(unicodedata.normalize("NFC", relative))
            if match is None:
                continue
            if not entry.is_file():
                raise UserError(describe_special_file(Path(entry.path)))
            yield FoundFile(entry.path, match.groupdict())


def parse_template(text: str, extensions: tuple[str, ...]) -> PathTemplate:
    """Parse a template.

    Args:
        text: See the module.
        extensions: Extensions of the files that it may find, in lower case with their dots.

    Raises:
        ValueError: If a placeholder is unknown, ``{key}`` stands in a folder's name, or there are
            too many wildcards.
    """
    quoted = format_value(text)
    if not text.strip() or len(text) > MAX_LENGTH:
        raise ValueError(f"{quoted}: expected a path of 1 to {MAX_LENGTH} characters")
    text = text.replace("\\", "/")
    if text.startswith("/"):
        raise ValueError(
            f"{quoted}: expected a path below the data set's folder; set folder to {quoted} or a "
            "parent of it"
        )
    parts = [part for part in text.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise ValueError(f"{quoted}: '..' leaves the data set's folder; set folder to a parent")
    text = "/".join(parts) or KEY_PLACEHOLDER
    names = []
    for name, _, _, brace in _TOKEN.findall(text):
        if brace or (name not in PLACEHOLDERS and "{" + name + "}" in text):
            known = ", ".join(f"{{{each}}}" for each in PLACEHOLDERS)
            raise ValueError(f"{quoted}: expected only these in braces: {known}")
        names.append(name)
    if len(names) > MAX_WILDCARDS:
        raise ValueError(
            f"{quoted}: {len(names)} placeholders and wildcards; at most {MAX_WILDCARDS}"
        )
    if "{key}" in text.rpartition("/")[0]:
        raise ValueError(f"{quoted}: {{key}} can stand in the last part only")
    return PathTemplate(text, extensions)


def match_name(template: str, text: str) -> dict[str, str] | None:
    """Match one name against a template; return the placeholders' texts, None if it differs.

    Args:
        template: E.g. ``{sequence}_*``; see `parse_template`.
        text: E.g. the key of a pair.
    """
    match = re.fullmatch(_compile(template), text, re.DOTALL)
    return None if match is None else match.groupdict()


def _compile(template: str) -> str:
    """Return the regular expression of a template, without its extension."""
    pattern, position, used_names = "", 0, set()
    for token in _TOKEN.finditer(template):
        pattern += _compile_literal(template[position : token.start()])
        name, any_folders, any_text = token[1], token[2], token[3]
        if name is not None:
            pattern += f"(?P={name})" if name in used_names else f"(?P<{name}>{_PATTERNS[name]})"
            used_names.add(name)
        elif any_folders:
            pattern += "(?:.*/)?" if any_folders.endswith("/") else ".*"
        elif any_text:
            pattern += "[^/]*"
        position = token.end()
    return pattern + _compile_literal(template[position:])


def _compile_literal(text: str) -> str:
    return f"(?i:{re.escape(unicodedata.normalize('NFC', text))})" if text else ""


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError as error:  # e.g. a link to itself
        raise UserError(f"{entry.path}: cannot be read ({error.strerror})") from None


def _walk(
    folder: str,
    relative: str,
    patterns: list[re.Pattern[str]] | None,
    visited: set[tuple[int, int]],
) -> Iterator[tuple[str, "os.DirEntry[str]"]]:
    """Yield the relative path and the entry of each file that could fit, sorted by path."""
    depth = relative.count("/") + 1 if relative else 0
    try:
        with os.scandir(folder) as listed:
            entries = sorted(listed, key=lambda entry: entry.name)
    except OSError as error:
        raise UserError(f"{folder}: cannot be read ({error.strerror})") from None
    is_last = patterns is not None and depth >= len(patterns)
    for entry in entries:
        if is_system_file(entry.name):
            continue
        path = f"{relative}/{entry.name}" if relative else entry.name
        if not _is_folder(entry):
            if patterns is None or is_last:
                yield path, entry
            continue
        name = unicodedata.normalize("NFC", path)
        fits = depth < MAX_DEPTH if patterns is None else not is_last
        if not fits or (patterns is not None and not patterns[depth].fullmatch(name)):
            continue
        status = entry.stat()
        identity = (status.st_dev, status.st_ino)
        if identity in visited:  # links can form circles
            continue
        yield from _walk(entry.path, path, patterns, {*visited, identity})
