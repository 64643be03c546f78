"""Sample panels of one task: the same pairs for every source, with ground truth and predictions.

A panel is one source on one pair: the whole image, and below it the same enlarged part for all.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from fusebench.data import boxes, images, label_maps
from fusebench.data.boxes import Boxes
from fusebench.data.images import Color, LabelMap
from fusebench.data.pairs import Pair, Split
from fusebench.errors import UserError
from fusebench.evaluation import box_matching
from fusebench.experiments.plan import Run
from fusebench.runtime import file_names
from fusebench.storage.store import Store
from reports.figures import overlays, sample_selection, zoom_windows
from reports.figures.overlays import BoxOverlay
from reports.figures.sample_selection import PAIRS_PER_CRITERION, SelectedPair
from reports.results import drawn_matches, predictions
from reports.results.predictions import SourcePredictions
from reports.results.task_results import REFERENCE_KINDS, SINGLE_SENSOR_KINDS

JPEG_QUALITY = 75
NO_BOXES, NO_LABEL_MAP = boxes.make_boxes([], []), np.zeros((0, 0), np.uint8)

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
class RenderedPanel:
    """A panel that is not saved yet; see `SamplePanel`."""

    title: str
    source: str
    image: Image.Image


@dataclass(frozen=True)
class _SourceView:
    """Image and predictions of one source on one pair."""

    source: str
    image: Color
    boxes: Boxes  # of detection
    label_map: LabelMap  # of segmentation


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
    """

    key: str
    condition: str
    reason: str
    panels: tuple[SamplePanel, ...]
    missing_panels: tuple[tuple[str, str], ...] = ()


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
    samples = []
    for number, selected in enumerate(_select_pairs(sources, ranking, store), start=1):
        pair = pairs[selected.key]
        rendered, missing = _render_panels(sources, pair)
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
    ranked = sorted(sources, key=lambda source: ranking.index(source.source_name))
    singles = [
        source.source_name for source in ranked if source.run.source.kind in SINGLE_SENSOR_KINDS
    ]
    fused = [
        source.source_name
        for source in ranked
        if source.run.source.kind not in (*SINGLE_SENSOR_KINDS, *REFERENCE_KINDS)
    ]
    if singles and fused:
        best_fused, best_single = fused[0], singles[0]
        selected += sample_selection.select_largest_gain_and_loss(
            scores[best_fused], scores[best_single], (best_fused, best_single), PAIRS_PER_CRITERION
        )
    return sample_selection.merge_duplicates(selected)


def _render_panels(
    sources: Sequence[SourcePredictions], pair: Pair
) -> tuple[list[RenderedPanel], list[tuple[str, str]]]:
    """Render the panels of a pair; return them and (source, reason) of those that failed.

    A damaged image omits only its own panel, because no number of the report depends on it.
    """
    loaded = [(source.source_name, _load_source_view(source, pair)) for source in sources]
    views = [view for _, view in loaded if isinstance(view, _SourceView)]
    missing = [(name, str(error)) for name, error in loaded if isinstance(error, UserError)]
    if not views:
        return [], missing
    run = sources[0].run
    render = _render_box_panels if run.task.kind == "detection" else _render_label_map_panels
    try:
        return list(render(views, pair, run.test_split)), missing
    except UserError as error:
        return [], [*missing, ("", str(error))]


def _load_source_view(source: SourcePredictions, pair: Pair) -> _SourceView | UserError:
    """Read image and label map of a source; return the error if a file is damaged."""
    is_segmentation = source.run.task.kind == "segmentation"
    try:
        label_map = source.read_label_map(pair.key) if is_segmentation else NO_LABEL_MAP
        image = images.read_color(source.image_paths[pair.key])
    except UserError as error:
        return error
    predicted = source.boxes.get(pair.key, NO_BOXES)
    return _SourceView(source.source_name, image, predicted, label_map)


def _render_box_panels(
    views: Sequence[_SourceView], pair: Pair, split: Split
) -> Iterator[RenderedPanel]:
    """Yield the ground truth on both sensors' images, then every source's predictions."""
    truth = predictions.get_true_boxes(pair)
    counted = truth.drop_ignored()
    detected = [
        drawn_matches.classify_boxes(counted, drawn_matches.filter_by_confidence(view.boxes))[1]
        for view in views
    ]
    window = zoom_windows.find_disputed_box_window(
        counted.corners, np.array(detected, bool), pair.size
    )

    def render(image: Color, box_overlays: Sequence[BoxOverlay]) -> Image.Image:
        whole = overlays.draw_boxes(image, box_overlays)
        return overlays.stack_images(
            [
                overlays.draw_window_outline(whole, window, pair.size),
                overlays.draw_boxes(image, box_overlays, window),
            ]
        )

    true_boxes = overlays.build_truth_overlays(truth, split.classes)
    for sensor, path in (("infrared", pair.infrared), ("visible", pair.visible)):
        image = render(images.read_color(path), true_boxes)
        yield RenderedPanel(f"ground truth on {sensor}", "", image)
    for view in views:
        predicted = overlays.build_prediction_overlays(truth, view.boxes, split.classes)
        yield RenderedPanel(view.source, view.source, render(view.image, predicted))


def _render_label_map_panels(
    views: Sequence[_SourceView], pair: Pair, split: Split
) -> Iterator[RenderedPanel]:
    """Yield the true label map on the visible image, then every source's with its errors."""
    palette = overlays.build_class_colors(split.classes)
    truth = predictions.read_true_label_map(pair, split)
    is_unlabeled = label_maps.find_unlabeled(truth, split.classes)
    window = zoom_windows.find_disputed_pixel_window(
        np.array([(view.label_map != truth) & ~is_unlabeled for view in views])
    )

    def render(image: Color, label_map: LabelMap, third_part: Image.Image) -> Image.Image:
        whole = overlays.crop_and_resize(image)
        return overlays.stack_images(
            [
                overlays.draw_window_outline(whole, window, pair.size),
                overlays.draw_label_map(image, label_map, palette),
                third_part,
                overlays.draw_label_map(image, label_map, palette, window),
            ]
        )

    legend = overlays.draw_class_legend(split.classes, palette)
    visible = images.read_color(pair.visible)
    yield RenderedPanel("ground truth on visible", "", render(visible, truth, legend))
    for view in views:
        errors = overlays.draw_label_errors(view.image, view.label_map != truth, is_unlabeled)
        yield RenderedPanel(view.source, view.source, render(view.image, view.label_map, errors))
