"""Drawn scenes on disk, as M3FD and FMB lie there.

Detection:     {Ir,Vis}/*.png  Annotation/*.xml  meta/{train,test}.txt  meta/scenario.json
Segmentation:  {train,test}/{Infrared,Visible,Label,color}/*.png        meta/scenario.json

A folder is finished or it is called ``.partial``: an interrupted drawing goes on with the scene
it had come to.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile
from xml.sax.saxutils import escape

import numpy as np

from fusebench.data import fmb_palette, images
from fusebench.errors import UserError
from fusebench.runtime import process_pool, progress
from fusebench.runtime.atomic_write import replace_atomically
from fusebench.simulator.parameters import SceneParameters
from fusebench.simulator.scene import RenderedScene, render_scene
from fusebench.storage import file_lock

MAX_SCENES_IN_PROCESS = 8  # scenes that are drawn faster here than by starting other processes
LABEL_COLORS = np.array(list(fmb_palette.FMB_COLORS.values()), np.uint8)  # by label id
SceneNumbers = Mapping[str, Sequence[int]]
SceneWriter = Callable[[Path, str, int], None]


def split_scene_numbers(train: int, test: int, knobs: SceneParameters) -> dict[str, range]:
    """Scene numbers of both parts; the test part starts with a sequence of its own."""
    first = -(-train // knobs.frames_per_sequence) * knobs.frames_per_sequence
    return {"train": range(train), "test": range(first, first + test)}


def write_detection_dataset(
    folder: Path, numbers: SceneNumbers, seed: int, knobs: SceneParameters
) -> None:
    """Draw scenes into a tree like M3FD's; does nothing if it is there.

    Args:
        folder: What the finished tree is called.
        numbers: Scene numbers of ``train`` and ``test``.
        seed: The film they are taken from.
        knobs: How they look.

    Raises:
        UserError: If nothing can be written where the tree is to be.
    """
    _write_dataset(folder, numbers, partial(_write_detection_scene, seed=seed, knobs=knobs), knobs)


def write_segmentation_dataset(
    folder: Path, numbers: SceneNumbers, seed: int, knobs: SceneParameters
) -> None:
    """Draw scenes into a tree like FMB's; arguments as for `write_detection_dataset`."""
    _write_dataset(
        folder, numbers, partial(_write_segmentation_scene, seed=seed, knobs=knobs), knobs
    )


def _write_dataset(
    folder: Path, numbers: SceneNumbers, write: SceneWriter, knobs: SceneParameters
) -> None:
    if folder.exists():
        return
    _check_writable(folder.parent)
    with file_lock.hold_lock(folder.with_name(folder.name + ".lock"), folder.name):
        if folder.exists():
            return
        unfinished = folder.with_name(folder.name + ".partial")
        (unfinished / "meta").mkdir(parents=True, exist_ok=True)
        _write_scenes([(unfinished, part, n) for part in numbers for n in numbers[part]], write)
        for part, some in numbers.items():
            text = "".join(f"{n:05d}\n" for n in some)
            (unfinished / "meta" / f"{part}.txt").write_text(text, encoding="utf-8")
        scenario = json.dumps(_build_scenario(numbers, knobs), indent=1)
        (unfinished / "meta" / "scenario.json").write_text(scenario, encoding="utf-8")
        for left in unfinished.rglob(".*"):
            left.unlink()  # half a file of a process that was killed
        unfinished.rename(folder)


def _check_writable(parent: Path) -> None:
    try:
        parent.mkdir(parents=True, exist_ok=True)
        TemporaryFile(dir=parent).close()
    except OSError as fault:
        raise UserError(
            f"{parent}: scenes cannot be drawn there ({fault.strerror}); name a folder that can be "
            "written with --data"
        ) from None


def _write_scenes(jobs: Sequence[tuple[Path, str, int]], write: SceneWriter) -> None:
    left = list(jobs)
    title = "drawing scenes"
    if len(left) > MAX_SCENES_IN_PROCESS:
        try:
            with process_pool.open_pool(process_pool.count_available_cpus()) as processes:
                running = [processes.submit(write, *job) for job in left]
                for done in progress.track_progress(running, title):
                    done.result()
            return
        except BrokenProcessPool:
            # A program without ``if __name__ == "__main__"`` cannot start processes this way.
            title += " in this process"
    for job in progress.track_progress(left, title):
        write(*job)


def _write_detection_scene(
    folder: Path, part: str, number: int, *, seed: int, knobs: SceneParameters
) -> None:
    del part
    key = f"{number:05d}"
    last = folder / "Annotation" / f"{key}.xml"
    if last.exists():
        return
    drawn = render_scene(seed, number, knobs)
    _write_image(folder / "Ir" / f"{key}.png", drawn.infrared)
    _write_image(folder / "Vis" / f"{key}.png", drawn.visible)
    last.parent.mkdir(exist_ok=True)
    with replace_atomically(last) as temporary:
        temporary.write_text(format_voc_annotation(key, drawn), encoding="utf-8")


def _write_segmentation_scene(
    folder: Path, part: str, number: int, *, seed: int, knobs: SceneParameters
) -> None:
    name = f"{number:05d}.png"
    place = folder / part
    if (place / "Label" / name).exists():
        return
    drawn = render_scene(seed, number, knobs)
    _write_image(place / "Infrared" / name, drawn.infrared)
    _write_image(place / "Visible" / name, drawn.visible)
    _write_image(place / "color" / name, LABEL_COLORS[drawn.label_map])
    _write_image(place / "Label" / name, drawn.label_map)


def _write_image(path: Path, image: images.Color) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    images.write_png(path, image)


def format_voc_annotation(key: str, drawn: RenderedScene) -> str:
    """The boxes of a scene as a VOC file, written as M3FD writes it."""
    height, width = drawn.label_map.shape
    rows = [
        "<annotation>",
        "\t<folder>Vis</folder>",
        f"\t<filename>{key}.png</filename>",
        "\t<size>",
        f"\t\t<width>{width}</width>",
        f"\t\t<height>{height}</height>",
        "\t\t<depth>3</depth>",
        "\t</size>",
        "\t<segmented>0</segmented>",
    ]
    for name, *edges in drawn.boxes:
        rows += [
            "\t<object>",
            f"\t\t<name>{escape(name)}</name>",
            "\t\t<pose>Unspecified</pose>",
            "\t\t<truncated>0</truncated>",
            "\t\t<difficult>0</difficult>",
            "\t\t<bndbox>",
            *(
                f"\t\t\t<{tag}>{edge}</{tag}>"
                for tag, edge in zip(("xmin", "ymin", "xmax", "ymax"), edges, strict=True)
            ),
            "\t\t</bndbox>",
            "\t</object>",
        ]
    return "\n".join([*rows, "</annotation>", ""])


def _build_scenario(numbers: SceneNumbers, knobs: SceneParameters) -> list[dict[str, object]]:
    """Conditions and sequences in TarDAL's form."""
    length = knobs.frames_per_sequence
    conditions: dict[str, list[dict[str, object]]] = {}
    for part, some in numbers.items():
        for sequence in sorted({n // length for n in some}):
            frames = [n for n in some if n // length == sequence]
            conditions.setdefault(knobs.conditions[sequence % len(knobs.conditions)], []).append(
                {
                    "name": f"{frames[0]:05d}-{frames[-1]:05d}",
                    "mode": "train" if part == "train" else "val",
                    "range": [{"min": frames[0], "max": frames[-1]}],
                }
            )
    return [{"name": name, "scene": scenes} for name, scenes in conditions.items()]
