"""Conditions and sequences of a data set: TarDAL's ``meta/scenario.json``.

The form, as TarDAL's own reader takes it (a range includes both its ends)::

    [{"name": "Day", "scene": [
        {"name": "day-1", "mode": "train", "range": [{"min": 0, "max": 10}]}]}]
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from bench.annotations import text
from bench.errors import BenchError, lines
from bench.splits import frame_numbers


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Range(_Form):
    """Ids from ``min`` to ``max``, both included."""

    min: int = Field(ge=0, le=9_999_999)
    max: int = Field(ge=0, le=9_999_999)


class Drive(_Form):
    """One drive: the unit that no split may cut."""

    name: str
    mode: Literal["train", "val"] = "train"
    range: tuple[Range, ...]


class Condition(_Form):
    """Day, night, ...: the sequences filmed under it."""

    name: str
    scene: tuple[Drive, ...]


@dataclass(frozen=True)
class Scene:
    """Where one pair is from: condition in lower case, and sequence."""

    condition: str
    group: str


def find(folder: Path, wanted: Path | None, keys: Sequence[str]) -> dict[str, Scene]:
    """What ``wanted`` or else ``<folder>/meta/scenario.json`` says; nothing if neither is there.

    Raises:
        BenchError: If ``wanted`` is named but missing, or the file is not of the form above.
    """
    path = folder / (wanted or Path("meta/scenario.json"))
    return read(path, keys) if wanted or path.is_file() else {}


def read(path: Path, keys: Sequence[str]) -> dict[str, Scene]:
    """Condition and sequence per key; keys that the file does not mention are left out.

    Raises:
        BenchError: If the file is not of the form above, a range runs backwards, or two ranges
            share an id.
    """
    try:
        raw = json.loads(text(path))
        conditions = TypeAdapter(tuple[Condition, ...]).validate_python(raw)
    except json.JSONDecodeError as fault:
        raise BenchError(f"{path}: not JSON: {fault}") from None
    except ValidationError as fault:
        raise BenchError(lines(str(path), fault)) from None
    by_number = _by_number(path, conditions)
    at = frame_numbers(keys)
    if at is None:
        raise BenchError(
            f"{path}: its ranges are frame numbers, but the file names are not numbered alike "
            f"(e.g. {min(keys, default='none')!r}); delete the file or rename the images"
        )
    return {key: by_number[n] for key, n in at.items() if n in by_number}


def _by_number(path: Path, conditions: Sequence[Condition]) -> Mapping[int, Scene]:
    found: dict[int, Scene] = {}
    for condition in conditions:
        for sequence in condition.scene:
            scene = Scene(condition.name.lower(), sequence.name)
            for ids in sequence.range:
                if ids.max < ids.min:
                    raise BenchError(
                        f"{path}: {condition.name}: {sequence.name}: range from {ids.min} to "
                        f"{ids.max} runs backwards; swap min and max"
                    )
                for number in range(ids.min, ids.max + 1):
                    if number in found:
                        raise BenchError(
                            f"{path}: id {number} is in {found[number].condition}: "
                            f"{found[number].group} and in {scene.condition}: {scene.group}; "
                            "an id has one place"
                        )
                    found[number] = scene
    return found
