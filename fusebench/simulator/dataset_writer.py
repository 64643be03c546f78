"""Write rendered scenes to disk in the folder layout of M3FD (boxes) and FMB (label maps).

Detection:     {Ir,Vis}/*.png  Annotation/*.xml  meta/{train,test}.txt  meta/scenario.json
Segmentation:  {train,test}/{Infrared,Visible,Label,color}/*.png        meta/scenario.json

An unfinished folder is called ``.partial``; the next call resumes it at the first missing scene.
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
from fusebench.runtime import file_names, process_pool, progress
from fusebench.runtime.atomic_write import replace_atomically
from fusebench.simulator.parameters import SceneParameters
from fusebench.simulator.scene import RenderedScene, render_scene
from fusebench.storage import file_lock, integrity, store

MAX_SCENES_IN_PROCESS = 8  # up to this many, rendering here is faster than starting processes
LABEL_COLORS = np.array(list(fmb_palette.FMB_COLORS.values()), np.uint8)  # by label id
SceneNumbers = Mapping[str, Sequence[int]]  # split name -> scene numbers
SceneWriter = Callable[[Path, str, int], None]  # (folder, split name, scene number)


def split_scene_numbers(train: int, test: int, parameters: SceneParameters) -> dict[str, range]:
    """Return the scene numbers of both splits; no sequence is in both.

    Args:
        train: Number of training scenes.
        test: Number of test scenes.
        parameters: Gives the length of a sequence.
    """
    length = parameters.frames_per_sequence
    first_test_scene = -(-train // length) * length  # start of the next whole sequence
    return {"train": range(train), "test": range(first_test_scene, first_test_scene + test)}


def write_detection_dataset(
    folder: Path, numbers: SceneNumbers, seed: int, parameters: SceneParameters
) -> None:
    """Render scenes with boxes into M3FD's folder layout; does nothing if the folder exists.

    Args:
        folder: Final name of the finished folder.
        numbers: Scene numbers of ``train`` and ``test``.
        seed: Random seed of the scenes.
        parameters: Appearance of the scenes.

    Raises:
        UserError: If the parent folder is not writable.
    """
    write_scene = partial(_write_detection_scene, seed=seed, parameters=parameters)
    _write_dataset(folder, numbers, write_scene, parameters)


def write_segmentation_dataset(
    folder: Path, numbers: SceneNumbers, seed: int, parameters: SceneParameters
) -> None:
    """Render scenes with label maps into FMB's layout; see `write_detection_dataset`."""
    write_scene = partial(_write_segmentation_scene, seed=seed, parameters=parameters)
    _write_dataset(folder, numbers, write_scene, parameters)


def _write_dataset(
    folder: Path, numbers: SceneNumbers, write_scene: SceneWriter, parameters: SceneParameters
) -> None:
    if folder.exists():
        _check_intact(folder)
        return
    _check_writable(folder.parent)
    with file_lock.hold_lock(folder.with_name(folder.name + ".lock"), folder.name):
        if folder.exists():  # another process wrote it while this one waited for the lock
            return
        partial_folder = folder.with_name(folder.name + file_names.PARTIAL_SUFFIX)
        store.prepare_partial_folder(partial_folder)
        meta = partial_folder / "meta"
        meta.mkdir(parents=True, exist_ok=True)
        _write_scenes(
            [(partial_folder, split, n) for split in numbers for n in numbers[split]], write_scene
        )
        for split, split_numbers in numbers.items():
            text = "".join(f"{n:05d}\n" for n in split_numbers)
            (meta / f"{split}.txt").write_text(text, encoding="utf-8")
        scenario = json.dumps(_build_scenario(numbers, parameters), indent=1)
        (meta / "scenario.json").write_text(scenario, encoding="utf-8")
        store.finish_partial_folder(partial_folder, folder)


def _check_intact(folder: Path) -> None:
    """Check all files of finished scenes against their manifest.

    Raises:
        UserError: If a file is damaged.
    """
    damage = integrity.find_damage(folder, has_spec=False)
    if damage:
        raise integrity.build_error(folder, damage, "--data")


