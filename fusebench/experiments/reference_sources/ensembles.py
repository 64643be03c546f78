"""Ensembles of a task: the method that combines predictions, and its checked options."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fusebench import plugins
from fusebench.config.reference_sources import EnsembleSource
from fusebench.contracts import Ensemble
from fusebench.errors import UserError
from fusebench.option_values import validate_model


@dataclass(frozen=True)
class ResolvedEnsemble:
    """A method of ensembling with its checked options."""

    plugin: Ensemble
    options: Any

    def build_spec(self, members: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Build the spec of the combined predictions from those of the members' predictions."""
        return {
            "ensemble": {
                "fuse": self.plugin.name,
                "version": self.plugin.VERSION,
                "options": self.options.model_dump(mode="json"),
            },
            "members": [dict(spec) for spec in members],
        }

    def describe(self, members: Sequence[str]) -> str:
        """Describe the ensemble for the protocol, e.g. ``weighted boxes fusion of ir, vis``."""
        text = f"{self.plugin.TITLE} of {', '.join(members)}"
        options = self.plugin.describe(self.options)
        return f"{text} ({options})" if options else text


def resolve_ensemble(kind: str, name: str, config: EnsembleSource) -> ResolvedEnsemble:
    """Load the method of an ensemble and check its options.

    Args:
        kind: Kind of the task: ``detection`` or ``segmentation``.
        name: Name of the source.
        config: Its configuration in the task file.

    Raises:
        UserError: If this kind of task has no such method, or an option is wrong.
    """
    where = f"sources.{name}"
    try:
        plugin = plugins.load_ensemble(kind, config.fuse)
    except UserError as error:
        raise UserError(f"{where}.fuse, in a task of kind {kind}: {error}") from None
    options = validate_model(plugin.Options, config.options, f"{where}.options")
    faults = plugin.config_errors(options, len(config.of), f"{where}.options")
    if faults:
        raise UserError("\n".join(faults))
    return ResolvedEnsemble(plugin, options)
