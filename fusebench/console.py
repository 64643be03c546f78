"""Console command ``fusebench``: one name for all programs.

Each subcommand is a program that ``python -m`` starts too, with the same arguments. Only ``init``
is defined here.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import NoReturn

from fusebench.config import task_file_location
from fusebench.config.paths import expand_home
from fusebench.runtime import command_name, interrupts, printable
from fusebench.runtime.printable import ArgumentParser
from fusebench.runtime.program import run_program


@dataclass(frozen=True)
class Subcommand:
    """One subcommand.

    Attributes:
        module: Its program: a module with ``main(argv)``; imported when it is called.
        summary: What it does, in one line.
    """

    module: str
    summary: str


SUBCOMMANDS = {
    "run": Subcommand("fusebench.__main__", "all stages in order: fuse, train, score, report"),
    "fuse": Subcommand("fusion.run", "fuse the images of every source; score quality tasks"),
    "detect": Subcommand("detection.run", "train, predict and score detectors"),
    "segment": Subcommand("segmentation.run", "train, predict and score segmenters"),
    "quality": Subcommand("fusion.quality", "score folders of fused images with fusion metrics"),
    "train": Subcommand("fusion.train", "train a fusion method"),
    "report": Subcommand("reports.run", "write the report of the finished runs"),
    "compare": Subcommand("reports.compare", "compare the results in two folders"),
    "profile": Subcommand("fusion.profile", "measure time, memory and operations of fusion"),
    "audit": Subcommand("reports.audit", "list the faults of published tables"),
    "calibrate": Subcommand("reports.calibrate", "check the error rates of the statistics"),
    "export": Subcommand(
        "fusebench.export.__main__", "write data sets and results for other tools"
    ),
    "export-network": Subcommand("fusion.export", "write a fusion network as an ONNX file"),
    "doctor": Subcommand("fusebench.doctor", "check a data set: files, duplicates, labels, ..."),
    "corruptions": Subcommand("fusebench.corruption_sheet", "draw the corruptions of a pair"),
    "verify": Subcommand("fusebench.verify", "find damaged files of results; remove them"),
    "status": Subcommand("fusebench.engines.status", "list the jobs: waiting, running, failed"),
    "cancel": Subcommand("fusebench.engines.cancel", "stop the running jobs"),
    "init": Subcommand("fusebench.console", "write an editable copy of the default task file"),
}


def start() -> NoReturn:
    """Start the installed command ``fusebench``."""
    run_program(main)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    name = arguments[0] if arguments else "--help"
    if name in ("-h", "--help"):
        printable.print_text(format_help())
        return 0 if arguments else 2
    if name == "--version":
        printable.print_text(f"fusebench {version('fusebench')}")
        return 0
    if name not in SUBCOMMANDS:
        printable.print_message(_describe_unknown(name))
        return 2
    _make_current_folder_importable()
    with command_name.use_command_name(f"fusebench {name}"):
        try:
            return _load_program(name)(arguments[1:])
        except KeyboardInterrupt:
            printable.print_message(f"\nfusebench {name}: interrupted")
            return interrupts.get_exit_status()


def format_help() -> str:
    """Format the list of subcommands."""
    width = max(map(len, SUBCOMMANDS)) + 2
    lines = [f"  {name:{width}}{each.summary}" for name, each in SUBCOMMANDS.items()]
    return "\n".join(
        [
            "usage: fusebench SUBCOMMAND ...",
            "",
            "Evaluation of infrared-visible image fusion by downstream tasks.",
            "",
            "subcommands:",
            *lines,
            "",
            "`fusebench SUBCOMMAND --help` lists its arguments; `fusebench --version` prints the "
            "version.",
            "Start with `fusebench run --preset demo`.",
        ]
    )


def run_init(argv: Sequence[str]) -> int:
    """Run ``fusebench init``; return the exit status."""
    parser = ArgumentParser(
        prog="fusebench init", description="Write an editable copy of the default task file."
    )
    parser.add_argument(
        "folder",
        nargs="?",
        type=expand_home,
        default=Path(),
        metavar="FOLDER",
        help="where to write tasks.yaml (default: the current folder)",
    )
    args = parser.parse_args(argv)
    try:
        path = task_file_location.write_task_file(args.folder)
    except Exception as error:  # noqa: BLE001 - a bug is raised again
        from fusebench import cli  # loads every plug-in list; the help does not need it

        return cli.report_error("fusebench init", error)
    printable.print_text(f"Task file: {path}")
    return 0


def _load_program(name: str) -> Callable[[Sequence[str]], int]:
    if name == "init":
        return run_init
    program: Callable[[Sequence[str]], int] = import_module(SUBCOMMANDS[name].module).main
    return program


def _describe_unknown(name: str) -> str:
    close = get_close_matches(name, SUBCOMMANDS, n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    return f"fusebench: no subcommand {name!r}.{hint} Known: {', '.join(SUBCOMMANDS)}"


def _make_current_folder_importable() -> None:
    """Let task files name the user's own modules, e.g. ``method: mypackage.mymodule``.

    The folder is last on the path, so that no file in it hides an installed module.
    """
    folder = str(Path.cwd())
    if folder not in sys.path:
        sys.path.append(folder)


if __name__ == "__main__":
    start()
