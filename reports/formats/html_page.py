"""The report as one HTML page: nothing is loaded from a network, all text is escaped.

The content security policy of the page contains the hash of its own script, and the browser runs
no other: names and paths cannot inject one.
"""

import re
from importlib.resources import files

from markupsafe import Markup

from fusebench.runtime.html.templates import compute_policy_hash, load_environment
from reports.document import efficiency, section_order
from reports.document.model import CORRELATIONS_FILE, PREDICTIONS_FILE, Report
from reports.document.parts import leaderboard, notes, paper_text, pictures
from reports.document.section_order import list_appendices, list_subsections
from reports.results import confusion_matrices
from reports.tables import result_text
from reports.tables.inference import metric_prediction

# a space between digit and %, or a whole script, pre or code element, which stays as it is
SPACE_BEFORE_PERCENT = re.compile(r"(<(script|pre|code)\b.*?</\2>)|(?<=\d) (?=%)", re.DOTALL)
OPEN_SUBSECTIONS = (  # the others are folded at first
    *(section_order.COMPARISON, section_order.SAMPLES),
    section_order.BY_CONDITION,
)
RETRAINED_PROTOCOL = "retrained"  # the default protocol of a record


def render_report(report: Report) -> str:
    """Render the whole page."""
    templates = load_environment("reports.formats")
    script = files("reports.formats").joinpath("templates/page.js").read_text(encoding="utf-8")
    page = templates.get_template("report.html").render(
        report=report,
        sources=list_sources(report),
        sensors=_list_single_sensors(report),
        has_intervals=any(section.results.bootstrap for section in report.sections),
        list_subsections=list_subsections,
        appendices=list(list_appendices(report.sections)),
        format_count=result_text.format_count,
        format_correlation=result_text.format_correlation,
        all_retrained=_is_every_task_retrained(report),
        cost_headers=efficiency.COST_HEADERS,
        training_time_headers=efficiency.TRAINING_TIME_HEADERS,
        efficiency_text_headers=efficiency.TEXT_HEADERS,
        costs_file=efficiency.COSTS_FILE,
        training_times_file=efficiency.TRAINING_TIMES_FILE,
        correlations_file=CORRELATIONS_FILE,
        predictions_file=PREDICTIONS_FILE,
        prediction_groups=metric_prediction.group_by_task(report.metric_predictions),
        prediction_note=metric_prediction.PREDICTION_NOTE,
        format_prediction=metric_prediction.format_cells,
        build_prediction_stem=metric_prediction.build_figure_stem,
        confusion_notes=confusion_matrices.NOTE_BY_KIND,
        leaderboard=leaderboard.build_leaderboard(report.sections),
        pictures=pictures.select_pictures(report.sections),
        notes=notes.collect_notes(report.sections),
        simulated_tasks=[
            section.results.name for section in report.sections if section.results.is_simulated
        ],
        open_subsections=OPEN_SUBSECTIONS,
        get_forest_file=paper_text.get_forest_file,
        get_panel_file=paper_text.get_panel_file,
        get_table_file=paper_text.get_table_file,
        get_captions_file=paper_text.get_captions_file,
        select_panel_rows=paper_text.select_panel_rows,
        script=Markup(script),  # this project's own file
        script_hash=Markup(compute_policy_hash(script)),
    )
    return SPACE_BEFORE_PERCENT.sub(lambda match: match[1] or "\N{NO-BREAK SPACE}", page) + "\n"


def list_sources(report: Report) -> list[str]:
    """List the names of all sources, without duplicates, in the order of the task file."""
    names = (
        source.source_name for section in report.sections for source in section.results.sources
    )
    return list(dict.fromkeys(names))


def _list_single_sensors(report: Report) -> set[str]:
    return {
        source.source_name
        for section in report.sections
        for source in section.results.sources
        if source.is_single_sensor
    }


def _is_every_task_retrained(report: Report) -> bool:
    """Return whether every task with a model trains it on each source."""
    with_model = [section for section in report.sections if section.results.kind != "quality"]
    protocols = {
        section.protocol.common_facts.get("protocol", RETRAINED_PROTOCOL) for section in with_model
    }
    return protocols == {RETRAINED_PROTOCOL}
