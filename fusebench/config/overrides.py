"""Settings over settings: a task over its preset, and ``--set`` over both."""

from collections.abc import Collection, Mapping
from typing import Any

import yaml

from fusebench.errors import UserError


def merge_settings(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """``base`` with the values of ``over``; mappings in both are merged, not replaced."""
    merged = dict(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = merge_settings(merged[key], value) if both else value
    return merged


def apply_task_override(
    raw: dict[str, Any], words: str, fields: Mapping[str, Collection[str]]
) -> None:
    """Apply one ``--set`` to the raw task file.

    Args:
        raw: What the YAML says; changed.
        words: ``tasks.NAME.option=value`` or ``sources.NAME.option=value``; the value is YAML.
        fields: The fields of each kind of task; anything else is an option of its model.

    Raises:
        UserError: If the words are not of this form or lead nowhere.
    """
    where, equals, value = words.partition("=")
    steps = where.split(".")
    if not equals or len(steps) < 3 or steps[0] not in ("tasks", "sources"):
        raise UserError(f"--set {words}: expected tasks.NAME.option=value")
    section, name, *rest = steps
    entries = raw.get(section)
    if not isinstance(entries, dict) or not isinstance(entries.get(name), dict):
        known = ", ".join(map(str, entries or ()))
        raise UserError(f"--set {words}: no {name!r} in {section}; there is {known}")
    # Copies on the way down, because YAML's anchors make one object of two entries.
    entry = entries[name] = dict(entries[name])
    if section == "tasks" and rest[0] not in fields.get(str(entry.get("kind")), rest):
        rest = ["options", *rest]
    for step in rest[:-1]:
        inner = entry.get(step, {})
        if not isinstance(inner, dict):
            raise UserError(f"--set {words}: {step} is not a mapping")
        entry[step] = dict(inner)
        entry = entry[step]
    try:
        entry[rest[-1]] = yaml.safe_load(value)
    except yaml.YAMLError as fault:
        raise UserError(f"--set {words}: the value is not YAML: {fault}") from None


def apply_override(raw: dict[str, Any], words: str) -> None:
    """Apply one ``--set section.option=value`` to nested settings; the value is YAML.

    Args:
        raw: Changed; mappings on the way down are copied first.
        words: As above.

    Raises:
        UserError: If the words are not of this form or lead nowhere.
    """
    where, equals, value = words.partition("=")
    *way, last = where.split(".")
    if not equals or not all((*way, last)):
        raise UserError(f"--set {words}: expected section.option=value")
    for step in way:
        inner = raw.get(step, {})
        if not isinstance(inner, dict):
            raise UserError(f"--set {words}: {step} is not a mapping")
        raw[step] = dict(inner)
        raw = raw[step]
    try:
        raw[last] = yaml.safe_load(value)
    except yaml.YAMLError as fault:
        raise UserError(f"--set {words}: the value is not YAML: {fault}") from None
