"""Sample sheets of one task: the same pairs for every source, with truth and predictions.

Only what is already there is shown: nothing is fused or predicted for a picture.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from bench import images, masks, matching, sources, tasks
from bench.boxes import Boxes, from_coco
from bench.errors import BenchError
from bench.pairs import Pair, Split
from bench.plan import Cell
from bench.store import Store
from reports import choice, drawing, hits
from reports.choice import Choice
from reports.results import SINGLE

BOX_LEGEND = (
    f"Boxes: truth white; predictions with a score of at least {hits.CONFIDENCE:g}: hits solid "
    f"green, false positives dashed orange; missed objects dotted yellow. A hit has the class of a "
    f"free true box and overlaps it by IoU {matching.THRESHOLD:g} or more. Words that would cover "
    "one another are left out."
)
LABEL_LEGEND = (
    "Label maps in FMB's colours over the image; below them wrong pixels are orange, and pixels "
    "without a true label are black."
)


@dataclass(frozen=True)
class Sample:
    """A finished sheet.

    Attributes:
        file: Relative to the report.
        size: (width, height) in pixels.
        sources: Who is in it.
        alt: What can be seen, in words.
    """

    file: str
    size: tuple[int, int]
    key: str
    scene: str
    why: str
    alt: str
    sources: tuple[str, ...]


@dataclass(frozen=True)
class Shown:
    """One source that can be shown: its images, and what was predicted on them."""

    cell: Cell
    paths: Mapping[str, Path]
    boxes: Mapping[str, Boxes]  # of detection
    folder: Path  # of the predictions

    def labels(self, key: str) -> images.Labels:
        """The predicted label map of one pair."""
        return masks.read_mask(self.folder / f"{key}.png", self.cell.test.classes)


def make(cells: Sequence[Cell], ranking: Sequence[str], store: Store, report: Path) -> list[Sample]:
    """Write the sample sheets of one task under ``report`` and say what they show.

    Args:
        cells: All cells of the task.
        ranking: Names of its sources, best first.
        store: Where images and predictions are.
        report: The report's folder.
    """
    shown = _shown(cells, store)
    if not shown:
        return []
    split = shown[0].cell.test
    pairs = {pair.key: pair for pair in split.pairs}
    folder = report / "samples" / cells[0].name
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for number, chosen in enumerate(_choices(shown, ranking), start=1):
        pair = pairs[chosen.key]
        sheet = _boxes(shown, pair) if cells[0].task.kind == "detection" else _maps(shown, pair)
        file = folder / f"{number}.jpg"
        sheet.save(file, quality=88)
        made.append(_sample(sheet, file.relative_to(report), pair, chosen, shown))
    return made


def legend(kind: str, finished: Iterable[str], samples: Sequence[Sample]) -> str:
    """How to read the sheets of a kind of task, and which finished sources they lack."""
    if not samples:
        return ""
    said = BOX_LEGEND if kind == "detection" else LABEL_LEGEND
    lacking = [name for name in finished if name not in samples[0].sources]
    if lacking:
        said += f" Not shown, because images or predictions are gone: {', '.join(lacking)}."
    return said


def _sample(
    sheet: Image.Image, file: Path, pair: Pair, chosen: Choice, shown: Sequence[Shown]
) -> Sample:
    names = tuple(one.cell.source_name for one in shown)
    seeds = {one.cell.seed for one in shown}
    drawn = "boxes" if shown[0].cell.task.kind == "detection" else "label maps"
    alt = (
        f"Pair {pair.key}: true and predicted {drawn} (seed {' or '.join(map(str, seeds))}) on "
        f"{', '.join(names)}, side by side"
    )
    scene = pair.scene or "condition unknown"
    return Sample(file.as_posix(), sheet.size, pair.key, scene, chosen.why, alt, names)


def _shown(cells: Sequence[Cell], store: Store) -> list[Shown]:
    """The first finished seed of every source whose images and predictions are there."""
    found: dict[str, Shown] = {}
    for cell in cells:
        if cell.source_name in found or "predicted" not in cell.specs:
            continue
        folder = store.path("predicted", cell.model_label, cell.specs["predicted"])
        if not folder.is_dir() or not _there(cell, store) or cell.record(store) is None:
            continue
        paths = cell.images(cell.test, store, "cpu").paths
        boxes = _read_boxes(folder, cell.test) if cell.task.kind == "detection" else {}
        found[cell.source_name] = Shown(cell, paths, boxes, folder)
    return list(found.values())


def _there(cell: Cell, store: Store) -> bool:
    """Whether the source's images need not be made first."""
    source = cell.source
    if isinstance(source, tasks.Raw):
        return True
    if isinstance(source, tasks.Elsewhere) and source.colour == "saved":
        return True
    spec = sources.spec(source, cell.test, cell.folder)
    return store.path("fused", sources.label(source, cell.test), spec).is_dir()


