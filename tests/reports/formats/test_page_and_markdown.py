"""Page and Markdown file: the same content, escaped, with protocol and missing runs."""

import base64
import hashlib
import re
from dataclasses import replace

import pytest

from reports.document import sections, selection
from reports.document.model import Report
from reports.figures.sample_panels import SamplePair, SamplePanel
from reports.formats import html_page, latex, markdown, terminal
from reports.results.task_results import SourceResults
from reports.tables import csv_files
from tests.helpers.reports.synthetic_records import (
    PROTOCOL,
    make_record,
    make_source_results,
    make_task_results,
)

INFRARED = make_source_results("infrared", "infrared", [(0.5, 0.2)])
VISIBLE = make_source_results("visible", "visible", [(0.4, 0.6)])
FUSED = make_source_results("mine", "method", [(0.6, 0.5)])


def wrap_section(section, command="", rule="rule"):
    return Report("Title", "1 of 1 planned runs finished.", command, (), (section,), rule)


def build_report(*sources, command=""):
    return wrap_section(sections.build_section(make_task_results(*sources)), command)


def make_source_with_facts(source, kind, **facts):
    record = make_record(source, kind, 0, (0.5, 0.5), protocol=PROTOCOL | facts)
    return SourceResults(source, kind, (0,), (record,), f"run {source}")


def make_sample(source):
    panel = SamplePanel(source, source, "samples/1.jpg", (4, 4), "alternative text")
    return SamplePair("00001", "day", "smallest hash", (panel,))


def test_no_line_breaks_before_a_percent_sign_and_code_is_unchanged():
    source = make_source_results("a 5 %", "folder", [(0.5, 0.5)], planned=(0, 1))
    html = html_page.render_report(build_report(source, command="run 'a 5 %'"))
    assert "<span>a 5\N{NO-BREAK SPACE}%</span>" in html
    assert '<pre tabindex="0">run &#39;a 5 %&#39;</pre>' in html
    assert "<code>run a 5 %</code>" in html


def test_the_hash_of_the_script_is_in_the_content_security_policy():
    html = html_page.render_report(build_report(INFRARED))
    script = re.search(r"<script>(.*)</script>", html, re.DOTALL)[1]
    script_hash = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{script_hash}'" in html


def test_names_are_escaped():
    name = "<script>alert(1)</script>|*x*"
    report = build_report(make_source_results(name, "folder", [(0.5, 0.5)]))
    for text in (html_page.render_report(report), markdown.render_report(report)):
        assert "<script>alert" not in text
        assert "&lt;script&gt;" in text
    assert r"\|\*x\*" in markdown.render_report(report)


def test_best_is_bold_and_second_best_underlined():
    report = build_report(INFRARED, VISIBLE, FUSED)
    text, html = markdown.render_report(report), html_page.render_report(report)
    assert "| mine (fused here, 1 seed) | **60.0** | <u>50.0</u> | **55.0** |" in text
    assert "<strong>60.0</strong>" in html
    assert "<u>50.0</u>" in html


def test_the_better_single_sensor_of_every_column_is_named_unless_they_are_equal():
    visible = make_source_results("visible", "visible", [(0.5004, 0.6)])
    results = make_task_results(INFRARED, visible, make_source_results("x", "method", [(0.1, 0.1)]))
    table = sections.build_section(results).main_tables[0]
    assert [text for text, _ in table.difference_rows[0].cells] == ["equal", "visible", "visible"]


def test_the_only_single_sensor_is_not_called_the_better_one():
    report = build_report(INFRARED, FUSED)
    section = report.sections[0]
    html, text = html_page.render_report(report), markdown.render_report(report)
    tex = latex.render_table(section.main_tables[0], section)
    for rendered in (html, text, tex, terminal.render_report(report, 40)):
        assert "better single sensor" not in rendered
    assert "Difference to infrared" in html
    assert "Difference: mean minus that of infrared, before rounding." in text
    assert "Difference to infrared" in tex


def test_a_missing_source_is_shown_with_its_command():
    missing = make_source_results("mine", "method", [None])
    report = build_report(INFRARED, VISIBLE, missing, command="make all")
    text, html = markdown.render_report(report), html_page.render_report(report)
    assert "| mine (fused here) | missing | missing | missing |" in text
    assert '<td class="missing">missing</td>' in html
    for rendered in (text, html, terminal.render_report(report, 80)):
        assert "run mine" in rendered
        assert "make all" in rendered


def test_a_task_without_records_lists_what_is_missing():
    report = build_report(
        make_source_results("infrared", "infrared", [None]),
        make_source_results("mine", "method", [None]),
    )
    assert '<td class="missing">missing</td>' in html_page.render_report(report)
    assert "run mine" in markdown.render_report(report)
    assert "No result yet." in terminal.render_report(report, 80)


