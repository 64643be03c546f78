import base64
import hashlib
import re
from dataclasses import replace

import pytest
from report_toys import FACTS, MADE, record, results, row

from bench.failures import Failure
from reports.contents import chapters
from reports.contents.chapters import Report
from reports.formats import latex, markdown, page, plain
from reports.pictures import panels
from reports.records import protocol
from reports.records.results import Row
from reports.scores import wording

INFRARED = row("infrared", "infrared", [(0.5, 0.2)])
VISIBLE = row("visible", "visible", [(0.4, 0.6)])


def answer(*rows):
    found = results(*rows)
    return wording.answer(found, chapters.leading(found))


def report(*rows, command=""):
    chapter = chapters.of(results(*rows), "", ())
    return Report("Title", "1 of 1 planned runs finished.", command, (), (chapter,), "rule")


def changed(source, kind, **facts):
    mine = record(source, kind, 0, (0.5, 0.5), protocol=FACTS | facts)
    return Row(source, kind, (0,), (mine,), f"run {source}")


def test_the_answer_is_the_best_fused_source_minus_the_better_single_sensor():
    # means: 35, 50, 55; 55 - 50 = 5
    said = answer(INFRARED, VISIBLE, row("mine", "method", [(0.6, 0.5)]))
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
    said = answer(INFRARED, VISIBLE, row("mine", "method", [scores]))
    assert words in said
    assert "better than the better" not in said


def test_no_sensor_is_called_the_better_one_where_both_score_alike():
    # means as printed: 35.0 and 35.0, of 35.00 and 35.01
    tie = row("visible", "visible", [(0.4, 0.3002)])
    said = answer(INFRARED, tie, row("mine", "method", [(0.6, 0.5)]))
    assert "20.0 points better than visible (mAP@.5 35.0), which scores like infrared." in said
    assert "better single sensor" not in said


def test_no_answer_is_made_of_means_over_other_seeds():
    two = row("infrared", "infrared", [(0.5, 0.2), (0.5, 0.4)])
    said = answer(two, row("mine", "method", [(0.6, 0.5), None]))
    assert "No difference between mine (mAP@.5 55.0), fused, and infrared" in said
    assert "their seeds differ." in said
    assert "better than" not in said


def test_a_number_and_its_percent_sign_stand_on_one_line_and_code_is_left_alone():
    bare = report(row("a 5 %", "folder", [(0.5, 0.5)], planned=(0, 1)), command="run 'a 5 %'")
    html = page.html(bare)
    assert "<span>a 5\N{NO-BREAK SPACE}%</span>" in html
    assert '<pre tabindex="0">run &#39;a 5 %&#39;</pre>' in html
    assert "<code>run a 5 %</code>" in html
    script = re.search(r"<script>(.*)</script>", html, re.DOTALL)[1]
    seal = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{seal}'" in html


def test_the_answer_says_among_how_many_fused_sources_the_best_was_chosen():
    fused = [row(name, "method", [(0.6, 0.5)]) for name in ("a", "b")]
    assert "the best of 2 fused sources" in answer(INFRARED, VISIBLE, *fused)


def test_the_answer_says_that_runs_are_missing_and_that_scenes_are_simulated():
    said = answer(changed("infrared", "infrared", simulated=True), row("mine", "method", [None]))
    assert said.startswith("On simulated scenes, not camera images, with 1 of 2 runs finished:")
    assert answer(row("mine", "method", [None])) == "No result yet."


def test_seeds_that_are_missing_are_counted_beside_the_name():
    found = results(row("mine", "method", [(0.5, 0.5), (0.5, 0.5), None]))
    line = chapters.leading(found).lines[0]
    assert wording.seeds(line) == "2 of 3 seeds"


def test_the_protocol_line_has_the_facts_all_rows_share_and_lists_the_others():
    gray, colour = (
        changed("infrared", "infrared", colour="gray"),
        changed("mine", "method", colour="RGB"),
    )
    found = protocol.of(results(gray, colour))
    assert "split hash: abc123" in found.line
    assert "versions: fusebench 0.1.0" in found.line
    assert "seeds: 0" in found.line
    assert found.differing == {"colour": {"infrared": "gray", "mine": "RGB"}}
    assert found.warnings == ()


@pytest.mark.parametrize("fact", ["split hash", "model", "data"])
def test_rows_that_were_not_made_alike_are_warned_of(fact):
    found = protocol.of(results(INFRARED, changed("mine", "method", **{fact: "other"})))
    assert any("not made alike" in warning and fact in warning for warning in found.warnings)
    assert found.differing[fact] == {"infrared": FACTS[fact], "mine": "other"}


