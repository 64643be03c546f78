"""Sample panels of one task: the same pairs for every source, with truth and predictions.

One panel is one source on one pair: the whole image, and under it the same part enlarged in all.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from bench import images, matching, names
from bench.images import Labels
from bench.pairs import Pair
from bench.plan import Cell
from bench.store import Store
from reports import choice, crops, drawing, hits, shown
from reports.choice import COUNT, Choice
from reports.results import SINGLE
from reports.shown import Shown

QUALITY = 75  # of the JPEG files

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
class Sample:
    """The panels of one pair: the truth, then one per source.

    Attributes:
        why: By which rules it was chosen.
    """

    key: str
    scene: str
    why: str
    panels: tuple[Panel, ...]


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
    draw = _boxes if cells[0].task.kind == "detection" else _maps
    place = report / "samples" / names.safe(cells[0].name)
    made = []
    for number, chosen in enumerate(_choices(every, ranking, store), start=1):
        pair = pairs[chosen.key]
        folder = place / str(number)
        folder.mkdir(parents=True)
        panels = []
        for i, drawn in enumerate(draw(every, pair)):
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
        made.append(Sample(pair.key, scene, chosen.why, tuple(panels)))
    return made


def legend(kind: str, finished: Iterable[str], samples: Sequence[Sample]) -> str:
    """How to read the panels of a kind of task, and which finished sources they lack."""
    if not samples:
        return ""
    said = BOX_LEGEND if kind == "detection" else LABEL_LEGEND
    there = {panel.source for panel in samples[0].panels}
    lacking = [name for name in finished if name not in there]
    if lacking:
        said += f" Not shown, because images or predictions are gone: {', '.join(lacking)}."
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


def _boxes(every: Sequence[Shown], pair: Pair) -> Iterator[Drawn]:
    """The truth on both sensors' images, then every source's predictions."""
    classes, truth = every[0].cell.test.classes, shown.true_boxes(pair)
    found = [one.boxes[pair.key] for one in every]
    met = [hits.match(truth, hits.confident(boxes))[1] for boxes in found]
    window = crops.of_boxes(truth.corners, np.array(met, bool), pair.size)

    def drawn(path: Path, marks: Sequence[drawing.Mark]) -> Image.Image:
        image = images.read_color(path)
        whole = drawing.framed(drawing.boxed(image, marks), window, pair.size)
        return drawing.stack([whole, drawing.boxed(image, marks, window)])

    true = drawing.truth_marks(truth, classes)
    yield Drawn("truth on infrared", "", drawn(pair.infrared, true))
    yield Drawn("truth on visible", "", drawn(pair.visible, true))
    for one, boxes in zip(every, found, strict=True):
        marks = drawing.prediction_marks(truth, boxes, classes)
        yield Drawn(one.name, one.name, drawn(one.paths[pair.key], marks))


def _maps(every: Sequence[Shown], pair: Pair) -> Iterator[Drawn]:
    """The true label map on the visible image, then every source's with its errors."""
    split = every[0].cell.test
    palette = drawing.colours(split.classes)
    truth = shown.true_labels(pair, split)
    unlabelled = shown.has_unlabelled(split)
    predicted = [one.labels(pair.key) for one in every]
    asked = truth > 0 if unlabelled else truth >= 0
    window = crops.of_labels(np.array([(labels != truth) & asked for labels in predicted]))

    def drawn(path: Path, labels: Labels, key: Image.Image | None) -> Image.Image:
        image = images.read_color(path)
        errors = key or drawing.with_errors(image, truth, labels, unlabelled=unlabelled)
        parts = [
            drawing.framed(drawing.picture(image), window, pair.size),
            drawing.with_labels(image, labels, palette),
            errors,
            drawing.with_labels(image, labels, palette, window),
        ]
        return drawing.stack(parts)

    key = drawing.legend(split.classes, palette)
    yield Drawn("truth on visible", "", drawn(pair.visible, truth, key))
    for one, labels in zip(every, predicted, strict=True):
        yield Drawn(one.name, one.name, drawn(one.paths[pair.key], labels, None))
