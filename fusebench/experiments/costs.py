"""Fusion methods of a plan, and the cost profiles that belong to them."""

from collections.abc import Mapping
from pathlib import Path

from fusebench.config import schema
from fusebench.experiments.plan import Plan
from fusebench.storage import cost_profiles
from fusebench.storage.cost_profiles import CostProfile


def select_fusion_methods(plan: Plan) -> dict[str, schema.FusionMethodSource]:
    """Select the sources of the plan that fuse with a method, by name."""
    return {
        run.source_name: run.source.config
        for run in plan.runs
        if isinstance(run.source.config, schema.FusionMethodSource)
    }


def find_profiles(
    root: Path, fusion_methods: Mapping[str, schema.FusionMethodSource]
) -> list[tuple[str, CostProfile]]:
    """Find the cost profiles of the sources with their present method and options.

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
        if profile.source == name
        and (profile.method, profile.options) == (source.method, source.options)
    ]
