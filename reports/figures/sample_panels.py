"""Sample panels of one task: the same pairs for every source, with truth and predictions.

One panel is one source on one pair: the whole image, and under it the same part enlarged in all.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from fusebench.data import boxes, images
from fusebench.data.boxes import Boxes
from fusebench.data.images import Color, LabelMap
from fusebench.data.pairs import Pair, Split
from fusebench.errors import UserError
from fusebench.evaluation import box_matching
from fusebench.experiments.plan import Run
from fusebench.runtime import file_names
from fusebench.storage.store import Store
from reports.figures import crops, draw_boxes_and_masks, sample_selection
from reports.figures.sample_selection import PAIRS_PER_CRITERION, SelectedPair
from reports.results import drawn_matches, predictions
from reports.results.predictions import SourcePredictions
from reports.results.task_results import SINGLE_SENSOR_KINDS

JPEG_QUALITY = 75  # of the JPEG files
NO_BOXES, NO_LABEL_MAP = boxes.make_boxes([], []), np.zeros((0, 0), np.uint8)

BOX_LEGEND = (
    f"Boxes: truth white; predictions with a score of at least {drawn_matches.MIN_CONFIDENCE:g}: hits solid "
    f"green, false positives dashed orange; missed objects dotted yellow. A hit has the class of a "
    f"free true box and overlaps it by IoU {box_matching.IOU_THRESHOLD:g} or more. Words that would cover "
    "one another are left out. Below: the part in the blue frame enlarged, around the object about "
    "which the sources disagree most."
)
LABEL_MAP_LEGEND = (
    "Top to bottom: image, label map in FMB's colors, errors (wrong pixels orange, pixels without "
    "a true label black), and the part in the blue frame enlarged, in which the sources disagree "
    "most."
)


@dataclass(frozen=True)
class SamplePanel:
    """One source on one pair.

    Attributes:
        title: The source's name, or which truth this is.
        source: Its name; empty for the truth.
        file: Relative to the report.
        size: (width, height) in pixels.
        alt: What can be seen, in words.
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
    """What one source shows of a pair, and what was predicted there."""

    source: str
    image: Color
    boxes: Boxes  # of detection
    label_map: LabelMap  # of segmentation


@dataclass(frozen=True)
class SamplePair:
    """The panels of one pair: the truth, then one per source.

    Attributes:
        why: By which rules it was chosen.
        lost: Sources whose panels could not be made, and why; empty name: the pair's own.
    """

    key: str
    condition: str
    reason: str
    panels: tuple[SamplePanel, ...]
    missing_panels: tuple[tuple[str, str], ...] = ()


def write_panels(
    cells: Sequence[Run], ranking: Sequence[str], store: Store, report: Path
) -> list[SamplePair]:
    """Write the panels of one task under ``report`` and say what they show.

    Args:
        cells: All cells of the task.
        ranking: Names of its sources, best first.
        store: Where images and predictions are.
        report: The report's folder.
    """
    every = predictions.find_source_predictions(cells, store)
    if not every:
        return []
    pairs = {pair.key: pair for pair in every[0].run.test_split.pairs}
    place = report / "samples" / file_names.make_safe_file_name(cells[0].task_name)
    made = []
    for number, chosen in enumerate(_select_pairs(every, ranking, store), start=1):
        pair = pairs[chosen.key]
        folder = place / str(number)
        folder.mkdir(parents=True)
        pictures, lost = _render_panels(every, pair)
        panels = []
        for i, drawn in enumerate(pictures):
            file = folder / f"{i}-{file_names.make_safe_file_name(drawn.title)}.jpg"
            drawn.image.save(file, quality=JPEG_QUALITY, optimize=True, progressive=True)
            what = f"what was predicted on {drawn.source}" if drawn.source else drawn.title
            panels.append(
                SamplePanel(
                    title=drawn.title,
                    source=drawn.source,
                    file=file.relative_to(report).as_posix(),
                    size=drawn.image.size,
                    alt_text=f"Pair {pair.key}: {what}; whole, and a part enlarged",
                )
            )
        scene = pair.condition or "condition unknown"
        made.append(SamplePair(pair.key, scene, chosen.reason, tuple(panels), tuple(lost)))
    return made


def build_legend(kind: str, finished: Iterable[str], samples: Sequence[SamplePair]) -> str:
    """How to read the panels of a kind of task, and which finished sources they lack."""
    if not samples:
        return ""
    said = BOX_LEGEND if kind == "detection" else LABEL_MAP_LEGEND
    lost = [(name, sample.key, why) for sample in samples for name, why in sample.missing_panels]
    there = {panel.source for sample in samples for panel in sample.panels}
    known = there | {name for name, *_ in lost}
    lacking = [name for name in finished if name not in known]
    if lacking and there:
        said += f" Not shown, because images or predictions are gone: {', '.join(lacking)}."
    for name, key, why in lost:
        said += f" Left out: {name + ' on ' if name else ''}pair {key}: {why}."
    return said


