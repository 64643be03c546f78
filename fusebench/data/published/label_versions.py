"""Versions of the labels of a data set: folders with one label file per image, anywhere in it."""

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from fusebench.data.trees.label_options import Sensor
from fusebench.data.trees.path_template import parse_template
from fusebench.errors import UserError

# Relative path to folder of the version, sensor that the labels are drawn for, and key of the pair.
PathParser = Callable[[str], tuple[str, Sensor | None, str] | None]


@dataclass(frozen=True)
class LabelVersion:
    """The label files of one version.

    Attributes:
        name: Its folder, below that of the data set.
        sensor: The sensor whose images they were drawn for; None if they are for both.
        files: Key of a pair to its label file.
    """

    name: str
    sensor: Sensor | None
    files: dict[str, str]


def find_label_versions(
    folder: Path, parse_path: PathParser, extensions: tuple[str, ...]
) -> list[LabelVersion]:
    """Find all versions of the labels in a folder, sorted by name.

    Args:
        folder: The data set.
        parse_path: See `PathParser`; None for other files.
        extensions: Extensions of label files, in lower case with their dots.

    Raises:
        UserError: If a version has two files for one pair.
    """
    files: dict[tuple[str, Sensor | None], dict[str, str]] = defaultdict(dict)
    for file in parse_template("**/{key}", extensions).find(folder):
        parsed = parse_path(Path(file.path).relative_to(folder).as_posix())
        if parsed is None:
            continue
        name, sensor, key = parsed
        known = files[name, sensor].setdefault(key, file.path)
        if known != file.path:
            raise UserError(f"{known} and {file.path} are both labels of {key}; delete one")
    ordered = sorted(files, key=str)
    return [LabelVersion(name, sensor, files[name, sensor]) for name, sensor in ordered]


def choose_version(
    versions: Sequence[LabelVersion], keys: Collection[str], requested: Path | None, option: str
) -> LabelVersion | None:
    """Return the version that labels some of the keys.

    Args:
        versions: All versions.
        keys: Keys of a part of the data set.
        requested: Folder that the user names, or None.
        option: Name of the option for it, for messages.

    Returns:
        None if no version labels any of the keys.

    Raises:
        UserError: If several do and none is requested, or the requested one does not.
    """
    wanted = set(keys)
    fitting = [each for each in versions if not wanted.isdisjoint(each.files)]
    names = ", ".join(each.name for each in fitting)
    if requested is not None:
        path = PurePosixPath(requested.as_posix())
        fitting = [each for each in fitting if PurePosixPath(each.name) == path]
        if not fitting:
            raise UserError(
                f"data.{option}: {requested}: no labels of these images there; there are: "
                f"{names or 'none'}"
            )
    if len(fitting) > 1:
        raise UserError(
            f"several versions of the labels are there: {names}; scores depend on them, so choose "
            f"one: data: {{{option}: {fitting[0].name}}}"
        )
    return fitting[0] if fitting else None
