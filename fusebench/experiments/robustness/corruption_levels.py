"""The corruptions of a task: each with its options, one level per severity."""

from dataclasses import dataclass
from typing import Any

from fusebench import plugins
from fusebench.config import schema
from fusebench.contracts import Corruption
from fusebench.corruption_parts.pair_images import Sensor
from fusebench.errors import UserError
from fusebench.option_values import validate_model


@dataclass(frozen=True)
class CorruptionLevel:
    """One corruption of a task with one severity.

    Attributes:
        plugin: The corruption.
        options: Its checked options.
        severity: 1, 2 or 3.
    """

    plugin: Corruption
    options: Any
    severity: int

    @property
    def label(self) -> str:
        """Readable part of folder names, e.g. ``darkness2``."""
        return f"{self.plugin.name}{self.severity}"

    @property
    def changed_sensors(self) -> tuple[Sensor, ...]:
        """The sensors whose images change."""
        return self.plugin.changed_sensors(self.options)

    @property
    def frames_back(self) -> int:
        """How many frames before a pair the images are that the corruption needs beside it."""
        return self.plugin.frames_back(self.severity, self.options)

    @property
    def spec(self) -> dict[str, Any]:
        """Everything that affects the corrupted images but the pairs."""
        module = {"module": self.plugin.module_hash} if self.plugin.module_hash else {}
        return {
            "name": self.plugin.name,
            "version": self.plugin.VERSION,
            "severity": self.severity,
            "options": self.options.model_dump(mode="json"),
            **module,
        }

    def describe(self) -> str:
        """Describe the severity with its physical quantity."""
        return self.plugin.describe(self.severity, self.options)


def resolve_corruptions(task_name: str, task: schema.Task) -> tuple[CorruptionLevel, ...]:
    """Resolve the corruptions of a task, severity by severity; a quality task has none.

    Raises:
        UserError: One line per fault.
    """
    if isinstance(task, schema.QualityTask):
        return ()
    where = f"tasks.{task_name}.corruptions"
    levels: list[CorruptionLevel] = []
    faults = []
    for name, config in task.corruptions.items():
        try:
            plugin = plugins.load_corruption(name)
            options = validate_model(plugin.Options, config.options, f"{where}.{name}.options")
        except UserError as fault:
            text = str(fault)
            faults.append(text if text.startswith(where) else f"{where}: {text}")
            continue
        levels += [CorruptionLevel(plugin, options, severity) for severity in config.severities]
    if faults:
        raise UserError("\n".join(faults))
    return tuple(levels)
