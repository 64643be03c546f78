"""Where the gain comes from: gain per image of fused sources, explained by attributes of the pair.

The gain of an image is the score of the fused source minus that of the better single sensor, which
is the one with the better mean in the task's main table, on the same image; both are means over
their seeds.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from fusebench.runtime import file_names
from reports.attributes.measurement import ATTRIBUTES
from reports.results.per_image import TITLE_BY_KIND
from reports.results.task_results import TaskResults
from reports.statistics import gain_explanation
from reports.statistics.gain_explanation import Explanation
from reports.tables.comparison import ScoreTable, find_better_single_sensor
from reports.tables.number_format import MINUS, UNDEFINED
from reports.tables.result_text import format_correlation
from reports.tables.text_table import TextRow, TextTable

CSV_COLUMNS = (
    *("source", "compared with", "attribute", "unit", "images", "units", "rho", "low", "high"),
    *("p", "q", "predicted share", "threshold", "gain where", "gain", "gain low", "gain high"),
    *("shown", "gain shown"),
)
SHOWN_MARK = "*"  # behind a correlation that is shown


@dataclass(frozen=True)
class GainExplanation:
    """Explanation of the gain of one fused source by one attribute.

    Attributes:
        source: Name of the fused source.
        sensor: Name of the better single sensor.
        attribute: Name of the attribute, as in `ATTRIBUTES`.
        explanation: None if it cannot be computed.
    """

    source: str
    sensor: str
    attribute: str
    explanation: Explanation | None


def explain_gains(results: TaskResults, main_table: ScoreTable) -> list[GainExplanation]:
    """Explain the gains of all fused sources; none without a single sensor or scores per image."""
    title = TITLE_BY_KIND.get(results.kind, "")
    images, attributes = results.image_scores, results.pair_attributes
    scores = images.scores.get(title, {}) if images else {}
    sensor_row = find_better_single_sensor(main_table, len(main_table.headers) - 1)
    sensor = sensor_row.source_results.source_name if sensor_row else ""
    if images is None or attributes is None or sensor not in scores:
        return []
    cases = [
        (source.source_name, name)
        for source in results.sources
        if source.is_fused and source.source_name in scores
        for name in ATTRIBUTES
    ]
    explanations = gain_explanation.adjust_explanations(
        [
            gain_explanation.explain_gain(
                attributes[name], scores[source] - scores[sensor], images.units
            )
            for source, name in cases
        ]
    )
    return [
        GainExplanation(source, sensor, name, explanation)
        for (source, name), explanation in zip(cases, explanations, strict=True)
    ]


def build_sentence(explanations: Sequence[GainExplanation]) -> str:
    """Say by which attributes each fused source is shown to gain; empty where none is."""
    parts: dict[str, list[str]] = {}
    for each in explanations:
        if each.explanation and each.explanation.is_gain_shown:
            parts.setdefault(each.source, []).append(_describe_place(each))
    return " ".join(
        f"By image, {source} gains over {explanations[0].sensor} where {', or '.join(places)}."
        for source, places in parts.items()
    )


def build_text_table(
    results: TaskResults, explanations: Sequence[GainExplanation]
) -> TextTable | None:
    """Build the table attributes x fused sources of rank correlations; None without any."""
    if not any(each.explanation for each in explanations):
        return None
    sources = list(dict.fromkeys(each.source for each in explanations))
    by_case = {(each.attribute, each.source): each.explanation for each in explanations}
    rows = [
        TextRow(
            attribute.title,
            attribute.unit,
            tuple((_format_cell(by_case[name, source]), 0) for source in sources),
        )
        for name, attribute in ATTRIBUTES.items()
        if any(by_case[name, source] for source in sources)
    ]
    title = TITLE_BY_KIND[results.kind]
    return TextTable(
        title=f"Gain of {title} over {explanations[0].sensor}, by attributes of the pair",
        caption="Spearman's rank correlation over the images, 95 % interval",
        csv_file=f"tables/{file_names.make_safe_file_name(results.name)}-gain-attributes.csv",
        headers=tuple((source, "") for source in sources),
        rows=tuple(rows),
        difference_rows=(),
        notes=tuple(_build_notes(results, explanations)),
        has_mean_column=False,
        row_title="attribute",
    )


def build_dataframe(explanations: Sequence[GainExplanation]) -> pd.DataFrame:
    """Tabulate all explanations for a CSV file: columns `CSV_COLUMNS`."""
    rows: list[tuple[object, ...]] = []
    for each in explanations:
        attribute = ATTRIBUTES[each.attribute]
        names = (each.source, each.sensor, attribute.title, attribute.unit)
        if each.explanation is None:
            rows.append((*names, *(None,) * (len(CSV_COLUMNS) - len(names))))
            continue
        rows.append((*names, *_list_numbers(each.explanation)))
    frame = pd.DataFrame(rows, columns=list(CSV_COLUMNS)).round(6)
    return frame.astype({"images": "Int64", "units": "Int64"})


def collect_points(
    explanations: Sequence[GainExplanation],
) -> dict[str, dict[str, Explanation]]:
    """Collect what the figure shows: title of the attribute to source to explanation."""
    points: dict[str, dict[str, Explanation]] = {}
    for each in explanations:
        if each.explanation:
            title = ATTRIBUTES[each.attribute].title
            points.setdefault(title, {})[each.source] = each.explanation
    return points


def _list_numbers(explanation: Explanation) -> tuple[object, ...]:
    correlation, gain = explanation.correlation, explanation.selected_gain
    has_threshold = explanation.predicted_share is not None
    return (
        *(correlation.image_count, correlation.unit_count),
        *(correlation.rho, correlation.low, correlation.high, correlation.p_value),
        *(explanation.adjusted_p_value, explanation.predicted_share),
        explanation.threshold if has_threshold else None,
        ("below" if explanation.is_gain_below else "above") if has_threshold else None,
        *((gain.mean, gain.low, gain.high) if gain else (None, None, None)),
        *(explanation.is_shown, explanation.is_gain_shown),
    )


def _format_cell(explanation: Explanation | None) -> str:
    if explanation is None:
        return UNDEFINED
    correlation = explanation.correlation
    text = format_correlation(correlation.rho)
    if correlation.low is not None and correlation.high is not None:
        ends = (format_correlation(end) for end in (correlation.low, correlation.high))
        text = f"{text} [{', '.join(ends)}]"
    return f"{text}{SHOWN_MARK}" if explanation.is_shown else text


def _describe_place(each: GainExplanation) -> str:
    explanation = each.explanation
    assert explanation is not None
    gain = explanation.selected_gain
    assert gain is not None
    attribute = ATTRIBUTES[each.attribute]
    side = "below" if explanation.is_gain_below else "above"
    unit = f" {attribute.unit}" if attribute.unit not in ("", "share") else ""
    ends = ", ".join(f"{end:+.3f}".replace("-", MINUS) for end in (gain.low or 0, gain.high or 0))
    return (
        f"{attribute.title} is {side} {explanation.threshold:.3g}{unit} "
        f"({gain.mean:+.3f}, [{ends}], {gain.image_count} images)"
    )


def _build_notes(results: TaskResults, explanations: Sequence[GainExplanation]) -> list[str]:
    tested = [each.explanation for each in explanations if each.explanation]
    first = max(tested, key=lambda each: each.correlation.unit_count).correlation
    images = results.image_scores
    unit = "sequences" if images and images.is_clustered else "images"
    count = sum(each.adjusted_p_value is not None for each in tested)
    notes = [
        "Positive: the larger the attribute, the larger the gain.",
        f"Intervals: jackknife over {first.unit_count} {unit}.",
        f"{SHOWN_MARK} shown: false discovery rate of the {count} correlations below 5 % "
        "(Benjamini, Yekutieli), and the gain of sequences that were left out is predicted "
        "(10 folds).",
        "A correlation is no cause: attributes go together, as darkness and low contrast do.",
    ]
    if not any(each.is_shown for each in tested):
        notes.insert(0, "No attribute is shown to explain a gain.")
    if images and not images.is_clustered:
        notes.append("Sequences are unknown or too few: intervals do not cover other sequences.")
    return notes
