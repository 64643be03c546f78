"""Pictures of the viewer: which pairs are stored, under which names, and their encoding."""

from collections.abc import Iterable, Mapping, Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from fusebench.data import images
from fusebench.errors import UserError
from fusebench.runtime import file_names
from reports.viewer.collection import ViewerTask

QUALITY = 90  # of WebP; at 80, textures that fusion methods differ in are visibly smoothed
EFFORT = 0  # of WebP, 0 to 6: 2 takes 1.4 times and 4 three times the time, for 7 % less
SAMPLE_COUNT = 6  # pictures that are encoded to estimate the size of all
MEGABYTE = 1_000_000
FOLDER = "images"  # of the report

Keys = Sequence[str]


def assign_folders(tasks: Sequence[ViewerTask]) -> dict[tuple[str, str], str]:
    """Assign a folder to the pictures of every source of every task.

    Sources of several tasks share a folder if no key has different files in them, so that an image
    is stored once.

    Returns:
        (task, source) to a folder relative to the report.
    """
    files_by_folder: dict[str, dict[str, Path]] = {}
    folders = {}
    for task in tasks:
        for source in task.sources:
            dataset = file_names.make_safe_file_name(task.split.dataset)
            base = f"{FOLDER}/{dataset}/{file_names.make_safe_file_name(source.name)}"
            name, number = base, 1
            while _have_conflict(files_by_folder.setdefault(name, {}), source.images):
                number += 1
                name = f"{base}~{number}"  # no safe file name has this character
            files_by_folder[name].update(source.images)
            folders[task.name, source.name] = name
    return folders


def list_files(
    tasks: Sequence[ViewerTask], keys: Mapping[str, Keys], folders: Mapping[tuple[str, str], str]
) -> dict[str, Path]:
    """List the pictures of some pairs: file relative to the report, to the image that it shows.

    Args:
        tasks: The tasks.
        keys: Name of the task to the keys of its pairs.
        folders: See `assign_folders`.
    """
    return {
        f"{folders[task.name, source.name]}/{build_file_name(key)}": source.images[key]
        for task in tasks
        for source in task.sources
        for key in keys[task.name]
    }


def build_file_name(key: str) -> str:
    """Build the name of the picture of a pair."""
    return f"{file_names.make_safe_file_name(key)}.webp"


def limit_keys(
    tasks: Sequence[ViewerTask], chosen: Mapping[str, Keys], fraction: float
) -> dict[str, Keys]:
    """Select a fraction of the pairs of every task: the chosen ones, then evenly spaced ones.

    Args:
        tasks: The tasks.
        chosen: Name of the task to keys that are always selected.
        fraction: Share of the pairs, above 0; at 1 and above all are selected.

    Returns:
        Name of the task to keys, sorted.
    """
    selected: dict[str, Keys] = {}
    for task in tasks:
        keys = task.split.keys
        count = min(len(keys), int(fraction * len(keys)))
        spaced = [keys[i * len(keys) // count] for i in range(count)]
        always = chosen.get(task.name, ())
        room = max(0, count - len(always))
        others = [key for key in spaced if key not in set(always)][:room] if count else []
        selected[task.name] = tuple(keys) if fraction >= 1 else sorted({*always, *others})
    return selected


def estimate_bytes(files: Iterable[Path]) -> float:
    """Estimate the size of all pictures from `SAMPLE_COUNT` evenly spaced ones.

    Images that cannot be read are left out.
    """
    paths = sorted(set(files))
    sample = [paths[i * len(paths) // SAMPLE_COUNT] for i in range(SAMPLE_COUNT)] if paths else []
    encoded = [_encode_or_explain(path) for path in dict.fromkeys(sample)]
    sizes = [len(picture) for picture, _ in encoded if picture]
    return float(np.mean(sizes)) * len(paths) if sizes else 0.0


def write_pictures(jobs: Sequence[tuple[Path, Path]]) -> list[str]:
    """Encode images as WebP files at full size.

    Args:
        jobs: (image, file to write).

    Returns:
        One text per job: empty, or why the image cannot be read.
    """
    faults = []
    for source, target in jobs:
        picture, fault = _encode_or_explain(source)
        faults.append(fault)
        if not fault:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(picture)
    return faults


def _encode_or_explain(path: Path) -> tuple[bytes, str]:
    """Encode an image as WebP; return its bytes, and why it cannot be read, one of them empty."""
    try:
        picture = Image.fromarray(images.read_color(path))
    except UserError as error:
        return b"", str(error)
    buffer = BytesIO()
    picture.save(buffer, format="WEBP", quality=QUALITY, method=EFFORT)
    return buffer.getvalue(), ""


def _have_conflict(first: Mapping[str, Path], second: Mapping[str, Path]) -> bool:
    return any(first.get(key, path) != path for key, path in second.items())