def test_another_version_of_a_library_is_warned_of():
    newer = MADE | {"versions": {"fusebench": "0.2.0"}}
    other = record("mine", "method", 0, (0.5, 0.5), made=newer)
    found = protocol.of(results(INFRARED, Row("mine", "method", (0,), (other,), "")))
    assert any("versions" in warning for warning in found.warnings)


def test_simulated_data_and_leaking_splits_are_warned_of():
    found = protocol.of(results(changed("mine", "method", simulated=True, **{"split leaks": True})))
    assert any(warning.startswith("simulated") for warning in found.warnings)
    assert any("the split leaks" in warning for warning in found.warnings)


def test_names_are_escaped_on_the_page_and_in_the_text():
    bad = "<script>alert(1)</script>|*x*"
    found = report(row(bad, "folder", [(0.5, 0.5)]))
    for text in (page.html(found), markdown.text(found)):
        assert "<script>alert" not in text
        assert "&lt;script&gt;" in text
    assert r"\|\*x\*" in markdown.text(found)


def test_best_is_bold_and_second_best_underlined_in_both():
    found = report(INFRARED, VISIBLE, row("mine", "method", [(0.6, 0.5)]))
    text, html = markdown.text(found), page.html(found)
    assert "| mine (fused here, 1 seed) | **60.0** | <u>50.0</u> | **55.0** |" in text
    assert "<strong>60.0</strong>" in html
    assert "<u>50.0</u>" in html


def test_the_better_single_sensor_of_every_column_is_named_unless_they_are_equal():
    infrared = row("infrared", "infrared", [(0.5, 0.2)])
    visible = row("visible", "visible", [(0.5004, 0.6)])
    table = chapters.of(results(infrared, visible, row("x", "method", [(0.1, 0.1)])), "", ())
    named = [text for text, _ in table.main[0].differences[0].cells]
    assert named == ["equal", "visible", "visible"]


def test_the_only_single_sensor_is_called_by_its_name_and_not_the_better_one():
    fused = row("mine", "method", [(0.6, 0.5)])
    assert answer(INFRARED, fused).startswith(
        "mine (mAP@.5 55.0), fused, is 20.0 points better than infrared (mAP@.5 35.0)."
    )
    found = report(INFRARED, fused)
    chapter = found.chapters[0]
    shown = [
        page.html(found),
        markdown.text(found),
        plain.text(found, 40),
        latex.text(chapter.main[0], chapter),
    ]
    for text in shown:
        assert "better single sensor" not in text
    assert "Difference to infrared" in shown[0]
    assert "Difference: mean minus that of infrared, before rounding." in shown[1]
    assert "Difference to infrared" in shown[3]


def test_a_missing_source_is_shown_with_its_command():
    found = report(INFRARED, VISIBLE, row("mine", "method", [None]), command="make all")
    text, html = markdown.text(found), page.html(found)
    assert "| mine (fused here) | missing | missing | missing |" in text
    assert '<td class="missing">missing</td>' in html
    for shown in (text, html, plain.text(found, 80)):
        assert "run mine" in shown
        assert "make all" in shown


def test_a_task_without_any_record_is_a_list_of_what_is_missing():
    found = report(row("infrared", "infrared", [None]), row("mine", "method", [None]))
    assert '<td class="missing">missing</td>' in page.html(found)
    assert "run mine" in markdown.text(found)
    assert "No result yet." in plain.text(found, 80)


def test_the_page_says_simulated_in_words_at_every_table():
    html = page.html(report(changed("mine", "method", simulated=True)))
    assert html.count("<caption>") == html.count("simulated</span>") - 3  # answer, title, protocol
    assert html.count("<strong>(simulated)</strong>") == html.count("<caption>")


def test_every_table_of_the_page_carries_its_protocol_line():
    html = page.html(report(INFRARED, VISIBLE))
    assert html.count("split hash: abc123") == html.count("<table") > 0


def test_columns_of_the_terminal_table_are_aligned():
    found = report(INFRARED, VISIBLE, row("mine", "method", [(0.6, 0.5)]))
    lines = plain.grid(found.chapters[0].main[0], 200).splitlines()
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
    found = report(INFRARED, VISIBLE, row("mine", "method", [(0.6, 0.5)]))
    lines = plain.grid(found.chapters[0].main[0], 40).splitlines()
    assert lines[0].split() == ["infrared", "visible", "mine"]
    assert lines[4].split() == ["mAP@.5", "35.0", "50.0", "+", "55.0", "*"]
    assert lines[-2].split() == ["mAP@.5", "+5.0"]


