"""Cost profiles that belong to a source as it is now."""

from pathlib import Path

import pytest

from fusebench import plugins
from fusebench.config.schema import FusionMethodSource
from fusebench.experiments import costs
from fusebench.experiments.resolution import ResolvedSource
from fusebench.storage import cost_profiles
from fusion.profiling import files
from fusion.profiling.files import CostRow
from fusion.profiling.measurement import MeasuredCost
from fusion.profiling.operation_counts import OperationCounts
from fusion.profiling.request import ProfileRequest, RunLimits, TimingOptions


@pytest.fixture
def source(tmp_path):
    """The student with a weights file of the user's."""
    weights = tmp_path / "mine.safetensors"
    weights.write_bytes(b"first")
    config = FusionMethodSource(kind="method", method="student", options={"weights": str(weights)})
    method = plugins.load_fusion_method("student")
    return ResolvedSource("mine", config, Path(), method, method.Options(weights=str(weights)))


def store_profile(root, source):
    request = ProfileRequest("mine", "student", source.config.options, 64, 48)
    cost = MeasuredCost(2.0, 1.0, 3.0, 30, 3.0, repetitions=2, has_warm_up=True)
    files.store_profile(
        root,
        CostRow(
            request, TimingOptions("cpu", 1, RunLimits(5, 5, 0)), OperationCounts(10, 20), cost
        ),
    )


def test_a_profile_is_found_until_the_weights_change(tmp_path, source):
    store_profile(tmp_path, source)
    ((name, profile),) = costs.find_profiles(tmp_path, {"mine": source})
    assert (name, profile.median_seconds) == ("mine", 2.0)
    Path(source.options.weights).write_bytes(b"second")
    assert costs.find_profiles(tmp_path, {"mine": source}) == []


def test_a_profile_without_the_state_of_its_method_is_out_of_date(tmp_path, source):
    store_profile(tmp_path, source)
    (profile,) = cost_profiles.read_profiles(tmp_path)
    old = profile.model_copy(update={"version": None, "dependencies": None})
    cost_profiles.write_profile(tmp_path, old)
    assert costs.find_profiles(tmp_path, {"mine": source}) == []
