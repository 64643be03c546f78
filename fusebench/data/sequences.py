"""Conditions and sequences of a data set, read from TarDAL's ``meta/scenario.json``.

The format of TarDAL's own reader (a range includes both ends)::

    [{"name": "Day", "scene": [
        {"name": "day-1", "mode": "train", "range": [{"min": 0, "max": 10}]}]}]
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from fusebench.data.splitting.frame_numbers import parse_frame_numbers
from fusebench.errors import UserError, format_validation_error
from fusebench.runtime.reading import json_files

MAX_BYTES = 10_000_000  # of a scenario file


class _ScenarioModel(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FrameRange(_ScenarioModel):
    """Frame numbers from ``min`` to ``max``, both included."""

    min: int = Field(ge=0, le=9_999_999)
    max: int = Field(ge=0, le=9_999_999)


class RecordingSequence(_ScenarioModel):
    """One sequence of consecutive frames; no split may cut it."""

    name: str
    mode: Literal["train", "val"] = "train"
    range: tuple[FrameRange, ...]


class ConditionSequences(_ScenarioModel):
    """One condition (day, night, ...) and the sequences recorded under it."""

    name: str
    scene: tuple[RecordingSequence, ...]


@dataclass(frozen=True)
class ConditionAndSequence:
    """Condition and sequence of one pair.

    Attributes:
        condition: In lower case, e.g. ``night``; None if unknown.
        sequence: Name of the sequence; empty if unknown.
    """

    condition: str | None
    sequence: str


def load_scenarios(
    folder: Path, file: Path | None, keys: Sequence[str]
) -> dict[str, ConditionAndSequence]:
    """Load condition and sequence per key, if the data set has a scenario file.

    Args:
        folder: The data set.
        file: Scenario file below ``folder`` or absolute. None: ``meta/scenario.json`` if it
            exists, otherwise the result is empty.
        keys: Keys of the data set.

    Raises:
        UserError: If ``file`` is given but missing, or has another format.
    """
    path = folder / (file or Path("meta/scenario.json"))
    return read_scenario_file(path, keys) if file or path.is_file() else {}


def read_scenario_file(path: Path, keys: Sequence[str]) -> dict[str, ConditionAndSequence]:
    """Read condition and sequence per key; keys outside every range are left out.

    Raises:
        UserError: If the file has another format, a range runs backwards, or two ranges share a
            frame number.
    """
    document = json_files.read_json(path, MAX_BYTES)
    try:
        conditions = TypeAdapter(tuple[ConditionSequences, ...]).validate_python(document)
    except ValidationError as error:
        raise UserError(format_validation_error(str(path), error)) from None
    ranges = _sort_ranges(path, conditions)
    frame_numbers = parse_frame_numbers(keys)
    if frame_numbers is None:
        raise UserError(
            f"{path}: its ranges are frame numbers, but the file names are not numbered alike "
            f"(e.g. {min(keys, default='none')!r}); delete the file or rename the images"
        )
    starts = [ids.min for ids, _ in ranges]
    scenarios = {}
    for key, number in frame_numbers.items():
        index = bisect_right(starts, number) - 1
        if index >= 0 and number <= ranges[index][0].max:
            scenarios[key] = ranges[index][1]
    return scenarios


def _sort_ranges(
    path: Path, conditions: Sequence[ConditionSequences]
) -> list[tuple[FrameRange, ConditionAndSequence]]:
    """List the ranges by their first frame number; refuse those that share a number."""
    ranges: list[tuple[FrameRange, ConditionAndSequence]] = []
    for condition in conditions:
        for sequence in condition.scene:
            current = ConditionAndSequence(condition.name.lower(), sequence.name)
            for ids in sequence.range:
                if ids.max < ids.min:
                    raise UserError(
                        f"{path}: {condition.name}: {sequence.name}: range from {ids.min} to "
                        f"{ids.max} runs backwards; swap min and max"
                    )
                ranges.append((ids, current))
    ranges.sort(key=lambda part: part[0].min)
    for (before, other), (ids, current) in pairwise(ranges):
        if ids.min <= before.max:
            raise UserError(
                f"{path}: id {ids.min} is in {other.condition}: {other.sequence} and in "
                f"{current.condition}: {current.sequence}; remove it from one of them"
            )
    return ranges
