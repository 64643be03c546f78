"""Draw the corruptions of one pair as a contact sheet: clean, and with severity 1, 2 and 3.

python -m fusebench.corruption_sheet ir/1.png vi/1.png --to sheet.png
python -m fusebench.corruption_sheet ir/1.png vi/1.png --corruption haze --method laplacian
python -m fusebench.corruption_sheet ir/9.png vi/9.png --earlier ir/8.png vi/8.png

A row has the image that a corruption changes, or the image that a method fuses of the corrupted
pair. Options of a task file are not read: corruptions and methods have their default options.
"""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from fusebench import cli, plugins
from fusebench.config.paths import expand_home
from fusebench.config.schema import SEVERITIES
from fusebench.contracts import Corruption, FusionFunction
from fusebench.corruption_parts.pair_images import PairImages
from fusebench.data import images
from fusebench.data.images import Color, Gray
from fusebench.errors import UserError
from fusebench.experiments.robustness.corrupted_pairs import build_generator
from fusebench.runtime import command_name, interrupts, printable
from fusebench.runtime.printable import ArgumentParser
from fusebench.runtime.program import run_program
from fusebench.runtime.system_errors import name_file

PROGRAM = "fusebench.corruption_sheet"
DEFAULT_WIDTH, MIN_WIDTH, MAX_WIDTH = 320, 32, 4096  # pixels of one image of the sheet
GAP, TEXT_HEIGHT = 4, 14  # pixels

Tile = tuple[str, Gray | Color]  # title and image


def build_rows(
    clean: PairImages,
    key: str,
    corruptions: Sequence[Corruption],
    methods: dict[str, FusionFunction],
) -> Iterator[list[Tile]]:
    """Yield the rows of a sheet: images of the changed sensors, then of the methods.

    Args:
        clean: The pair; a corruption that needs an earlier frame is left out without one.
        key: Its key, which decides the random numbers, as in a run.
        corruptions: One to three rows each.
        methods: Fusion functions by name.
    """
    for corruption in corruptions:
        options = corruption.Options()
        if clean.earlier is None and any(corruption.frames_back(s, options) for s in SEVERITIES):
            continue
        pairs = {"clean": clean}
        for severity in SEVERITIES:
            generator = build_generator(key, corruption.name, severity)
            title = f"{severity}: {corruption.describe(severity, options)}"
            with plugins.name_failing_input(f"corruption {corruption.name}"):
                pairs[title] = corruption.corrupt(clean, severity, options, generator)
        for sensor in corruption.changed_sensors(options):
            name = f"{corruption.name}, {sensor}"
            yield [(f"{name}: {title}", pair.get(sensor)) for title, pair in pairs.items()]
        for method, fuse in methods.items():
            name = f"{corruption.name}, {method}"
            yield [
                (f"{name}: {title}", fuse(pair.infrared, pair.visible))
                for title, pair in pairs.items()
            ]


def draw_sheet(rows: Sequence[Sequence[Tile]], width: int) -> Color:
    """Draw rows of images below their titles, each image ``width`` pixels wide."""
    height = round(width * rows[0][0][1].shape[0] / rows[0][0][1].shape[1])
    columns = max(map(len, rows))
    step_x, step_y = width + GAP, height + TEXT_HEIGHT + GAP
    sheet = Image.new("RGB", (columns * step_x - GAP, len(rows) * step_y - GAP), "white")
    draw = ImageDraw.Draw(sheet)
    for row, tiles in enumerate(rows):
        for column, (title, image) in enumerate(tiles):
            x, y = column * step_x, row * step_y
            draw.text((x, y), title, fill="black")
            tile = Image.fromarray(image).resize((width, height), Image.Resampling.LANCZOS)
            sheet.paste(tile.convert("RGB"), (x, y + TEXT_HEIGHT))
    return np.array(sheet)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    args = build_parser().parse_args(argv)
    program = command_name.get_command_name(PROGRAM)
    try:
        if not MIN_WIDTH <= args.width <= MAX_WIDTH:
            raise UserError(f"--width {args.width}: expected {MIN_WIDTH} to {MAX_WIDTH}")
        _check_target(args.to, [args.infrared, args.visible, *(args.earlier or ())])
        names = args.corruption or plugins.list_plugins(plugins.CORRUPTIONS)
        corruptions = [plugins.load_corruption(name) for name in names]
        clean = _read_pair(args.infrared, args.visible)
        if args.earlier:
            earlier = _read_pair(*args.earlier)
            if earlier.infrared.shape != clean.infrared.shape:
                raise UserError(f"--earlier {args.earlier[0]}: has another size than the pair")
            clean = PairImages(clean.infrared, clean.visible, earlier)
        methods = {name: _load_fuse(name) for name in args.method}
        rows = list(build_rows(clean, args.visible.stem, corruptions, methods))
        if not rows:
            raise UserError("nothing to draw: these corruptions need --earlier INFRARED VISIBLE")
        with name_file(args.to):
            images.write_png(args.to, draw_sheet(rows, args.width))
    except Exception as error:  # noqa: BLE001 - a bug is raised again
        return cli.report_error(program, error)
    except KeyboardInterrupt:
        printable.print_message(f"\n{program}: interrupted")
        return interrupts.get_exit_status()
    printable.print_text(f"Contact sheet: {args.to}")
    return 0


def build_parser() -> argparse.ArgumentParser:
    """Build the parser of the arguments."""
    parser = ArgumentParser(
        prog=command_name.get_command_name(PROGRAM),
        description=command_name.format_description(PROGRAM, __doc__),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("infrared", type=expand_home, metavar="INFRARED", help="infrared image")
    parser.add_argument("visible", type=expand_home, metavar="VISIBLE", help="visible image")
    parser.add_argument(
        "--earlier",
        nargs=2,
        type=expand_home,
        metavar=("INFRARED", "VISIBLE"),
        help="a pair before it in the same sequence, for corruptions that need one",
    )
    parser.add_argument(
        "--corruption", action="append", metavar="NAME", help="only this one (repeatable)"
    )
    parser.add_argument(
        "--method",
        action="append",
        default=[],
        metavar="NAME",
        help="also the images that this method fuses (repeatable)",
    )
    parser.add_argument(
        "--to", type=expand_home, default=Path("corruptions.png"), metavar="FILE", help="PNG file"
    )
    parser.add_argument(
        "--width", type=int, default=DEFAULT_WIDTH, help="pixels of each image (default: 320)"
    )
    return parser


def _check_target(target: Path, read_files: Sequence[Path]) -> None:
    """Raise a UserError if the sheet would replace an image that is read, or is no PNG by name."""
    if any(target.resolve() == file.resolve() for file in read_files):
        raise UserError(f"--to {target}: is an image of the pair, which would be replaced")
    if target.suffix.lower() != ".png":
        raise UserError(f"--to {target}: expected a file name that ends in .png")


def _read_pair(infrared: Path, visible: Path) -> PairImages:
    """Read a pair.

    Raises:
        UserError: If an image cannot be read, or the sizes differ.
    """
    pair = PairImages(images.read_gray(infrared), images.read_color(visible))
    if pair.infrared.shape != pair.visible.shape[:2]:
        raise UserError(
            f"{infrared} and {visible}: {pair.infrared.shape[::-1]} and "
            f"{pair.visible.shape[1::-1]} pixels; {images.SIZE_ADVICE}"
        )
    return pair


def _load_fuse(name: str) -> FusionFunction:
    method = plugins.load_fusion_method(name)
    return method.load(method.Options(), "cpu")


if __name__ == "__main__":
    run_program(main)
