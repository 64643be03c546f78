"""Sample panels of one task: the same pairs for every source, with truth and predictions.

One panel is one source on one pair: the whole image, and under it the same part enlarged in all.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from bench import images, matching, names
from bench.pairs import Pair
from bench.plan import Cell
from bench.store import Store
from reports import choice, crops, drawing, hits, shown
from reports.choice import COUNT, Choice
from reports.results import SINGLE
from reports.shown import Shown

QUALITY = 80  # of the JPEG files
TRUTH = ""  # the panel that is no source's

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
        source: Its name; empty for the truth.
        file: Relative to the report.
        size: (width, height) in pixels.
        alt: What can be seen, in words.
    """

    source: str
    file: str
    size: tuple[int, int]
    alt: str


@dataclass(frozen=True)
class Sample:
    """The panels of one pair: the truth's, then one per source.

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
        seen = zip([TRUTH, *(one.name for one in every)], draw(every, pair), strict=True)
        made.append(
            Sample(
                key=pair.key,
                scene=pair.scene or "condition unknown",
                why=chosen.why,
                panels=tuple(
                    _saved(
                        image, folder / f"{i}-{names.safe(name or 'truth')}.jpg", report, pair, name
                    )
                    for i, (name, image) in enumerate(seen)
                ),
            )
        )
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


def _saved(image: Image.Image, file: Path, report: Path, pair: Pair, source: str) -> Panel:
    image.save(file, quality=QUALITY)
    what = "the truth" if source == TRUTH else f"what was predicted on {source}"
    alt = f"Pair {pair.key}: {what}; whole, and a part enlarged"
    return Panel(source, file.relative_to(report).as_posix(), image.size, alt)


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


def _boxes(every: Sequence[Shown], pair: Pair) -> list[Image.Image]:
    """The truth on both sensors' images, then every source's predictions."""
    classes, truth = every[0].cell.test.classes, shown.true_boxes(pair)
    found = [one.boxes[pair.key] for one in every]
    met = [hits.match(truth, hits.confident(boxes))[1] for boxes in found]
    window = crops.of_boxes(truth.corners, np.array(met, bool), pair.size)
    true = drawing.truth_marks(truth, classes)
    both = [images.read_color(path) for path in (pair.visible, pair.infrared)]
    parts = [drawing.boxed(image, true) for image in both]
    parts += [drawing.boxed(image, true, window) for image in both]
    made = [drawing.stack([drawing.framed(parts[0], window, pair.size), *parts[1:]])]
    for one, boxes in zip(every, found, strict=True):
        image = images.read_color(one.paths[pair.key])
        marks = drawing.prediction_marks(truth, boxes, classes)
        whole = drawing.framed(drawing.boxed(image, marks), window, pair.size)
        made.append(drawing.stack([whole, drawing.boxed(image, marks, window)]))
    return made


def _maps(every: Sequence[Shown], pair: Pair) -> list[Image.Image]:
    """The true label map on the visible image, then every source's with its errors."""
    split = every[0].cell.test
    palette = drawing.colours(split.classes)
    truth = shown.true_labels(pair, split)
    unlabelled = shown.has_unlabelled(split)
    predicted = [one.labels(pair.key) for one in every]
    asked = truth > 0 if unlabelled else truth >= 0
    window = crops.of_labels(np.array([(labels != truth) & asked for labels in predicted]))
    visible = images.read_color(pair.visible)
    made = [
        drawing.stack(
            [
                drawing.framed(drawing.picture(visible), window, pair.size),
                drawing.with_labels(visible, truth, palette),
                drawing.legend(split.classes, palette),
                drawing.with_labels(visible, truth, palette, window),
            ]
        )
    ]
    for one, labels in zip(every, predicted, strict=True):
        image = images.read_color(one.paths[pair.key])
        made.append(
            drawing.stack(
                [
                    drawing.framed(drawing.picture(image), window, pair.size),
                    drawing.with_labels(image, labels, palette),
                    drawing.with_errors(image, truth, labels, unlabelled=unlabelled),
                    drawing.with_labels(image, labels, palette, window),
                ]
            )
        )
    return made
