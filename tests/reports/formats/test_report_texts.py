import base64
import hashlib
import re
from dataclasses import replace

import pytest

from fusebench.experiments.failures import Failure
from reports.document import sections
from reports.document.sections import Report
from reports.figures import sample_panels
from reports.formats import html_page, latex, markdown, terminal
from reports.results import protocol
from reports.results.task_results import SourceResults
from reports.tables import result_text, where_fusion_helps
from tests.helpers.synthetic_records import (
    PROTOCOL,
    PROVENANCE,
    make_record,
    make_source_results,
    make_task_results,
)

INFRARED = make_source_results("infrared", "infrared", [(0.5, 0.2)])
VISIBLE = make_source_results("visible", "visible", [(0.4, 0.6)])


def answer(*rows):
    found = make_task_results(*rows)
    return where_fusion_helps.build_answer(found, sections.build_main_table(found))


def report(*rows, command=""):
    chapter = sections.build_section(make_task_results(*rows), "", ())
    return Report("Title", "1 of 1 planned runs finished.", command, (), (chapter,), "rule")


def changed(source, kind, **facts):
    mine = make_record(source, kind, 0, (0.5, 0.5), protocol=PROTOCOL | facts)
    return SourceResults(source, kind, (0,), (mine,), f"run {source}")


def test_the_answer_is_the_best_fused_source_minus_the_better_single_sensor():
    # means: 35, 50, 55; 55 - 50 = 5
    said = answer(INFRARED, VISIBLE, make_source_results("mine", "method", [(0.6, 0.5)]))
    assert said == (
        "mine (mAP@.5 55.0), fused, is 5.0 points better than the better single sensor, "
        "visible (mAP@.5 50.0). One seed: differences of this size may be chance. "
        "Not tested for significance."
    )


@pytest.mark.parametrize(
    ("scores", "words"),
    [((0.4, 0.5), "is 5.0 points worse than"), ((0.5, 0.5), "equals"), ((0.5, 0.5002), "equals")],
)
def test_the_answer_does_not_call_a_loss_or_a_tie_a_gain(scores, words):
    said = answer(INFRARED, VISIBLE, make_source_results("mine", "method", [scores]))
    assert words in said
    assert "better than the better" not in said


def test_no_sensor_is_called_the_better_one_where_both_score_alike():
    # means as printed: 35.0 and 35.0, of 35.00 and 35.01
    tie = make_source_results("visible", "visible", [(0.4, 0.3002)])
    said = answer(INFRARED, tie, make_source_results("mine", "method", [(0.6, 0.5)]))
    assert "20.0 points better than visible (mAP@.5 35.0), which scores like infrared." in said
    assert "better single sensor" not in said


def test_no_answer_is_made_of_means_over_other_seeds():
    two = make_source_results("infrared", "infrared", [(0.5, 0.2), (0.5, 0.4)])
    said = answer(two, make_source_results("mine", "method", [(0.6, 0.5), None]))
    assert "No difference between mine (mAP@.5 55.0), fused, and infrared" in said
    assert "their seeds differ." in said
    assert "better than" not in said


def test_a_number_and_its_percent_sign_stand_on_one_line_and_code_is_left_alone():
    bare = report(
        make_source_results("a 5 %", "folder", [(0.5, 0.5)], planned=(0, 1)), command="run 'a 5 %'"
    )
    html = html_page.render_report(bare)
    assert "<span>a 5\N{NO-BREAK SPACE}%</span>" in html
    assert '<pre tabindex="0">run &#39;a 5 %&#39;</pre>' in html
    assert "<code>run a 5 %</code>" in html
    script = re.search(r"<script>(.*)</script>", html, re.DOTALL)[1]
    seal = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{seal}'" in html


def test_the_answer_says_among_how_many_fused_sources_the_best_was_chosen():
    fused = [make_source_results(name, "method", [(0.6, 0.5)]) for name in ("a", "b")]
    assert "the best of 2 fused sources" in answer(INFRARED, VISIBLE, *fused)


