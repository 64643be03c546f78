"""Hostile inputs for the untrained study: every option with every absurd value, every file damaged.

Each input changes one thing of a study that works. The programs have to end with one error, or with
a result where the change is harmless.
"""

import itertools
import json
import os
import random
import shutil
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from tests.faults.injection import tiny_study

MARKER_NAME = "code-was-run"  # a file that only code from an input would create
LONG_TEXT = "x" * 100_000
ESCAPES = "a\x1b[31m\x07\x1b]0;title\x07"

PROGRAM_OF_TASK = {
    "quality": "fusion.run",
    "detect": "detection.run",
    "segment": "segmentation.run",
}


@dataclass(frozen=True)
class HostileInput:
    """One change of the study.

    Attributes:
        title: What is changed, for the failure message.
        task: The task that meets it.
        change: Changes the folder of the study.
        arguments: Further arguments of the program.
    """

    title: str
    task: str
    change: Callable[[Path], object]
    arguments: tuple[str, ...] = ()


def list_inputs() -> list[HostileInput]:
    """List all hostile inputs, in a fixed order."""
    return [*list_files(), *list_values(), *list_task_files(), *list_names(), *list_rows()]


# Files: each input file of the study is replaced by each of these.
FILES = (
    ("quality", "data/folder/ir/00004.png"),
    ("quality", "data/folder/vi/00004.png"),
    ("quality", "theirs/00004.png"),
    ("detect", "data/m3fd/Vis/00004.png"),
    ("detect", "data/m3fd/Ir/00004.png"),
    ("detect", "data/m3fd/Annotation/00004.xml"),
    ("detect", "data/m3fd/meta/test.txt"),
    ("detect", "boxes.json"),
    ("segment", "data/fmb/test/Label/00004.png"),
    ("segment", "data/fmb/train/Label/00001.png"),
    ("segment", "data/fmb/test/Visible/00004.png"),
    ("segment", "maps/00004.png"),
    ("quality", "tasks.yaml"),
)


def write_image_as(image_format: str, **options: object) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        with path.open("wb") as file:
            Image.new("RGB", (32, 24), (7, 7, 7)).save(file, image_format, **options)

    return write


