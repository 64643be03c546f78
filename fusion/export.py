"""Write a fusion network as an ONNX file, for other programs and other devices.

python -m fusion.export --method student --to student.onnx
python -m fusion.export --method student --weights runs/trained/student-distillation --to own.onnx

Inputs of the file: infrared and visible, luminance in [0, 1], float32 (1, 1, H, W); H and W are
multiples of 16. Output: the fused luminance, not clipped. The packages onnx, onnxscript and
onnxruntime are needed: pip install 'fusebench[onnx]'.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from fusebench import cli
from fusebench.config.paths import expand_home
from fusebench.errors import UserError
from fusebench.runtime import command_name, printable
from fusebench.runtime.atomic_write import replace_atomically
from fusebench.runtime.printable import ArgumentParser
from fusebench.runtime.program import run_program
from fusebench.runtime.system_errors import name_file
from fusion.methods import student

PROGRAM = "fusion.export"
METHODS = ("student",)  # those whose network is exported


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    args = build_parser().parse_args(argv)
    try:
        _export(args.weights, args.to)
    except Exception as error:  # noqa: BLE001 - a bug is raised again
        return cli.report_error(PROGRAM, error)
    except KeyboardInterrupt:
        return cli.report_interrupt(PROGRAM, "nothing was written")
    return 0


def _export(weights: str, path: Path) -> None:
    """Export the student with the given weights.

    Raises:
        UserError: If the name is wrong, or weights or packages are missing.
    """
    _prepare_folder(path)
    options = student.Options.model_validate({"weights": weights})
    hashes = student.dependency_hashes(options)
    content = student.export(options, {"method": "student", "weights_sha256": hashes["weights"]})
    with name_file(path), replace_atomically(path) as temporary:
        temporary.write_bytes(content)
    printable.print_text(f"{path}: {len(content) / 1e6:.2f} MB")


def _prepare_folder(path: Path) -> None:
    """Check the name of the file and create its folder, before the export, which takes seconds.

    Raises:
        UserError: If the name is wrong, or its folder cannot be one.
    """
    if path.suffix != ".onnx" or path.is_dir():
        raise UserError(f"--to {path}: expected the name of a file that ends in .onnx")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise UserError(
            f"--to {path}: {path.parent} is, or lies in, a file; name another folder"
        ) from None


def build_parser() -> argparse.ArgumentParser:
    """Build the argument parser."""
    parser = ArgumentParser(
        prog=command_name.get_command_name(PROGRAM),
        description=command_name.format_description(PROGRAM, __doc__),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--method", choices=METHODS, required=True)
    parser.add_argument(
        "--weights",
        default="packaged",
        help="a file, or the folder of a training (default: the packaged weights)",
    )
    parser.add_argument("--to", type=expand_home, required=True, metavar="FILE", help="FILE.onnx")
    return parser


if __name__ == "__main__":
    run_program(main)