def test_the_answer_says_that_runs_are_missing_and_that_scenes_are_simulated():
    said = answer(
        changed("infrared", "infrared", simulated=True),
        make_source_results("mine", "method", [None]),
    )
    assert said.startswith("On simulated scenes, not camera images, with 1 of 2 runs finished:")
    assert answer(make_source_results("mine", "method", [None])) == "No result yet."


def test_seeds_that_are_missing_are_counted_beside_the_name():
    found = make_task_results(make_source_results("mine", "method", [(0.5, 0.5), (0.5, 0.5), None]))
    line = sections.build_main_table(found).rows[0]
    assert result_text.describe_seeds(line) == "2 of 3 seeds"


def test_the_protocol_line_has_the_facts_all_rows_share_and_lists_the_others():
    gray, color = (
        changed("infrared", "infrared", color="gray"),
        changed("mine", "method", color="RGB"),
    )
    found = protocol.collect_protocol(make_task_results(gray, color))
    assert "split hash: abc123" in found.common_line
    assert "versions: fusebench 0.1.0" in found.common_line
    assert "seeds: 0" in found.common_line
    assert found.differing_facts == {"color": {"infrared": "gray", "mine": "RGB"}}
    assert found.warnings == ()


@pytest.mark.parametrize("fact", ["split hash", "model", "data"])
def test_rows_that_were_not_made_alike_are_warned_of(fact):
    found = protocol.collect_protocol(
        make_task_results(INFRARED, changed("mine", "method", **{fact: "other"}))
    )
    assert any("protocols of the rows differ" in warning and fact in warning for warning in found.warnings)
    assert found.differing_facts[fact] == {"infrared": PROTOCOL[fact], "mine": "other"}


def test_another_version_of_a_library_is_warned_of():
    newer = PROVENANCE | {"versions": {"fusebench": "0.2.0"}}
    other = make_record("mine", "method", 0, (0.5, 0.5), provenance=newer)
    found = protocol.collect_protocol(
        make_task_results(INFRARED, SourceResults("mine", "method", (0,), (other,), ""))
    )
    assert any("versions" in warning for warning in found.warnings)


def test_simulated_data_and_leaking_splits_are_warned_of():
    found = protocol.collect_protocol(
        make_task_results(changed("mine", "method", simulated=True, **{"split leaks": True}))
    )
    assert any(warning.startswith("simulated") for warning in found.warnings)
    assert any("the split leaks" in warning for warning in found.warnings)


def test_names_are_escaped_on_the_page_and_in_the_text():
    bad = "<script>alert(1)</script>|*x*"
    found = report(make_source_results(bad, "folder", [(0.5, 0.5)]))
    for text in (html_page.render_report(found), markdown.render_report(found)):
        assert "<script>alert" not in text
        assert "&lt;script&gt;" in text
    assert r"\|\*x\*" in markdown.render_report(found)


def test_best_is_bold_and_second_best_underlined_in_both():
    found = report(INFRARED, VISIBLE, make_source_results("mine", "method", [(0.6, 0.5)]))
    text, html = markdown.render_report(found), html_page.render_report(found)
    assert "| mine (fused here, 1 seed) | **60.0** | <u>50.0</u> | **55.0** |" in text
    assert "<strong>60.0</strong>" in html
    assert "<u>50.0</u>" in html


def test_the_better_single_sensor_of_every_column_is_named_unless_they_are_equal():
    infrared = make_source_results("infrared", "infrared", [(0.5, 0.2)])
    visible = make_source_results("visible", "visible", [(0.5004, 0.6)])
    table = sections.build_section(
        make_task_results(infrared, visible, make_source_results("x", "method", [(0.1, 0.1)])),
        "",
        (),
    )
    named = [text for text, _ in table.main_tables[0].difference_rows[0].cells]
    assert named == ["equal", "visible", "visible"]


def test_the_only_single_sensor_is_called_by_its_name_and_not_the_better_one():
    fused = make_source_results("mine", "method", [(0.6, 0.5)])
    assert answer(INFRARED, fused).startswith(
        "mine (mAP@.5 55.0), fused, is 20.0 points better than infrared (mAP@.5 35.0)."
    )
    found = report(INFRARED, fused)
    chapter = found.sections[0]
    shown = [
        html_page.render_report(found),
        markdown.render_report(found),
        terminal.render_report(found, 40),
        latex.render_table(chapter.main_tables[0], chapter),
    ]
    for text in shown:
        assert "better single sensor" not in text
    assert "Difference to infrared" in shown[0]
    assert "Difference: mean minus that of infrared, before rounding." in shown[1]
    assert "Difference to infrared" in shown[3]


