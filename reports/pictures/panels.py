"""Sample panels of one task: the same pairs for every source, with truth and predictions.

One panel is one source on one pair: the whole image, and under it the same part enlarged in all.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from bench import boxes, images, matching, names
from bench.boxes import Boxes
from bench.errors import BenchError
from bench.images import Color, Labels
from bench.pairs import Pair, Split
from bench.plan import Cell
from bench.store import Store
from reports.pictures import choice, crops, drawing
from reports.pictures.choice import COUNT, Choice
from reports.records import hits, shown
from reports.records.results import SINGLE
from reports.records.shown import Shown

QUALITY = 75  # of the JPEG files
NO_BOXES, NO_LABELS = boxes.make([], []), np.zeros((0, 0), np.uint8)

BOX_LEGEND = (
    f"Boxes: truth white; predictions with a score of at least {hits.CONFIDENCE:g}: hits solid "
    f"green, false positives dashed orange; missed objects dotted yellow. A hit has the class of a "
    f"free true box and overlaps it by IoU {matching.THRESHOLD:g} or more. Words that would cover "
    "one another are left out. Below: the part in the blue frame enlarged, around the object about "
    "which the sources disagree most."
)
LABEL_LEGEND = (
    "Top to bottom: image, label map in FMB's colours, errors (wrong pixels orange, pixels without "
    "a true label black), and the part in the blue frame enlarged, in which the sources disagree "
    "most."
)


@dataclass(frozen=True)
class Panel:
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
    alt: str


@dataclass(frozen=True)
class Drawn:
    """A panel that is not saved yet; see `Panel`."""

    title: str
    source: str
    image: Image.Image


@dataclass(frozen=True)
class _Seen:
    """What one source shows of a pair, and what was predicted there."""

    name: str
    image: Color
    boxes: Boxes  # of detection
    labels: Labels  # of segmentation


@dataclass(frozen=True)
class Sample:
    """The panels of one pair: the truth, then one per source.

    Attributes:
        why: By which rules it was chosen.
        lost: Sources whose panels could not be made, and why; empty name: the pair's own.
    """

    key: str
    scene: str
    why: str
    panels: tuple[Panel, ...]
    lost: tuple[tuple[str, str], ...] = ()


def make(cells: Sequence[Cell], ranking: Sequence[str], store: Store, report: Path) -> list[Sample]:
    """Write the panels of one task under ``report`` and say what they show.

    Args:
        cells: All cells of the task.
        ranking: Names of its sources, best first.
        store: Where images and predictions are.
        report: The report's folder.
    """
    every = shown.find(cells, store)
    if not every:
        return []
    pairs = {pair.key: pair for pair in every[0].cell.test.pairs}
    place = report / "samples" / names.safe(cells[0].name)
    made = []
    for number, chosen in enumerate(_choices(every, ranking, store), start=1):
        pair = pairs[chosen.key]
        folder = place / str(number)
        folder.mkdir(parents=True)
        pictures, lost = _drawn(every, pair)
        panels = []
        for i, drawn in enumerate(pictures):
            file = folder / f"{i}-{names.safe(drawn.title)}.jpg"
            drawn.image.save(file, quality=QUALITY, optimize=True, progressive=True)
            what = f"what was predicted on {drawn.source}" if drawn.source else drawn.title
            panels.append(
                Panel(
                    title=drawn.title,
                    source=drawn.source,
                    file=file.relative_to(report).as_posix(),
                    size=drawn.image.size,
                    alt=f"Pair {pair.key}: {what}; whole, and a part enlarged",
                )
            )
        scene = pair.scene or "condition unknown"
        made.append(Sample(pair.key, scene, chosen.why, tuple(panels), tuple(lost)))
    return made


def legend(kind: str, finished: Iterable[str], samples: Sequence[Sample]) -> str:
    """How to read the panels of a kind of task, and which finished sources they lack."""
    if not samples:
        return ""
    said = BOX_LEGEND if kind == "detection" else LABEL_LEGEND
    lost = [(name, sample.key, why) for sample in samples for name, why in sample.lost]
    there = {panel.source for sample in samples for panel in sample.panels}
    known = there | {name for name, *_ in lost}
    lacking = [name for name in finished if name not in known]
    if lacking and there:
        said += f" Not shown, because images or predictions are gone: {', '.join(lacking)}."
    for name, key, why in lost:
        said += f" Left out: {name + ' on ' if name else ''}pair {key}: {why}."
    return said


def _choices(every: Sequence[Shown], ranking: Sequence[str], store: Store) -> list[Choice]:
    chosen = choice.by_scene(every[0].cell.test)
    scores = {one.name: shown.scores(one, store) for one in every}
    chosen += choice.different(scores, COUNT)
    order = sorted(every, key=lambda one: ranking.index(one.name))
    singles = [one.name for one in order if one.cell.source.kind in SINGLE]
    fused = [one.name for one in order if one.cell.source.kind not in SINGLE]
    if singles and fused:
        both = fused[0], singles[0]
        chosen += choice.extremes(scores[fused[0]], scores[singles[0]], both, COUNT)
    return choice.merged(chosen)


def _drawn(every: Sequence[Shown], pair: Pair) -> tuple[list[Drawn], list[tuple[str, str]]]:
    """The panels of a pair, and those that a damaged file costs: source and reason.

    A picture only illustrates: without it the report still has its numbers.
    """
    found = [(one.name, _seen(one, pair)) for one in every]
    seen = [one for _, one in found if isinstance(one, _Seen)]
    lost = [(name, str(one)) for name, one in found if isinstance(one, BenchError)]
    cell = every[0].cell
    draw = _boxes if cell.task.kind == "detection" else _maps
    try:
        return list(draw(seen, pair, cell.test)) if seen else [], lost
    except BenchError as fault:
        return [], [*lost, ("", str(fault))]


def _seen(one: Shown, pair: Pair) -> _Seen | BenchError:
    try:
        labels = one.labels(pair.key) if one.cell.task.kind == "segmentation" else NO_LABELS
        image = images.read_color(one.paths[pair.key])
    except BenchError as fault:
        return fault
    return _Seen(one.name, image, one.boxes.get(pair.key, NO_BOXES), labels)


def _boxes(seen: Sequence[_Seen], pair: Pair, split: Split) -> Iterator[Drawn]:
    """The truth on both sensors' images, then every source's predictions."""
    classes, truth = split.classes, shown.true_boxes(pair)
    met = [hits.match(truth, hits.confident(one.boxes))[1] for one in seen]
    window = crops.of_boxes(truth.corners, np.array(met, bool), pair.size)

    def drawn(image: Color, marks: Sequence[drawing.Mark]) -> Image.Image:
        whole = drawing.framed(drawing.boxed(image, marks), window, pair.size)
        return drawing.stack([whole, drawing.boxed(image, marks, window)])

    true = drawing.truth_marks(truth, classes)
    yield Drawn("truth on infrared", "", drawn(images.read_color(pair.infrared), true))
    yield Drawn("truth on visible", "", drawn(images.read_color(pair.visible), true))
    for one in seen:
        marks = drawing.prediction_marks(truth, one.boxes, classes)
        yield Drawn(one.name, one.name, drawn(one.image, marks))


def _maps(seen: Sequence[_Seen], pair: Pair, split: Split) -> Iterator[Drawn]:
    """The true label map on the visible image, then every source's with its errors."""
    palette = drawing.colours(split.classes)
    truth = shown.true_labels(pair, split)
    unlabelled = shown.has_unlabelled(split)
    asked = truth > 0 if unlabelled else truth >= 0
    window = crops.of_labels(np.array([(one.labels != truth) & asked for one in seen]))

    def drawn(image: Color, labels: Labels, key: Image.Image | None) -> Image.Image:
        errors = key or drawing.with_errors(image, truth, labels, unlabelled=unlabelled)
        parts = [
            drawing.framed(drawing.picture(image), window, pair.size),
            drawing.with_labels(image, labels, palette),
            errors,
            drawing.with_labels(image, labels, palette, window),
        ]
        return drawing.stack(parts)

    key = drawing.legend(split.classes, palette)
    yield Drawn("truth on visible", "", drawn(images.read_color(pair.visible), truth, key))
    for one in seen:
        yield Drawn(one.name, one.name, drawn(one.image, one.labels, None))