def test_what_is_missing_of_a_source_is_said_once_per_task_and_counts_its_seeds():
    found = report(
        row("mine", "method", [(0.5, 0.5), None, None]), row("yours", "method", [None, None])
    )
    for text in (markdown.text(found), page.html(found), plain.text(found, 80)):
        assert text.count("run mine") == 1
        assert text.count("2 of 3 seeds missing") == 1
        assert "yours: missing" in text.replace("*", "").replace("<strong>", "").replace(
            "</strong>", ""
        )


def failed(*reasons, at="2026-01-02T03:04:05+00:00"):
    return tuple(
        (seed, Failure(error=error, message=said, at=at, device="cpu", program="detection.run"))
        for seed, (error, said) in enumerate(reasons)
        if error
    )


def test_seeds_that_failed_alike_are_named_together_beside_those_never_run():
    oom, bench, none = ("MemoryError", ""), ("BenchError", "x.png: no such image"), ("", "")
    when = "(2026-01-02 03:04 UTC, detection.run on cpu)"
    three = row("mine", "method", [None, None, None])
    said = [
        wording.gap(replace(three, failed=failed(*reasons)))
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
    two = row("mine", "method", [None, None])
    assert wording.gap(replace(two, others=1)) == (
        "missing; one is finished with other data or settings, and not counted"
    )
    some = row("mine", "method", [(0.5, 0.5), None])
    assert wording.gap(replace(some, others=2)) == (
        "1 of 2 seeds missing; 2 are finished with other data or settings, and not counted"
    )


def test_a_plan_without_runs_is_not_called_0_of_0():
    some = [results(row("mine", "method", [(0.5, 0.5), None]))]
    assert wording.status(some, ()) == "1 of 2 planned runs finished."
    assert wording.status(some, ("a", "b")) == (
        "1 of 2 planned runs finished; not counted: a, b, whose scenes the first run draws."
    )
    assert wording.status([], ("a", "b")) == (
        "No run is planned yet: the first run draws the scenes of a, b."
    )


def test_sources_that_look_equal_share_the_best_score():
    both = [row(name, "method", [(0.5, 0.5)]) for name in ("a", "b")]
    assert answer(*both).startswith("a, b share the best score, mAP@.5 50.0.")
    assert answer(*both, row("c", "method", [(0.6, 0.5)])).startswith("c (mAP@.5 55.0) is the best")


def test_the_spread_of_bars_is_explained_where_there_is_one():
    one = chapters.of(results(INFRARED), "figures/x", ())
    two = chapters.of(results(row("a", "method", [(0.5, 0.5), (0.6, 0.5)])), "figures/x", ())
    said = [
        "lines on bars" in page.html(Report("Title", "", "", (), (chapter,), ""))
        for chapter in (one, two)
    ]
    assert said == [False, True]


def test_the_text_says_by_which_rule_samples_were_chosen():
    panel = panels.Panel("infrared", "infrared", "samples/1.jpg", (4, 4), "seen")
    sample = panels.Sample("00001", "day", "hash draw", (panel,))
    chapter = chapters.of(results(INFRARED), "", (sample,))
    assert "by this rule" in markdown.text(Report("T", "", "", (), (chapter,), "by this rule"))


def test_finished_sources_that_samples_lack_are_named():
    panel = panels.Panel("visible", "visible", "samples/1.jpg", (4, 4), "seen")
    sample = panels.Sample("00001", "day", "hash draw", (panel,))
    unfinished = row("mine", "method", [None])
    found = chapters.of(results(INFRARED, VISIBLE, unfinished), "", (sample,))
    assert found.legend.endswith("images or predictions are gone: infrared.")
    assert "Not shown" not in chapters.of(results(VISIBLE, unfinished), "", (sample,)).legend


@pytest.mark.parametrize(("protocol", "said"), [("retrained", True), ("made elsewhere", False)])
def test_the_page_says_that_models_are_trained_only_where_they_are(protocol, said):
    made = record("infrared", "infrared", 0, (0.5, 0.2), protocol=FACTS | {"protocol": protocol})
    chapter = chapters.of(results(Row("infrared", "infrared", (0,), (made,), "")), "", ())
    html = page.html(Report("T", "", "", (), (chapter,), ""))
    assert ("trained with the same recipe" in html) is said