def test_a_missing_source_is_shown_with_its_command():
    found = report(
        INFRARED, VISIBLE, make_source_results("mine", "method", [None]), command="make all"
    )
    text, html = markdown.render_report(found), html_page.render_report(found)
    assert "| mine (fused here) | missing | missing | missing |" in text
    assert '<td class="missing">missing</td>' in html
    for shown in (text, html, terminal.render_report(found, 80)):
        assert "run mine" in shown
        assert "make all" in shown


def test_a_task_without_any_record_is_a_list_of_what_is_missing():
    found = report(
        make_source_results("infrared", "infrared", [None]),
        make_source_results("mine", "method", [None]),
    )
    assert '<td class="missing">missing</td>' in html_page.render_report(found)
    assert "run mine" in markdown.render_report(found)
    assert "No result yet." in terminal.render_report(found, 80)


def test_the_page_says_simulated_in_words_at_every_table():
    html = html_page.render_report(report(changed("mine", "method", simulated=True)))
    assert html.count("<caption>") == html.count("simulated</span>") - 3  # answer, title, protocol
    assert html.count("<strong>(simulated)</strong>") == html.count("<caption>")


def test_every_table_of_the_page_carries_its_protocol_line():
    html = html_page.render_report(report(INFRARED, VISIBLE))
    assert html.count("split hash: abc123") == html.count("<table") > 0


def test_columns_of_the_terminal_table_are_aligned():
    found = report(INFRARED, VISIBLE, make_source_results("mine", "method", [(0.6, 0.5)]))
    lines = terminal.render_table(found.sections[0].main_tables[0], 200).splitlines()
    assert lines == [
        "                          person     car   mAP@.5",
        "---------------------------------------------------",
        "infrared (1 seed)           50.0 +  20.0     35.0",
        "visible (1 seed)            40.0    60.0 *   50.0 +",
        "mine (fused here, 1 seed)   60.0 *  50.0 +   55.0 *",
        "vs single: mine            +10.0   −10.0     +5.0",  # noqa: RUF001 - as printed
        "* best, + second best",
    ]


def test_a_terminal_table_that_is_too_wide_is_turned():
    found = report(INFRARED, VISIBLE, make_source_results("mine", "method", [(0.6, 0.5)]))
    lines = terminal.render_table(found.sections[0].main_tables[0], 40).splitlines()
    assert lines[0].split() == ["infrared", "visible", "mine"]
    assert lines[4].split() == ["mAP@.5", "35.0", "50.0", "+", "55.0", "*"]
    assert lines[-2].split() == ["mAP@.5", "+5.0"]


def test_what_is_missing_of_a_source_is_said_once_per_task_and_counts_its_seeds():
    found = report(
        make_source_results("mine", "method", [(0.5, 0.5), None, None]),
        make_source_results("yours", "method", [None, None]),
    )
    for text in (
        markdown.render_report(found),
        html_page.render_report(found),
        terminal.render_report(found, 80),
    ):
        assert text.count("run mine") == 1
        assert text.count("2 of 3 seeds missing") == 1
        assert "yours: missing" in text.replace("*", "").replace("<strong>", "").replace(
            "</strong>", ""
        )


def failed(*reasons, at="2026-01-02T03:04:05+00:00"):
    return tuple(
        (
            seed,
            Failure(
                error_type=error, message=said, utc_time=at, device="cpu", program="detection.run"
            ),
        )
        for seed, (error, said) in enumerate(reasons)
        if error
    )