def _select_pairs(
    every: Sequence[SourcePredictions], ranking: Sequence[str], store: Store
) -> list[SelectedPair]:
    chosen = sample_selection.select_by_condition(every[0].run.test_split)
    scores = {one.source_name: predictions.read_pair_scores(one, store) for one in every}
    chosen += sample_selection.select_largest_spread(scores, PAIRS_PER_CRITERION)
    order = sorted(every, key=lambda one: ranking.index(one.source_name))
    singles = [one.source_name for one in order if one.run.source.kind in SINGLE_SENSOR_KINDS]
    fused = [one.source_name for one in order if one.run.source.kind not in SINGLE_SENSOR_KINDS]
    if singles and fused:
        both = fused[0], singles[0]
        chosen += sample_selection.select_largest_gain_and_loss(
            scores[fused[0]], scores[singles[0]], both, PAIRS_PER_CRITERION
        )
    return sample_selection.merge_duplicates(chosen)


def _render_panels(
    every: Sequence[SourcePredictions], pair: Pair
) -> tuple[list[RenderedPanel], list[tuple[str, str]]]:
    """The panels of a pair, and those that a damaged file costs: source and reason.

    A picture only illustrates: without it the report still has its numbers.
    """
    found = [(one.source_name, _load_source_view(one, pair)) for one in every]
    seen = [one for _, one in found if isinstance(one, _SourceView)]
    lost = [(name, str(one)) for name, one in found if isinstance(one, UserError)]
    cell = every[0].run
    draw = _render_box_panels if cell.task.kind == "detection" else _render_label_map_panels
    try:
        return list(draw(seen, pair, cell.test_split)) if seen else [], lost
    except UserError as fault:
        return [], [*lost, ("", str(fault))]


def _load_source_view(one: SourcePredictions, pair: Pair) -> _SourceView | UserError:
    try:
        labels = (
            one.read_label_map(pair.key) if one.run.task.kind == "segmentation" else NO_LABEL_MAP
        )
        image = images.read_color(one.image_paths[pair.key])
    except UserError as fault:
        return fault
    return _SourceView(one.source_name, image, one.boxes.get(pair.key, NO_BOXES), labels)


def _render_box_panels(
    seen: Sequence[_SourceView], pair: Pair, split: Split
) -> Iterator[RenderedPanel]:
    """The truth on both sensors' images, then every source's predictions."""
    classes, truth = split.classes, predictions.get_true_boxes(pair)
    met = [
        drawn_matches.classify_boxes(truth, drawn_matches.filter_by_confidence(one.boxes))[1]
        for one in seen
    ]
    window = crops.find_disputed_box_window(truth.corners, np.array(met, bool), pair.size)

    def drawn(image: Color, marks: Sequence[draw_boxes_and_masks.BoxOverlay]) -> Image.Image:
        whole = draw_boxes_and_masks.draw_window_outline(
            draw_boxes_and_masks.draw_boxes(image, marks), window, pair.size
        )
        return draw_boxes_and_masks.stack_images(
            [whole, draw_boxes_and_masks.draw_boxes(image, marks, window)]
        )

    true = draw_boxes_and_masks.build_truth_overlays(truth, classes)
    yield RenderedPanel("truth on infrared", "", drawn(images.read_color(pair.infrared), true))
    yield RenderedPanel("truth on visible", "", drawn(images.read_color(pair.visible), true))
    for one in seen:
        marks = draw_boxes_and_masks.build_prediction_overlays(truth, one.boxes, classes)
        yield RenderedPanel(one.source, one.source, drawn(one.image, marks))


def _render_label_map_panels(
    seen: Sequence[_SourceView], pair: Pair, split: Split
) -> Iterator[RenderedPanel]:
    """The true label map on the visible image, then every source's with its errors."""
    palette = draw_boxes_and_masks.build_class_colors(split.classes)
    truth = predictions.read_true_label_map(pair, split)
    unlabeled = predictions.has_unlabeled_class(split)
    asked = truth > 0 if unlabeled else truth >= 0
    window = crops.find_disputed_pixel_window(
        np.array([(one.label_map != truth) & asked for one in seen])
    )

    def drawn(image: Color, labels: LabelMap, key: Image.Image | None) -> Image.Image:
        errors = key or draw_boxes_and_masks.draw_label_errors(
            image, truth, labels, unlabeled=unlabeled
        )
        parts = [
            draw_boxes_and_masks.draw_window_outline(
                draw_boxes_and_masks.crop_and_resize(image), window, pair.size
            ),
            draw_boxes_and_masks.draw_label_map(image, labels, palette),
            errors,
            draw_boxes_and_masks.draw_label_map(image, labels, palette, window),
        ]
        return draw_boxes_and_masks.stack_images(parts)

    key = draw_boxes_and_masks.draw_class_legend(split.classes, palette)
    yield RenderedPanel("truth on visible", "", drawn(images.read_color(pair.visible), truth, key))
    for one in seen:
        yield RenderedPanel(one.source, one.source, drawn(one.image, one.label_map, None))
