"""Check data sets: files, duplicates, registration, labels, darkness; see docs/doctor.md.

python -m fusebench.doctor --m3fd                     one data set, below --data
python -m fusebench.doctor --task my-task             the data set and the options of a task
python -m fusebench.doctor --task my-task --set tasks.my-task.data.folder=m3fd-copy
python -m fusebench.doctor --msrs --to checked        write the page and the JSON file there
python -m fusebench.doctor --m3fd --quick             at most 300 pairs, evenly spaced

Exit status: 0 if no finding is an error, 1 if one is, 2 if the command or the data set is wrong.
"""

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import BaseModel

from fusebench import cli, plugins
from fusebench.config import schema, task_file_location
from fusebench.config.paths import expand_home, expand_home_in_options
from fusebench.contracts import Dataset
from fusebench.doctor import diagnosis, html_page, runner, text_report
from fusebench.doctor.dataset_files import DatasetFiles, read_dataset_files
from fusebench.errors import UserError
from fusebench.option_values import validate_model
from fusebench.runtime import command_name, interrupts, printable
from fusebench.runtime.atomic_write import write_text_atomically
from fusebench.runtime.printable import ArgumentParser
from fusebench.runtime.unknown_names import suggest_names

PROGRAM = "fusebench.doctor"
QUICK_PAIR_COUNT = 300


@dataclass(frozen=True)
class SelectedDataset:
    """A data set and its checked options."""

    plugin: Dataset
    options: BaseModel


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    args = build_parser().parse_args(argv)
    program = command_name.get_command_name(PROGRAM)
    status = 0
    try:
        for name, dataset in select_datasets(args).items():
            files = read_dataset_files(
                dataset.plugin,
                args.data,
                dataset.options,
                QUICK_PAIR_COUNT if args.quick else None,
            )
            status = max(status, _examine(name, files, args))
    except Exception as error:  # noqa: BLE001 - a bug is raised again
        return cli.report_error(program, error)
    except KeyboardInterrupt:
        printable.print_message(f"\n{program}: interrupted; the same command resumes")
        return interrupts.get_exit_status()
    return status


def build_parser() -> argparse.ArgumentParser:
    """Build the parser of the arguments."""
    parser = ArgumentParser(
        prog=command_name.get_command_name(PROGRAM),
        description=command_name.format_description(PROGRAM, __doc__),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    cli.add_dataset_flags(parser, "the data set {name}, with its default options")
    parser.add_argument(
        "--task", action="append", help="the data set and data options of this task (repeatable)"
    )
    cli.add_task_file_arguments(parser)
    for flag, default, text in (
        ("--data", "data", "the data sets"),
        ("--out", "runs", "the results; measurements are kept there for the next run"),
        ("--to", "doctor", "the pages and JSON files"),
    ):
        parser.add_argument(flag, type=expand_home, default=Path(default), metavar="DIR", help=text)
    parser.add_argument(
        "--quick", action="store_true", help=f"at most {QUICK_PAIR_COUNT} pairs, evenly spaced"
    )
    return parser


def select_datasets(args: argparse.Namespace) -> dict[str, SelectedDataset]:
    """Return the data sets that the arguments name, by the name of their page.

    Raises:
        UserError: If none is named, a task is unknown, or its options are wrong.
    """
    for flag, folder in (("--out", args.out), ("--to", args.to)):
        if folder.is_file():
            raise UserError(f"{flag} {folder}: is a file; expected a folder")
    selected: dict[str, SelectedDataset] = {}
    for name in args.datasets or []:
        plugin = plugins.load_dataset(name)
        selected[name] = SelectedDataset(plugin, plugin.Options())
    if args.task or args.set:
        file = schema.load_task_file(task_file_location.find_task_file(args.tasks), None, args.set)
        for name in args.task or []:
            selected[name] = _resolve_dataset(file, name)
    if not selected:
        flags = ", ".join(f"--{name}" for name in plugins.list_plugins(plugins.DATASETS))
        raise UserError(f"no data set is named; expected {flags}, or --task NAME")
    return selected


def _resolve_dataset(file: schema.TaskFile, name: str) -> SelectedDataset:
    if name not in file.tasks:
        raise UserError(f"no task is called {name!r}{suggest_names(name, file.tasks)}")
    task = file.tasks[name]
    plugin = plugins.load_dataset(task.dataset)
    options = validate_model(plugin.Options, task.data, f"tasks.{name}.data")
    return SelectedDataset(plugin, expand_home_in_options(options))


def _examine(name: str, files: DatasetFiles, args: argparse.Namespace) -> int:
    """Examine a data set, print the findings and write page and JSON file."""
    _create_folder(args.to)  # before minutes of measuring
    facts = runner.measure_dataset(files, args.out)
    result = diagnosis.diagnose(files, facts)
    if name != files.name:
        result = replace(result, title=f"{files.title}, task {name}")
    printable.print_text(text_report.format_text(result))
    page = args.to / f"{name}.html"
    write_text_atomically(args.to / f"{name}.json", text_report.format_json(result))
    write_text_atomically(page, html_page.render_page(result, files))
    printable.print_text(f"Page: {page}")
    return cli.EXIT_FAILED if result.list_findings("error") else 0


def _create_folder(folder: Path) -> None:
    """Create the folder of the pages.

    Raises:
        UserError: If it cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UserError(
            f"--to {folder}: cannot be written ({error.strerror}); name another folder"
        ) from None