def _read_boxes(folder: Path, split: Split) -> dict[str, Boxes]:
    file = folder / "predictions.json"
    try:
        found = from_coco(json.loads(file.read_text(encoding="utf-8")), split.classes)
    except (OSError, ValueError) as fault:
        raise BenchError(
            f"{file}: cannot be read ({fault}); delete its folder and run again"
        ) from None
    lost = next((pair.key for pair in split.pairs if pair.key not in found), None)
    if lost is not None:
        raise BenchError(f"{file}: has no image {lost}; delete its folder and run again")
    return found


def _choices(shown: Sequence[Shown], ranking: Sequence[str]) -> list[Choice]:
    chosen = choice.by_scene(shown[0].cell.test)
    order = sorted(shown, key=lambda one: ranking.index(one.cell.source_name))
    singles = [one for one in order if one.cell.source.kind in SINGLE]
    fused = [one for one in order if one.cell.source.kind not in SINGLE]
    if singles and fused:
        names = fused[0].cell.source_name, singles[0].cell.source_name
        chosen += choice.extremes(_scores(fused[0]), _scores(singles[0]), names)
    return choice.merged(chosen)


def _scores(shown: Shown) -> dict[str, float]:
    """A rough score per pair, only to find the pairs that differ most."""
    found: dict[str, float] = {}
    for pair in shown.cell.test.pairs:
        score = (
            hits.f1(_truth(pair), hits.confident(shown.boxes[pair.key]))
            if shown.cell.task.kind == "detection"
            else _agreement(shown, pair)
        )
        if score is not None:
            found[pair.key] = score
    return found


def _agreement(shown: Shown, pair: Pair) -> float | None:
    """The share of labelled pixels that are right."""
    truth = _mask(pair, shown.cell.test)
    looked_at = truth > 0 if _has_unlabelled(shown.cell.test) else truth >= 0
    if not looked_at.any():
        return None
    return float((shown.labels(pair.key) == truth)[looked_at].mean())


def _boxes(shown: Sequence[Shown], pair: Pair) -> Image.Image:
    classes = shown[0].cell.test.classes
    pixels = [images.read_color(one.paths[pair.key]) for one in shown]
    truth = _truth(pair)
    found = [one.boxes[pair.key] for one in shown]
    return drawing.sheet(
        [one.cell.source_name for one in shown],
        [
            ("truth", [drawing.with_truth(image, truth, classes) for image in pixels]),
            (
                "predictions",
                [
                    drawing.with_predictions(image, truth, boxes, classes)
                    for image, boxes in zip(pixels, found, strict=True)
                ],
            ),
        ],
    )


def _maps(shown: Sequence[Shown], pair: Pair) -> Image.Image:
    split = shown[0].cell.test
    palette = drawing.colours(split.classes)
    pixels = [images.read_color(one.paths[pair.key]) for one in shown]
    truth = _mask(pair, split)
    predicted = [one.labels(pair.key) for one in shown]
    unlabelled = _has_unlabelled(split)
    top = [drawing.picture(image) for image in pixels]
    visible = images.read_color(pair.visible)
    maps = [
        drawing.with_labels(image, labels, palette)
        for image, labels in zip([visible, *pixels], [truth, *predicted], strict=True)
    ]
    errors = [
        drawing.with_errors(image, truth, labels, unlabelled=unlabelled)
        for image, labels in zip(pixels, predicted, strict=True)
    ]
    key = drawing.legend(split.classes, palette, top[0].height)
    blank = Image.new("RGB", key.size, drawing.PAPER)
    return drawing.sheet(
        ["truth", *(one.cell.source_name for one in shown)],
        [("images", [key, *top]), ("labels", maps), ("errors", [blank, *errors])],
    )


def _truth(pair: Pair) -> Boxes:
    assert pair.boxes is not None  # the plan refuses pairs without
    return pair.boxes


def _mask(pair: Pair, split: Split) -> images.Labels:
    assert pair.mask is not None  # the plan refuses pairs without
    return masks.read_mask(pair.mask, split.classes)


def _has_unlabelled(split: Split) -> bool:
    return split.classes[0].lower() in ("unlabelled", "unlabeled")