def _check_writable(folder: Path) -> None:
    """Check that ``folder`` can be created and written to.

    Raises:
        UserError: If it cannot.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        TemporaryFile(dir=folder).close()
    except OSError as error:
        raise UserError(
            f"{folder}: simulated scenes cannot be written there ({error.strerror}); pass a "
            "writable data folder with --data"
        ) from None


def _write_scenes(jobs: Sequence[tuple[Path, str, int]], write_scene: SceneWriter) -> None:
    """Write every scene, in several processes if there are many."""
    jobs = list(jobs)
    title = "rendering scenes"
    if len(jobs) > MAX_SCENES_IN_PROCESS:
        try:
            count = min(process_pool.count_available_cpus(), len(jobs))
            with process_pool.open_pool(count) as pool:
                futures = [pool.submit(write_scene, *job) for job in jobs]
                for future in progress.track_progress(futures, title):
                    future.result()
            return
        except BrokenProcessPool:
            # A program without ``if __name__ == "__main__"`` cannot start processes this way.
            title += " in this process"
    for job in progress.track_progress(jobs, title):
        write_scene(*job)


def _write_detection_scene(
    folder: Path, split: str, number: int, *, seed: int, parameters: SceneParameters
) -> None:
    """Write the files of one scene; skips a finished scene."""
    del split  # the split is in meta/, not in the paths
    key = f"{number:05d}"
    infrared, visible = folder / "Ir" / f"{key}.png", folder / "Vis" / f"{key}.png"
    annotation = folder / "Annotation" / f"{key}.xml"
    if all(path.exists() for path in (infrared, visible, annotation)):
        return
    scene = render_scene(seed, number, parameters)
    _write_image(infrared, scene.infrared)
    _write_image(visible, scene.visible)
    annotation.parent.mkdir(exist_ok=True)
    with replace_atomically(annotation, sync=False) as temporary_file:
        temporary_file.write_text(format_voc_annotation(key, scene), encoding="utf-8")


def _write_segmentation_scene(
    folder: Path, split: str, number: int, *, seed: int, parameters: SceneParameters
) -> None:
    """Write the images of one scene; skips a finished scene."""
    kinds = ("Infrared", "Visible", "color", "Label")
    paths = [folder / split / kind / f"{number:05d}.png" for kind in kinds]
    if all(path.exists() for path in paths):
        return
    scene = render_scene(seed, number, parameters)
    contents = (scene.infrared, scene.visible, LABEL_COLORS[scene.label_map], scene.label_map)
    for path, image in zip(paths, contents, strict=True):
        _write_image(path, image)


def _write_image(path: Path, image: images.Color) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    images.write_png(path, image)


def format_voc_annotation(key: str, scene: RenderedScene) -> str:
    """Format the boxes of a scene as a VOC XML file, as M3FD has them."""
    height, width = scene.label_map.shape
    lines = [
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
    for class_name, *edges in scene.boxes:
        lines += [
            "\t<object>",
            f"\t\t<name>{escape(class_name)}</name>",
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
    return "\n".join([*lines, "</annotation>", ""])


def _build_scenario(numbers: SceneNumbers, parameters: SceneParameters) -> list[dict[str, object]]:
    """List the sequences of every condition, in the format of TarDAL's scenario file."""
    length = parameters.frames_per_sequence
    conditions: dict[str, list[dict[str, object]]] = {}
    for split, split_numbers in numbers.items():
        for sequence in sorted({n // length for n in split_numbers}):
            frames = [n for n in split_numbers if n // length == sequence]
            condition = parameters.conditions[sequence % len(parameters.conditions)]
            conditions.setdefault(condition, []).append(
                {
                    "name": f"{frames[0]:05d}-{frames[-1]:05d}",
                    "mode": "train" if split == "train" else "val",
                    "range": [{"min": frames[0], "max": frames[-1]}],
                }
            )
    return [{"name": name, "scene": sequences} for name, sequences in conditions.items()]
