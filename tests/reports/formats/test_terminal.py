"""The report's main tables in a terminal."""

from dataclasses import replace

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


def test_columns_are_aligned_and_the_mean_comes_first():
    assert render_main_table(200) == [
        "                          mAP@.5   person     car",
        "---------------------------------------------------",
        "infrared (1 seed)           35.0     50.0 +  20.0",
        "visible (1 seed)            50.0 +   40.0    60.0 *",
        "mine (fused here, 1 seed)   55.0 *   60.0 *  50.0 +",
        "vs single: mine             +5.0    +10.0   −10.0",  # noqa: RUF001 - minus sign as printed
        "* best, + second best",
    ]


def test_a_table_that_is_too_wide_loses_its_remarks_first():
    lines = render_main_table(45)
    assert lines[0].split() == ["mAP@.5", "person", "car"]
    assert [line.split()[0] for line in lines[2:5]] == ["infrared", "visible", "mine"]


def test_columns_that_do_not_fit_follow_below_with_sources_as_rows():
    lines = render_main_table(34)
    assert max(map(len, lines)) <= 34
    assert lines[0].split() == ["mAP@.5", "person"]
    below = lines.index("") + 1
    assert lines[below].split() == ["car"]
    assert lines[below + 2].split() == ["infrared", "20.0"]


def test_intervals_are_printed_on_request():
    table = sections.build_section(make_task_results(*SOURCES)).main_tables[0]
    row = replace(table.rows[0], uncertainty_texts=("[48.0, 52.0]", "", "[30.0, 40.0]"))
    table = replace(table, rows=(row, *table.rows[1:]))
    assert "[" not in terminal.render_table(table, 200)
    line = terminal.render_table(table, 200, with_intervals=True).splitlines()[2]
    assert line.split("seed)")[1].split() == [
        "35.0",
        "[30.0,",
        "40.0]",
        "50.0",
        "[48.0,",
        "52.0]",
        "+",
        "20.0",
    ]
