"""Fusion methods of a plan, and the cost profiles that belong to them."""

from collections.abc import Mapping
from pathlib import Path

from fusebench.config import schema
from fusebench.experiments.plan import Plan
from fusebench.experiments.resolution import ResolvedSource
from fusebench.storage import cost_profiles
from fusebench.storage.cost_profiles import CostProfile


def select_fusion_methods(plan: Plan) -> dict[str, ResolvedSource]:
    """Select the sources of the plan that fuse with a method, by name."""
    return {run.source_name: run.source for run in plan.runs if run.source.kind == "method"}


def find_profiles(
    root: Path, fusion_methods: Mapping[str, ResolvedSource]
) -> list[tuple[str, CostProfile]]:
    """Find the cost profiles of the sources with their present method, weights and options.

    Args:
        root: Folder of the store.
        fusion_methods: Sources by name; the result is in this order.

    Raises:
        UserError: If a profile cannot be read.
    """
    profiles = list(cost_profiles.read_profiles(root))
    return [
        (name, profile)
        for name, source in fusion_methods.items()
        for profile in profiles
        if profile.source == name and _is_present(profile, source)
    ]


def _is_present(profile: CostProfile, source: ResolvedSource) -> bool:
    """Return whether a profile was measured with the present state of the source."""
    config = source.config
    assert isinstance(config, schema.FusionMethodSource)
    state = {"version": profile.version, "dependencies": profile.dependencies}
    return (profile.method, profile.options, state) == (
        config.method,
        config.options,
        source.method_state,
    )
