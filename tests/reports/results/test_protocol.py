"""Protocol of a task, collected from its records."""

from reports.results import protocol
from reports.results.task_results import SourceResults
from tests.helpers.synthetic_records import PROTOCOL, make_record, make_task_results


def test_a_caution_of_one_record_is_a_warning_and_not_a_differing_fact():
    caution = {"caution: AP, YOLOv5": "no box has a score below 0.01"}
    results = make_task_results(
        *(
            SourceResults(
                name, name, (0,), (make_record(name, name, 0, (0.5, 0.7), **changes),), ""
            )
            for name, changes in (
                ("infrared", {}),
                ("visible", {"protocol": PROTOCOL | caution}),
            )
        )
    )
    assert protocol.collect_protocol(results).warnings == (
        "AP, YOLOv5: no box has a score below 0.01.",
    )
