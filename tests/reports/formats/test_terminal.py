"""The report's main tables in a terminal."""

from reports.document import sections
from reports.formats import terminal
from tests.helpers.reports.synthetic_records import make_source_results, make_task_results

SOURCES = (
    make_source_results("infrared", "infrared", [(0.5, 0.2)]),
    make_source_results("visible", "visible", [(0.4, 0.6)]),
    make_source_results("mine", "method", [(0.6, 0.5)]),
)


def render_main_table(width):
    section = sections.build_section(make_task_results(*SOURCES))
    return terminal.render_table(section.main_tables[0], width).splitlines()


def test_columns_are_aligned():
    assert render_main_table(200) == [
        "                          person     car   mAP@.5",
        "---------------------------------------------------",
        "infrared (1 seed)           50.0 +  20.0     35.0",
        "visible (1 seed)            40.0    60.0 *   50.0 +",
        "mine (fused here, 1 seed)   60.0 *  50.0 +   55.0 *",
        "vs single: mine            +10.0   −10.0     +5.0",  # noqa: RUF001 - minus sign as printed
        "* best, + second best",
    ]


def test_a_table_that_is_too_wide_is_transposed():
    lines = render_main_table(40)
    assert lines[0].split() == ["infrared", "visible", "mine"]
    assert lines[4].split() == ["mAP@.5", "35.0", "50.0", "+", "55.0", "*"]
    assert lines[-2].split() == ["mAP@.5", "+5.0"]