def test_seeds_that_failed_alike_are_named_together_beside_those_never_run():
    oom, bench, none = ("MemoryError", ""), ("UserError", "x.png: no such image"), ("", "")
    when = "(2026-01-02 03:04 UTC, detection.run on cpu)"
    three = make_source_results("mine", "method", [None, None, None])
    said = [
        result_text.describe_missing_runs(replace(three, failures=failed(*reasons)))
        for reasons in ((none,) * 3, (oom,) * 3, (oom, none, oom), (none, oom, bench))
    ]
    assert said == [
        "missing",
        f"failed: MemoryError {when}",
        f"seeds 0, 2 failed: MemoryError {when}; 1 of 3 seeds missing",
        f"seed 1 failed: MemoryError {when}; seed 2 failed: x.png: no such image {when}; "
        "1 of 3 seeds missing",
    ]


def test_finished_runs_of_other_data_are_not_passed_over():
    two = make_source_results("mine", "method", [None, None])
    assert result_text.describe_missing_runs(replace(two, others=1)) == (
        "missing; one is finished with other data or settings, and not counted"
    )
    some = make_source_results("mine", "method", [(0.5, 0.5), None])
    assert result_text.describe_missing_runs(replace(some, others=2)) == (
        "1 of 2 seeds missing; 2 are finished with other data or settings, and not counted"
    )


def test_a_plan_without_runs_is_not_called_0_of_0():
    some = [make_task_results(make_source_results("mine", "method", [(0.5, 0.5), None]))]
    assert result_text.describe_progress(some, ()) == "1 of 2 planned runs finished."
    assert result_text.describe_progress(some, ("a", "b")) == (
        "1 of 2 planned runs finished; not counted: a, b, whose scenes the first run draws."
    )
    assert result_text.describe_progress([], ("a", "b")) == (
        "No run is planned yet: the first run draws the scenes of a, b."
    )


def test_sources_that_look_equal_share_the_best_score():
    both = [make_source_results(name, "method", [(0.5, 0.5)]) for name in ("a", "b")]
    assert answer(*both).startswith("a, b share the best score, mAP@.5 50.0.")
    assert answer(*both, make_source_results("c", "method", [(0.6, 0.5)])).startswith(
        "c (mAP@.5 55.0) is the best"
    )


def test_the_spread_of_bars_is_explained_where_there_is_one():
    one = sections.build_section(make_task_results(INFRARED), "figures/x", ())
    two = sections.build_section(
        make_task_results(make_source_results("a", "method", [(0.5, 0.5), (0.6, 0.5)])),
        "figures/x",
        (),
    )
    said = [
        "lines on bars" in html_page.render_report(Report("Title", "", "", (), (chapter,), ""))
        for chapter in (one, two)
    ]
    assert said == [False, True]


def test_the_text_says_by_which_rule_samples_were_chosen():
    panel = sample_panels.SamplePanel("infrared", "infrared", "samples/1.jpg", (4, 4), "seen")
    sample = sample_panels.SamplePair("00001", "day", "hash draw", (panel,))
    chapter = sections.build_section(make_task_results(INFRARED), "", (sample,))
    assert "by this rule" in markdown.render_report(
        Report("T", "", "", (), (chapter,), "by this rule")
    )


def test_finished_sources_that_samples_lack_are_named():
    panel = sample_panels.SamplePanel("visible", "visible", "samples/1.jpg", (4, 4), "seen")
    sample = sample_panels.SamplePair("00001", "day", "hash draw", (panel,))
    unfinished = make_source_results("mine", "method", [None])
    found = sections.build_section(make_task_results(INFRARED, VISIBLE, unfinished), "", (sample,))
    assert found.sample_legend.endswith("images or predictions are gone: infrared.")
    assert (
        "Not shown"
        not in sections.build_section(
            make_task_results(VISIBLE, unfinished), "", (sample,)
        ).sample_legend
    )


@pytest.mark.parametrize(("protocol", "said"), [("retrained", True), ("made elsewhere", False)])
def test_the_page_says_that_models_are_trained_only_where_they_are(protocol, said):
    made = make_record(
        "infrared", "infrared", 0, (0.5, 0.2), protocol=PROTOCOL | {"protocol": protocol}
    )
    chapter = sections.build_section(
        make_task_results(SourceResults("infrared", "infrared", (0,), (made,), "")), "", ()
    )
    html = html_page.render_report(Report("T", "", "", (), (chapter,), ""))
    assert ("trained with the same recipe" in html) is said
