"""Protocol of a task: common and differing facts, and warnings."""

import pytest

from reports.results import protocol
from reports.results.task_results import SourceResults
from tests.helpers.reports.synthetic_records import (
    PROTOCOL,
    PROVENANCE,
    make_record,
    make_source_results,
    make_task_results,
)

INFRARED = make_source_results("infrared", "infrared", [(0.5, 0.2)])


def make_source_with_facts(source, kind, **facts):
    record = make_record(source, kind, 0, (0.5, 0.5), protocol=PROTOCOL | facts)
    return SourceResults(source, kind, (0,), (record,), f"run {source}")


def collect_protocol(*sources):
    return protocol.collect_protocol(make_task_results(*sources))


def test_common_facts_are_on_the_protocol_line_and_others_are_listed_by_source():
    gray = make_source_with_facts("infrared", "infrared", color="gray")
    color = make_source_with_facts("mine", "method", color="RGB")
    task_protocol = collect_protocol(gray, color)
    for text in ("split hash: abc123", "versions: fusebench 0.1.0", "seeds: 0"):
        assert text in task_protocol.common_line
    assert task_protocol.differing_facts == {"color": {"infrared": "gray", "mine": "RGB"}}
    assert task_protocol.warnings == ()


@pytest.mark.parametrize("fact", ["split hash", "model", "data"])
def test_rows_with_different_protocols_give_a_warning(fact):
    task_protocol = collect_protocol(
        INFRARED, make_source_with_facts("mine", "method", **{fact: "other"})
    )
    assert any(
        "protocols of the rows differ" in warning and fact in warning
        for warning in task_protocol.warnings
    )
    assert task_protocol.differing_facts[fact] == {"infrared": PROTOCOL[fact], "mine": "other"}


def test_different_versions_of_a_library_give_a_warning():
    newer = PROVENANCE | {"versions": {"fusebench": "0.2.0"}}
    record = make_record("mine", "method", 0, (0.5, 0.5), provenance=newer)
    source = SourceResults("mine", "method", (0,), (record,), "")
    warnings = collect_protocol(INFRARED, source).warnings
    assert any("versions" in warning for warning in warnings)


def test_simulated_data_and_leaking_splits_give_warnings():
    source = make_source_with_facts("mine", "method", simulated=True, **{"split leaks": True})
    warnings = collect_protocol(source).warnings
    assert any(warning.startswith("simulated") for warning in warnings)
    assert any("the split leaks" in warning for warning in warnings)


def test_a_caution_of_one_record_is_a_warning_and_not_a_differing_fact():
    caution = {"caution: AP, YOLOv5": "no box has a score below 0.01"}
    task_protocol = collect_protocol(
        INFRARED, make_source_with_facts("visible", "visible", **caution)
    )
    assert task_protocol.warnings == ("AP, YOLOv5: no box has a score below 0.01.",)
