"""Merging of nested settings: a task over its preset, and ``--set`` over both."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from fusebench.errors import UserError, shorten
from fusebench.runtime.reading.yaml_text import parse_yaml
from fusebench.runtime.unknown_names import suggest_names


def merge_settings(base: Mapping[str, Any], override: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``base`` updated with ``override``; mappings in both are merged, not replaced."""
    merged = dict(base)
    for key, value in override.items():
        are_mappings = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = merge_settings(merged[key], value) if are_mappings else value
    return merged


def select_engine(settings: dict[str, Any], kind: str) -> None:
    """Select a kind of engine; settings of another kind are removed.

    Args:
        settings: Content of the YAML file; changed in place.
        kind: The kind.
    """
    section = settings.get("engine")
    if not isinstance(section, dict) or section.get("kind", "local") != kind:
        settings["engine"] = {"kind": kind}


def apply_task_override(
    settings: dict[str, Any], assignment: str, task_fields: Mapping[str, Collection[str]]
) -> None:
    """Apply one ``--set`` to the content of a task file.

    Args:
        settings: Content of the YAML file; changed in place.
        assignment: ``tasks.NAME.option=value``, ``sources.NAME.option=value`` or
            ``engine.option=value``; the value is YAML.
        task_fields: Task kind to the fields of such a task; anything else is an option of its
            model, if it has one.

    Raises:
        UserError: If the assignment has another form or names no task, source or mapping.
    """
    path, equals, value = assignment.partition("=")
    steps = path.split(".")
    if equals and len(steps) == 2 and steps[0] == "engine" and steps[1]:
        _set_nested_value(settings, steps, value, assignment)
        return
    if not equals or len(steps) < 3 or steps[0] not in ("tasks", "sources"):
        raise UserError(
            f"--set {assignment}: expected tasks.NAME.option=value or engine.option=value"
        )
    section, name, *keys = steps
    entries = settings.get(section)
    if not isinstance(entries, dict) or not isinstance(entries.get(name), dict):
        names = list(map(str, entries or ()))
        raise UserError(f"--set {assignment}: no {name!r} in {section}{suggest_names(name, names)}")
    # A copy, because two entries that share a YAML anchor are one object.
    entry = entries[name] = dict(entries[name])
    fields = task_fields.get(str(entry.get("kind")), keys)
    if section == "tasks" and keys[0] not in fields and "options" in fields:
        keys = ["options", *keys]
    _set_nested_value(entry, keys, value, assignment)


def apply_override(settings: dict[str, Any], assignment: str) -> None:
    """Apply one ``--set section.option=value`` to nested settings; the value is YAML.

    Args:
        settings: Changed in place; nested mappings are copied first.
        assignment: E.g. ``optimizer.learning_rate=0.001``.

    Raises:
        UserError: If the assignment has another form, or a key before the last is no mapping.
    """
    path, equals, value = assignment.partition("=")
    keys = path.split(".")
    if not equals or not all(keys):
        raise UserError(f"--set {assignment}: expected section.option=value")
    _set_nested_value(settings, keys, value, assignment)


def _set_nested_value(
    settings: dict[str, Any], keys: Sequence[str], value: str, assignment: str
) -> None:
    """Set ``settings[keys[0]][keys[1]]...`` to a YAML value; missing mappings are created."""
    for key in keys[:-1]:
        inner = settings.get(key, {})
        if not isinstance(inner, dict):
            raise UserError(f"--set {assignment}: {key} is not a mapping")
        settings[key] = dict(inner)  # a copy, because YAML anchors share objects
        settings = settings[key]
    settings[keys[-1]] = parse_yaml(
        value, f"--set {shorten(assignment, 200)}: the value is not YAML"
    )
