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

from fusebench.data.box_annotations import read_text
from fusebench.data.splits import parse_frame_numbers
from fusebench.errors import UserError, format_validation_error


class _ScenarioModel(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FrameRange(_ScenarioModel):
    """Ids from ``min`` to ``max``, both included."""

    min: int = Field(ge=0, le=9_999_999)
    max: int = Field(ge=0, le=9_999_999)


class RecordingSequence(_ScenarioModel):
    """One drive: the unit that no split may cut."""

    name: str
    mode: Literal["train", "val"] = "train"
    range: tuple[FrameRange, ...]


class ConditionSequences(_ScenarioModel):
    """Day, night, ...: the sequences filmed under it."""

    name: str
    scene: tuple[RecordingSequence, ...]


@dataclass(frozen=True)
class ConditionAndSequence:
    """Where one pair is from: condition in lower case, and sequence."""

    condition: str
    sequence: str


def load_scenarios(
    folder: Path, wanted: Path | None, keys: Sequence[str]
) -> dict[str, ConditionAndSequence]:
    """What ``wanted`` or else ``<folder>/meta/scenario.json`` says; nothing if neither is there.

    Raises:
        UserError: If ``wanted`` is named but missing, or the file is not of the form above.
    """
    path = folder / (wanted or Path("meta/scenario.json"))
    return read_scenario_file(path, keys) if wanted or path.is_file() else {}


def read_scenario_file(path: Path, keys: Sequence[str]) -> dict[str, ConditionAndSequence]:
    """Condition and sequence per key; keys that the file does not mention are left out.

    Raises:
        UserError: If the file is not of the form above, a range runs backwards, or two ranges
            share an id.
    """
    try:
        raw = json.loads(read_text(path))
        conditions = TypeAdapter(tuple[ConditionSequences, ...]).validate_python(raw)
    except json.JSONDecodeError as fault:
        raise UserError(f"{path}: not JSON: {fault}") from None
    except ValidationError as fault:
        raise UserError(format_validation_error(str(path), fault)) from None
    by_number = _index_by_frame_number(path, conditions)
    at = parse_frame_numbers(keys)
    if at is None:
        raise UserError(
            f"{path}: its ranges are frame numbers, but the file names are not numbered alike "
            f"(e.g. {min(keys, default='none')!r}); delete the file or rename the images"
        )
    return {key: by_number[n] for key, n in at.items() if n in by_number}


def _index_by_frame_number(
    path: Path, conditions: Sequence[ConditionSequences]
) -> Mapping[int, ConditionAndSequence]:
    found: dict[int, ConditionAndSequence] = {}
    for condition in conditions:
        for sequence in condition.scene:
            scene = ConditionAndSequence(condition.name.lower(), sequence.name)
            for ids in sequence.range:
                if ids.max < ids.min:
                    raise UserError(
                        f"{path}: {condition.name}: {sequence.name}: range from {ids.min} to "
                        f"{ids.max} runs backwards; swap min and max"
                    )
                for number in range(ids.min, ids.max + 1):
                    if number in found:
                        raise UserError(
                            f"{path}: id {number} is in {found[number].condition}: "
                            f"{found[number].sequence} and in {scene.condition}: {scene.sequence}; "
                            "an id has one place"
                        )
                    found[number] = scene
    return found
