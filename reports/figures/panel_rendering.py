"""Rendering of the panels of one pair: images, boxes and label maps, the same part enlarged."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from fusebench.data import boxes, images, label_maps
from fusebench.data.boxes import Boxes
from fusebench.data.images import Color, LabelMap
from fusebench.data.pairs import Pair, Split
from fusebench.errors import UserError
from fusebench.experiments.planning.run import Run
from reports.figures import overlays, zoom_windows
from reports.figures.overlays import BoxOverlay
from reports.figures.zoom_windows import ZoomWindow
from reports.results import drawn_matches, predictions
from reports.results.predictions import SourcePredictions

NO_BOXES, NO_LABEL_MAP = boxes.make_boxes([], []), np.zeros((0, 0), np.uint8)


@dataclass(frozen=True)
class SourceView:
    """Image and predictions of one source on one pair."""

    source: str
    image: Color
    boxes: Boxes  # of detection
    label_map: LabelMap  # of segmentation


@dataclass(frozen=True)
class RenderedPanel:
    """A panel that is not saved yet; see `SamplePanel`."""

    title: str
    source: str
    image: Image.Image


def render_panels(
    sources: Sequence[SourcePredictions], pair: Pair
) -> tuple[list[RenderedPanel], list[tuple[str, str]], list[SourceView]]:
    """Render the panels of a pair; return them, (source, reason) of those that failed, the views.

    A damaged image omits only its own panel, because no number of the report depends on it.
    """
    loaded = [(source.source_name, _load_source_view(source, pair)) for source in sources]
    views = [view for _, view in loaded if isinstance(view, SourceView)]
    missing = [(name, str(error)) for name, error in loaded if isinstance(error, UserError)]
    if not views:
        return [], missing, []
    run = sources[0].run
    render = _render_box_panels if run.task.kind == "detection" else _render_label_map_panels
    try:
        return list(render(views, pair, run.test_split)), missing, views
    except UserError as error:
        return [], [*missing, ("", str(error))], []


def _load_source_view(source: SourcePredictions, pair: Pair) -> SourceView | UserError:
    """Read image and label map of a source; return the error if a file is damaged."""
    is_segmentation = source.run.task.kind == "segmentation"
    try:
        label_map = source.read_label_map(pair.key) if is_segmentation else NO_LABEL_MAP
        image = images.read_color(source.image_paths[pair.key])
    except UserError as error:
        return error
    predicted = source.boxes.get(pair.key, NO_BOXES)
    return SourceView(source.source_name, image, predicted, label_map)


def _find_box_window(truth: Boxes, views: Sequence[SourceView], pair: Pair) -> ZoomWindow:
    """Find the window around the object that about half of the sources detect."""
    counted = truth.drop_ignored()
    detected = [
        drawn_matches.classify_boxes(counted, drawn_matches.filter_by_confidence(view.boxes))[1]
        for view in views
    ]
    return zoom_windows.find_disputed_box_window(
        counted.corners, np.array(detected, bool), pair.size
    )


def _render_box_panels(
    views: Sequence[SourceView], pair: Pair, split: Split
) -> Iterator[RenderedPanel]:
    """Yield the ground truth on both sensors' images, then every source's predictions."""
    truth = predictions.get_true_boxes(pair)
    window = _find_box_window(truth, views, pair)

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
    views: Sequence[SourceView], pair: Pair, split: Split
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


def render_comparison(
    run: Run, views: Sequence[SourceView], pair: Pair, compared: tuple[str, str] | None
) -> list[RenderedPanel]:
    """Render the enlarged part of the compared sources; empty if an image of them is damaged."""
    by_name = {view.source: view for view in views}
    if compared is None or not set(compared) <= set(by_name):
        return []
    selected = [by_name[name] for name in compared]
    parts = _render_enlarged_parts(run.task.kind, selected, pair, run.test_split)
    return [
        RenderedPanel(view.source, view.source, part)
        for view, part in zip(selected, parts, strict=True)
    ]


def _render_enlarged_parts(
    kind: str, views: Sequence[SourceView], pair: Pair, split: Split
) -> list[Image.Image]:
    """Render the same enlarged part of every view, with its right and wrong predictions.

    Args:
        kind: Of the task, ``detection`` or ``segmentation``.
        views: The sources to compare.
        pair: The pair.
        split: Its split, for the classes.
    """
    if kind == "detection":
        return _enlarge_boxes(views, pair, split)
    return _enlarge_label_errors(views, pair, split)


def _enlarge_boxes(views: Sequence[SourceView], pair: Pair, split: Split) -> list[Image.Image]:
    truth = predictions.get_true_boxes(pair)
    window = _find_box_window(truth, views, pair)
    return [
        overlays.draw_boxes(
            view.image,
            overlays.build_prediction_overlays(truth, view.boxes, split.classes),
            window,
        )
        for view in views
    ]


def _enlarge_label_errors(
    views: Sequence[SourceView], pair: Pair, split: Split
) -> list[Image.Image]:
    truth = predictions.read_true_label_map(pair, split)
    is_unlabeled = label_maps.find_unlabeled(truth, split.classes)
    wrong = [(view.label_map != truth) & ~is_unlabeled for view in views]
    window = zoom_windows.find_disputed_pixel_window(np.array(wrong))
    return [
        overlays.draw_label_errors(view.image, is_wrong, is_unlabeled, window)
        for view, is_wrong in zip(views, wrong, strict=True)
    ]