def test_missing_seeds_are_counted_once_per_source():
    report = build_report(
        make_source_results("mine", "method", [(0.5, 0.5), None, None]),
        make_source_results("yours", "method", [None, None]),
    )
    for text in (
        markdown.render_report(report),
        html_page.render_report(report),
        terminal.render_report(report, 80),
    ):
        assert text.count("run mine") == 1
        assert text.count("2 of 3 seeds missing") == 1
        assert "yours: missing" in re.sub(r"\*|</?strong>", "", text)


def test_simulated_data_is_marked_on_the_page_and_in_every_exported_table():
    source = make_source_with_facts("mine", "method", simulated=True)
    report = build_report(source)
    html = html_page.render_report(report)
    assert html.count("simulated</span>") == 3  # once for all, at the answer and at the heading
    tables = get_task_sections(html).count("<table")
    assert html.count("Simulated scenes, not camera images.") == tables > 0
    section = report.sections[0]
    for table in section.main_tables:
        assert "Simulated scenes, not camera images" in latex.render_table(table, section)
    wide = csv_files.build_wide_dataframe(selection.build_main_table(section.results))
    assert "simulated: yes" in wide["protocol"][0]


def get_task_sections(html):
    """The part of the page from the first task on."""
    return html.partition('id="task-1"')[2]


def test_every_table_of_a_task_has_its_protocol_line():
    html = html_page.render_report(build_report(INFRARED, VISIBLE))
    assert html.count("split hash: abc123") == get_task_sections(html).count("<table") > 0


def test_a_note_that_concerns_several_tables_is_printed_once():
    sources = [
        make_source_results(name, kind, [(0.5, 0.2), (0.6, 0.3)])
        for name, kind in (("infrared", "infrared"), ("visible", "visible"), ("mine", "method"))
    ]
    section = sections.build_section(make_task_results(*sources))
    doubled = replace(section, collapsed_tables=section.main_tables)
    html = html_page.render_report(wrap_section(doubled))
    note = "± is the sample standard deviation over seeds."
    assert html.count(note) == 1
    assert html.index(note) > html.index('id="title-reading"')


def test_links_to_the_viewer_are_there_only_if_it_is():
    sample = replace(make_sample("infrared"), key="a/b&c", effect="gain")
    section = sections.build_section(make_task_results(INFRARED), "", (sample,))
    report = wrap_section(section)
    assert "viewer.html" not in html_page.render_report(report)
    html = html_page.render_report(replace(report, viewer_file="viewer.html"))
    assert 'href="viewer.html#task=toy-detection&amp;image=a/b%26c"' in html


@pytest.mark.parametrize(
    ("scores", "expected"), [([(0.5, 0.5)], False), ([(0.5, 0.5), (0.6, 0.5)], True)]
)
def test_error_bars_are_explained_where_there_are_any(scores, expected):
    results = make_task_results(make_source_results("a", "method", scores))
    section = sections.build_section(results, "figures/x")
    assert ("error bars" in html_page.render_report(wrap_section(section))) is expected


def test_markdown_has_the_selection_rule_of_the_samples():
    section = sections.build_section(make_task_results(INFRARED), "", (make_sample("infrared"),))
    assert "by this rule" in markdown.render_report(wrap_section(section, rule="by this rule"))


def test_finished_sources_without_sample_panels_are_named():
    missing = make_source_results("mine", "method", [None])
    samples = (make_sample("visible"),)
    results = make_task_results(INFRARED, VISIBLE, missing)
    legend = sections.build_section(results, "", samples).sample_legend
    assert legend.endswith("images or predictions were deleted: infrared.")
    results = make_task_results(VISIBLE, missing)
    assert "Not shown" not in sections.build_section(results, "", samples).sample_legend


@pytest.mark.parametrize(("protocol", "expected"), [("retrained", True), ("made elsewhere", False)])
def test_the_page_mentions_training_only_where_models_are_trained(protocol, expected):
    source = make_source_with_facts("infrared", "infrared", protocol=protocol)
    html = html_page.render_report(build_report(source))
    assert ("trained with the same recipe" in html) is expected


def test_page_and_markdown_link_to_the_viewer_if_there_is_one():
    report = build_report(INFRARED)
    with_viewer = replace(report, viewer_file="viewer.html")
    assert "[image viewer](viewer.html)" in markdown.render_report(with_viewer)
    assert 'href="viewer.html"' in html_page.render_report(with_viewer)
    assert "viewer.html" not in markdown.render_report(report)
