"""Sample panels of one task: the same pairs for every source, with ground truth and predictions.

A panel is one source on one pair: the whole image, and below it the same enlarged part for all.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from fusebench.evaluation import box_matching
from fusebench.experiments.planning.run import Run
from fusebench.runtime import file_names
from fusebench.storage.store import Store
from reports.figures import panel_rendering, sample_selection
from reports.figures.panel_rendering import RenderedPanel
from reports.figures.sample_selection import PAIRS_PER_CRITERION, SelectedPair
from reports.results import drawn_matches, predictions
from reports.results.predictions import SourcePredictions
from reports.results.task_results import REFERENCE_KINDS, SINGLE_SENSOR_KINDS

JPEG_QUALITY = 75

BOX_LEGEND = (
    f"Boxes: ground truth white; predictions with a confidence of at least "
    f"{drawn_matches.MIN_CONFIDENCE:g}: true positives solid green, false positives dashed orange; "
    "false negatives dotted yellow. A true positive is matched to a true box of its class with an "
    f"IoU of {box_matching.IOU_THRESHOLD:g} or more; no two are matched to the same box. "
    "White dashed boxes are ignored, and predictions on them are not drawn. "
    "Overlapping texts are left out. Below: the part in the blue frame enlarged, around the object "
    "on which the sources disagree most."
)
LABEL_MAP_LEGEND = (
    "Top to bottom: image; label map, see its legend; errors (wrong pixels orange, unlabeled "
    "pixels black); the part in the blue frame enlarged, in which the sources disagree most."
)
VISIBLE_IMAGE_LEGEND = "Ensembles and models of four channels are drawn on the visible image."


@dataclass(frozen=True)
class SamplePanel:
    """One source on one pair, as a file.

    Attributes:
        title: Name of the source, or which ground truth it is.
        source: Name of the source; empty for the ground truth.
        file: Relative to the report.
        size: (width, height) in pixels.
        alt_text: Alternative text for screen readers.
    """

    title: str
    source: str
    file: str
    size: tuple[int, int]
    alt_text: str


@dataclass(frozen=True)
class SamplePair:
    """The panels of one pair: the ground truth, then one per source.

    Attributes:
        key: Of the pair.
        condition: Of the pair.
        reason: Criteria that selected it.
        panels: Empty if the ground truth cannot be drawn.
        missing_panels: (source, reason) of panels that cannot be drawn; an empty source means
            the pair itself.
        effect: ``gain`` or ``loss`` if the best fused source gains or loses most on the pair.
        comparison: Enlarged part of the better sensor and of the best fused source, on pairs with
            an effect.
    """

    key: str
    condition: str
    reason: str
    panels: tuple[SamplePanel, ...]
    missing_panels: tuple[tuple[str, str], ...] = ()
    effect: str = ""
    comparison: tuple[SamplePanel, ...] = ()


def write_panels(
    runs: Sequence[Run], ranking: Sequence[str], store: Store, report: Path
) -> list[SamplePair]:
    """Select the sample pairs of one task and write their panels.

    Args:
        runs: All runs of the task.
        ranking: Names of its sources, best first.
        store: Where images and predictions are.
        report: Folder of the report.
    """
    sources = predictions.find_source_predictions(runs, store)
    if not sources:
        return []
    pairs = {pair.key: pair for pair in sources[0].run.test_split.pairs}
    task_folder = report / "samples" / file_names.make_safe_file_name(runs[0].task_name)
    compared = _select_compared(sources, ranking)
    samples = []
    for number, selected in enumerate(_select_pairs(sources, ranking, store), start=1):
        pair = pairs[selected.key]
        rendered, missing, views = panel_rendering.render_panels(sources, pair)
        folder = task_folder / str(number)
        folder.mkdir(parents=True)
        samples.append(
            SamplePair(
                key=pair.key,
                condition=pair.condition or "condition unknown",
                reason=selected.reason,
                panels=tuple(
                    _save_panel(panel, pair.key, folder / f"{i}-{_file_stem(panel)}.jpg", report)
                    for i, panel in enumerate(rendered)
                ),
                missing_panels=tuple(missing),
                effect=selected.effect,
                comparison=tuple(
                    _save_panel(panel, pair.key, folder / f"zoom-{i}.jpg", report)
                    for i, panel in enumerate(
                        panel_rendering.render_comparison(sources[0].run, views, pair, compared)
                        if selected.effect and rendered
                        else ()
                    )
                ),
            )
        )
    return samples


def build_legend(kind: str, finished: Iterable[str], samples: Sequence[SamplePair]) -> str:
    """Explain how to read the panels, and which finished sources have none.

    Args:
        kind: Of the task.
        finished: Names of the sources with records.
        samples: The sample pairs; the legend is empty without any.
    """
    if not samples:
        return ""
    legend = BOX_LEGEND if kind == "detection" else LABEL_MAP_LEGEND
    missing = [
        (source, sample.key, reason)
        for sample in samples
        for source, reason in sample.missing_panels
    ]
    with_panels = {panel.source for sample in samples for panel in sample.panels}
    mentioned = with_panels | {source for source, *_ in missing}
    without_files = [name for name in finished if name not in mentioned]
    if without_files and with_panels:
        names = ", ".join(without_files)
        legend += f" Not shown, because their images or predictions were deleted: {names}."
    for source, key, reason in missing:
        legend += f" Left out: {source + ' on ' if source else ''}pair {key}: {reason}."
    return legend


def _file_stem(panel: RenderedPanel) -> str:
    return file_names.make_safe_file_name(panel.title)


def _save_panel(panel: RenderedPanel, key: str, file: Path, report: Path) -> SamplePanel:
    panel.image.save(file, quality=JPEG_QUALITY, optimize=True, progressive=True)
    content = f"predictions on {panel.source}" if panel.source else panel.title
    return SamplePanel(
        title=panel.title,
        source=panel.source,
        file=file.relative_to(report).as_posix(),
        size=panel.image.size,
        alt_text=f"Pair {key}: {content}; whole image, and a part enlarged",
    )


def _select_pairs(
    sources: Sequence[SourcePredictions], ranking: Sequence[str], store: Store
) -> list[SelectedPair]:
    """Apply `sample_selection.SELECTION_RULE`."""
    selected = sample_selection.select_by_condition(sources[0].run.test_split)
    scores = {source.source_name: predictions.read_pair_scores(source, store) for source in sources}
    selected += sample_selection.select_largest_spread(scores, PAIRS_PER_CRITERION)
    if compared := _select_compared(sources, ranking):
        best_single, best_fused = compared
        selected += sample_selection.select_largest_gain_and_loss(
            scores[best_fused], scores[best_single], (best_fused, best_single), PAIRS_PER_CRITERION
        )
    return sample_selection.merge_duplicates(selected)


def _select_compared(
    sources: Sequence[SourcePredictions], ranking: Sequence[str]
) -> tuple[str, str] | None:
    """Select the better single sensor and the best fused source; None without either."""
    ranked = sorted(sources, key=lambda source: ranking.index(source.source_name))
    singles = [
        source.source_name for source in ranked if source.run.source.kind in SINGLE_SENSOR_KINDS
    ]
    fused = [
        source.source_name
        for source in ranked
        if source.run.source.kind not in (*SINGLE_SENSOR_KINDS, *REFERENCE_KINDS)
    ]
    return (singles[0], fused[0]) if singles and fused else None