def write_mode(mode: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        with path.open("wb") as file:
            image = Image.new(mode, (32, 24))
            image.save(file, "TIFF" if mode in ("F", "I", "CMYK") else "PNG")

    return write


def build_png_header(width: int, height: int, *, compressed: bytes = b"") -> bytes:
    """Build a PNG that claims a size; its pixels are ``compressed``."""

    def chunk(name: bytes, content: bytes) -> bytes:
        checksum = zlib.crc32(name + content)
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", checksum)

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    pixels = chunk(b"IDAT", compressed)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + pixels + chunk(b"IEND", b"")


def replace_by(content: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(content)


def remove_then(make: Callable[[Path], object]) -> Callable[[Path], object]:
    def replace(path: Path) -> None:
        path.unlink()
        make(path)

    return replace


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def append(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\0\0trailing bytes")


REPLACEMENTS: dict[str, Callable[[Path], object]] = {
    "empty": replace_by(b""),
    "zeros": replace_by(bytes(1000)),
    "noise": replace_by(random.Random(1).randbytes(5000)),
    "text": replace_by(b"hello\n"),
    "HTML": replace_by(b"<!DOCTYPE html><html><body>404 Not Found</body></html>"),
    "LFS pointer": replace_by(
        b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"
    ),
    "PostScript": replace_by(
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 32 24\n"
        b"(code-was-run) (w) file closefile showpage\n"
    ),
    "deep brackets": replace_by(b"[" * 200_000),
    "deep braces": replace_by(b'{"a":' * 100_000),
    "long line": replace_by(b"9" * 3_000_000),
    "UTF-16": replace_by("00003\n00004\n".encode("utf-16")),
    "surrogates": replace_by(b'{"images": [{"id": 1, "file_name": "\\ud800"}]}'),
    "escape sequences": replace_by(ESCAPES.encode()),
    "truncated": truncate,
    "trailing bytes": append,
    "missing": Path.unlink,
    "directory": remove_then(Path.mkdir),
    "FIFO": remove_then(os.mkfifo),
    "dangling link": remove_then(lambda path: path.symlink_to("nowhere")),
    "link to itself": remove_then(lambda path: path.symlink_to(path.name)),
    "endless device": remove_then(lambda path: path.symlink_to("/dev/zero")),
    "huge header": replace_by(build_png_header(60_000, 60_000)),
    "huge bomb": replace_by(
        build_png_header(20_000, 20_000, compressed=zlib.compress(bytes(10**8)))
    ),
    "other size": replace_by(build_png_header(31, 24, compressed=zlib.compress(bytes(32 * 24)))),
    "no pixels": replace_by(build_png_header(0, 0)),
    "GIF": write_image_as("GIF"),
    "PPM": write_image_as("PPM"),
    "JPEG": write_image_as("JPEG"),
    "WebP": write_image_as("WEBP"),
    "ICO": write_image_as("ICO"),
    "16 bits": write_mode("I;16"),
    "32 bits": write_mode("I"),
    "floating point": write_mode("F"),
    "1 bit": write_mode("1"),
    "alpha": write_mode("RGBA"),
    "CMYK": write_mode("CMYK"),
}


def list_files() -> Iterator[HostileInput]:
    for (task, name), (what, replace) in itertools.product(FILES, REPLACEMENTS.items()):

        def change(folder: Path, name: str = name, replace: Callable = replace) -> object:
            return replace(folder / name)

        yield HostileInput(f"{name}: {what}", task, change)


# Values: each setting gets each of these, as YAML.
SETTINGS = (
    ("quality", "tasks.quality.metrics.entropy.bins"),
    ("quality", "tasks.quality.metrics.structural_similarity.window"),
    ("quality", "tasks.quality.data.infrared"),
    ("quality", "tasks.quality.sources"),
    ("quality", "tasks.quality.on_request"),
    ("quality", "sources.average.options.weight"),
    ("quality", "sources.average.method"),
    ("quality", "sources.theirs.folder"),
    ("quality", "sources.theirs.color"),
    ("detect", "tasks.detect.seeds"),
    ("detect", "tasks.detect.seeds[0]"),
    ("detect", "tasks.detect.data.split.rule"),
    ("detect", "tasks.detect.data.split={rule: random, share: VALUE}"),
    ("detect", "tasks.detect.data.split={rule: random, seed: VALUE}"),
    ("detect", "tasks.detect.data.split={rule: blocks, gap: VALUE, length: 2, every: 2}"),
    ("detect", "tasks.detect.data.split={rule: blocks, length: VALUE}"),
    ("detect", "tasks.detect.data.split={rule: blocks, every: VALUE}"),
    ("detect", "tasks.detect.data.split={rule: lists, train: VALUE}"),
    ("detect", "tasks.detect.data.folder"),
    ("detect", "tasks.detect.data.scenarios"),
    ("detect", "tasks.detect.file"),
    ("detect", "tasks.detect.images"),
    ("detect", "tasks.detect.class_map"),
    ("detect", "tasks.detect.name"),
    ("detect", "tasks.detect.classes"),
    ("detect", "tasks.detect.without"),
    ("detect", "tasks.detect.chosen"),
    ("detect", "tasks.detect.train_on"),
    ("detect", "tasks.detect.metrics"),
    ("detect", "tasks.detect.metrics.average_precision"),
    ("detect", "tasks.detect.model"),
    ("detect", "tasks.detect.preset"),
    ("segment", "tasks.segment.folder"),
    ("segment", "tasks.segment.ids"),
    ("segment", "tasks.segment.palette"),
    ("segment", "tasks.segment.metrics.boundary_iou.dilation"),
    ("segment", "tasks.segment.metrics"),
    ("segment", "tasks.segment.dataset"),
)
VALUES = {
    "infinity": ".inf",
    "minus infinity": "-.inf",
    "NaN": ".nan",
    "overflow": "1e999",
    "a billion": "1000000000",
    "an integer of 31 digits": "1" + "0" * 30,
    "an integer of 6000 digits": "9" * 6000,
    "negative": "-1",
    "zero": "0",
    "half": "0.5",
    "true": "true",
    "null": "null",
    "text": "nonsense",
    "empty text": '""',
    "long text": LONG_TEXT,
    "escape sequences": '"a\\e[31m\\a"',
    "NUL": '"a\\0b"',
    "surrogate": '"a\\ud800"',
    "right to left": '"a\\u202eb"',
    "newline": '"a\\nb"',
    "list": "[1, 2]",
    "mapping": "{a: 1}",
    "empty list": "[]",
    "impossible date": "2001-99-99",
    "date": "2001-01-01",
    "code": "!!python/object/apply:os.system ['touch code-was-run']",
    "parent folders": "../../../../../../etc",
    "root": "/",
    "home": "~",
    "device": "/dev/zero",
    "format specification": '"{source:>1000000000}"',
    "attribute": '"{source.__class__}"',
    "brace": '"{"',
    "deep list": "[" * 300 + "]" * 300,
    "very deep list": "[" * 20_000 + "]" * 20_000,
    "alias to itself": "&a [*a]",
    "sexagesimal": "190:20:30.15",
    "binary": '!!binary "$$$"',
    "wrong tag": "!!int abc",
}


def list_values() -> Iterator[HostileInput]:
    for (task, setting), (what, value) in itertools.product(SETTINGS, VALUES.items()):
        if setting.endswith("[0]"):
            assignment = f"{setting.removesuffix('[0]')}=[{value}]"
        elif "VALUE" in setting:
            assignment = setting.replace("VALUE", value)
        else:
            assignment = f"{setting}={value}"
        if len(assignment) < 100_000 and "\0" not in assignment:  # the system's limit: 128 KiB
            title = f"--set {setting}: {what}"
            yield HostileInput(title, task, lambda _: None, ("--set", assignment))


def build_alias_bomb(depth: int) -> str:
    lines = [f"a0: &a0 [{', '.join(['lol'] * 10)}]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, depth)]
    return "\n".join(lines) + "\n"


def build_merge_bomb(depth: int) -> str:
    lines = ["m0: &m0 {k: v}"]
    lines += [f"m{i}: &m{i} {{<<: [*m{i - 1}, *m{i - 1}]}}" for i in range(1, depth)]
    return "\n".join(lines) + "\n"


STUDY = tiny_study.UNTRAINED_STUDY
TASK_FILES = {
    "alias bomb": build_alias_bomb(9) + STUDY,
    "alias bomb in sources": build_alias_bomb(9) + STUDY.replace("[average, theirs]", "*a8"),
    "alias bomb in metrics": build_alias_bomb(9)
    + STUDY.replace("{entropy: {}, structural_similarity: {}}", "*a8"),
    "merge bomb of 24": build_merge_bomb(24) + STUDY,
    "merge bomb of 60": build_merge_bomb(60) + STUDY,
    "mapping in itself": "sources: &s {x: *s}\ntasks: {q: {kind: quality, sources: [x]}}\n",
    "deep list": "a: " + "[" * 20_000 + "]" * 20_000 + "\n" + STUDY,
    "deep mapping": "a: " + "{a: " * 5000 + "1" + "}" * 5000 + "\n" + STUDY,
    "duplicate key": STUDY + "tasks: {}\n",
    "duplicate inner key": STUDY.replace("dataset: folder", "dataset: folder\n    dataset: fmb"),
    "control character": STUDY + "x: \x07\n",
    "escape in a name": STUDY.replace("  quality:", '  "q\\e[31m":'),
    "merge of a number": STUDY + "x: {<<: 3}\n",
    "list as key": STUDY + "? [1, 2]\n: 3\n",
    "mapping as key": STUDY + "? {a: 1}\n: 3\n",
    "number as name": STUDY.replace("  quality:", "  1:"),
    "truth as name": STUDY.replace("  quality:", "  yes:"),
    "null as name": STUDY.replace("  quality:", "  null:"),
    "only a list": "[1, 2]\n",
    "only text": "hello\n",
    "null": "null\n",
    "empty tasks": "sources: {}\ntasks: {}\n",
    "tasks as a list": "sources: {}\ntasks: []\n",
    "task without anything": "sources: {}\ntasks: {q: {}}\n",
    "many unknown keys": STUDY + "".join(f"unknown{i}: {i}\n" for i in range(20_000)),
    "long key": STUDY + f"{LONG_TEXT}: 1\n",
    "tab": STUDY.replace("    kind: quality", "\tkind: quality"),
    "unknown tag": STUDY + "x: !thing {a: 1}\n",
    "module": STUDY + "x: !!python/module:os\n",
    "omap": STUDY + "x: !!omap [a]\n",
    "time stamp": STUDY + "x: 2001-99-99T99:99:99Z\n",
}


def list_task_files() -> Iterator[HostileInput]:
    for what, text in TASK_FILES.items():

        def change(folder: Path, text: str = text) -> object:
            return (folder / "tasks.yaml").write_text(text, encoding="utf-8")

        yield HostileInput(f"task file: {what}", "quality", change)


NAMES = {
    "newline": "a\nb",
    "escape sequences": ESCAPES,
    "spaces": "  ",
    "quotes": "'\";$(touch code-was-run)",
    "HTML": "<script>alert(1)<",
    "format": "{source}%s%n",
    "glob": "[a]*?",
    "200 characters": "n" * 200,
    "not UTF-8": os.fsdecode(b"\xba\xec\xcd\xe2"),
    "combining": "e\u0301" * 3,
    "right to left": "a\u202eb",
    "dots": "a..b.",
    "comma": "a,b;c",
    "dash": "-rf",
}


def rename_pair(folders: tuple[str, ...], name: str) -> Callable[[Path], None]:
    def rename(folder: Path) -> None:
        for place in folders:
            for path in sorted((folder / place).glob("00004.*")):
                path.rename(path.with_name(f"{name}{path.suffix}"))

    return rename


def list_names() -> Iterator[HostileInput]:
    places = {
        "quality": ("data/folder/ir", "data/folder/vi", "theirs"),
        "detect": ("data/m3fd/Ir", "data/m3fd/Vis", "data/m3fd/Annotation"),
        "segment": (
            "data/fmb/test/Infrared",
            "data/fmb/test/Visible",
            "data/fmb/test/Label",
            "maps",
        ),
    }
    for (task, folders), (what, name) in itertools.product(places.items(), NAMES.items()):
        yield HostileInput(f"name in {task}: {what}", task, rename_pair(folders, name))


# Fields of predicted boxes: each gets each of these JSON values.
FIELDS = (
    ("annotations", "bbox"),
    ("annotations", "score"),
    ("annotations", "image_id"),
    ("annotations", "category_id"),
    ("images", "id"),
    ("images", "file_name"),
    ("categories", "id"),
    ("categories", "name"),
)
JSON_VALUES = (
    "NaN", "Infinity",
    "1e999", "-1", "0", "2", "true", "null", '"text"', '"\\ud800"', '"a\\u0000b"',
    "[]", "[1]", "{}", "[NaN, 5, 20, 20]", "[5, 5, 1e308, 1e308]", "[5, 5, -20, 20]",
    "[5, 5, 0, 20]", '["5", "5", "9", "9"]', "[5, 5, 9, 9, 1]", "9" * 5000, '"\\u001b[31m"',
    '"../../../etc/passwd"', "[1e-320, 0, 1e-320, 1]", "1e-320",
)  # fmt: skip


def list_rows() -> Iterator[HostileInput]:
    for (part, field), value in itertools.product(FIELDS, JSON_VALUES):

        def change(
            folder: Path, part: str = part, field: str = field, value: str = value
        ) -> object:
            document = tiny_study.build_predictions()
            document[part][1][field] = "PLACEHOLDER"
            text = json.dumps(document).replace('"PLACEHOLDER"', value)
            return (folder / "boxes.json").write_text(text)

        yield HostileInput(f"{part}.{field}: {value[:20]}", "detect", change)


def copy_study(origin: Path, target: Path) -> None:
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(origin, target)
