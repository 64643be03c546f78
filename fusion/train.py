"""Train DMFuse, DMNet or the student. Earlier stages are trained first if necessary.

python -m fusion.train --method dmfuse --stage fusion           both stages of the small preset
python -m fusion.train --method dmnet --stage 2 --scenes        on simulated scenes only
python -m fusion.train --method student --teacher dmfuse        a method or a folder of fused images
python -m fusion.train --tasks configs/ablations.yaml --plan            the trainings of a task file
torchrun --nproc-per-node 4 -m fusion.train --method dmfuse --stage fusion --preset paper

With several machines, --out must be on a file system that all of them share: the main process
writes the earlier stage there, and the others read it.

A trained model is a folder in trained/ under --out. --set fusion.steps=500 changes the recipe;
its sections are in fusion/training/recipe. The same command resumes an interrupted run.
"""

import argparse
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from fusebench import cli
from fusebench.runtime import printable
from fusebench.runtime.program import run_program
from fusebench.storage.store import Store
from fusion.checkpoints import weights_file
from fusion.training import command_line, selection, training_run
from fusion.training.data import dataset
from fusion.training.data.teacher import (
    attach_teacher_images,
    make_teacher_images,
    select_teacher_images,
)
from fusion.training.recipe.schema import StudentRecipe
from fusion.training.training_run import TrainingRun

if TYPE_CHECKING:
    from fusion.training.job import RuntimeSettings

PROGRAM = "fusion.train"
GPU_WORKERS = 4  # default of --workers on a GPU; 0 on a CPU


@dataclass(frozen=True)
class Paths:
    """Locations of data and results.

    Attributes:
        data: The data folder.
        store: The result folders.
    """

    data: Path
    store: Store


def print_plan(trainings: Sequence[TrainingRun], paths: Paths) -> None:
    """Print every training run with its state (finished, started, not started) and its data."""
    finished = 0
    for number, training in enumerate(trainings, start=1):
        try:
            folder = training_run.get_folder(training, paths.store, paths.data, generate=False)
            data = training_run.find_data(training, paths.data, generate=False)
        except dataset.NotGeneratedError as error:
            printable.print_text(f"[{number}/{len(trainings)}] {training.label} ({error})")
            continue
        is_finished = folder.is_dir()
        finished += is_finished
        is_started = folder.with_name(f"{folder.name}.partial").is_dir()
        state = " (done)" if is_finished else " (started)" if is_started else ""
        descriptions = "; ".join(data.descriptions)
        printable.print_text(f"[{number}/{len(trainings)}] {folder.name}{state}: {descriptions}")
    printable.print_text(f"{finished} of {len(trainings)} done, under {paths.store.root}")


def run_trainings(
    trainings: Sequence[TrainingRun], paths: Paths, settings: "RuntimeSettings"
) -> None:
    """Execute the training runs in order; skip finished ones, resume interrupted ones."""
    from fusion.training import distributed

    group = settings.process_group
    for number, training in enumerate(trainings, start=1):
        # The main process generates simulated scenes before the others read them.
        spec = distributed.broadcast_result(
            partial(training_run.build_spec, training, paths.data), group
        )
        folder = paths.store.get_path(training_run.STORE_KIND, training.label, spec)
        is_finished = distributed.broadcast(folder.exists(), group)
        if group.is_main:
            state = " (done)" if is_finished else ""
            printable.print_text(f"[{number}/{len(trainings)}] {folder.name}{state}")
        if not is_finished:
            train = _prepare_training(training, paths, settings)
            if group.is_main:
                paths.store.get_or_create(training_run.STORE_KIND, training.label, spec, train)
            else:
                train(folder.with_name(f"{folder.name}.partial"))


def _prepare_training(
    training: TrainingRun, paths: Paths, settings: "RuntimeSettings"
) -> Callable[[Path], None]:
    """Find data and start weights; return the function that trains into a folder."""
    from fusion.training import distributed, train_stage

    data = training_run.find_data(training, paths.data)
    recipe = training.recipe
    if isinstance(recipe, StudentRecipe):
        files = distributed.broadcast_result(
            lambda: make_teacher_images(
                select_teacher_images(recipe.teacher, data), paths.store, settings.device
            ),
            settings.process_group,
        )
        data = attach_teacher_images(data, files)
    previous, start_path = training.previous, training.start_weights
    if previous is not None:
        folder = training_run.get_folder(previous, paths.store, paths.data)
        start_path = weights_file.find_weights_file(folder)
    return lambda folder: train_stage.run_training(training, data, start_path, folder, settings)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    args = command_line.build_parser(PROGRAM, __doc__ or "").parse_args(argv)
    paths = Paths(args.data, Store(args.out))
    try:
        cli.check_device(args.device)
        command_line.check_arguments(args)
        trainings = selection.select_training_runs(args)
        if args.plan:
            print_plan(trainings, paths)
            return 0
        return _train_and_package(args, trainings, paths)
    except Exception as error:  # noqa: BLE001 - a bug is raised again
        return cli.report_error(PROGRAM, error)
    except KeyboardInterrupt:
        return cli.report_interrupt(PROGRAM)


def _train_and_package(
    args: argparse.Namespace, trainings: Sequence[TrainingRun], paths: Paths
) -> int:
    """Train, then write the packaged weights if --to asks for them; return the exit status."""
    from fusion.training import distributed
    from fusion.training.job import RuntimeSettings

    device = distributed.select_device(cli.resolve_device(args.device))
    with distributed.join_process_group(device) as group:
        workers = args.workers
        if workers is None:
            workers = GPU_WORKERS if device.startswith("cuda") else 0
        run_trainings(trainings, paths, RuntimeSettings(device, group, args.look_every, workers))
    if args.to is not None and group.is_main:
        _write_package(args, trainings[-1], paths)
    return 0


def _write_package(args: argparse.Namespace, training: TrainingRun, paths: Paths) -> None:
    """Write the packaged weights and their model card."""
    from fusion.training import model_card

    stages = training_run.list_with_prerequisites(training)
    data = [training_run.find_data(stage, paths.data) for stage in stages]
    folders = [training_run.get_folder(stage, paths.store, paths.data) for stage in stages]
    weights_file.find_weights_file(folders[-1])  # compared with its checksum
    start_alias = model_card.get_start_weights_alias(training.start_weights, args.to)
    model_card.write_package(training, data, folders, args.to, _format_command(args, start_alias))


def _format_command(args: argparse.Namespace, start_alias: str | None) -> str:
    """Format the command for the model card: without device and folders, files by name only.

    Args:
        args: The parsed command line.
        start_alias: Name of the start weights in the command, if their file name equals that of
            the weights to write.
    """
    command = ["python", "-m", PROGRAM]
    for name in ("tasks", "model", "method", "stage", "preset", "seed", "start", "teacher"):
        value = getattr(args, name)
        text = value.name if isinstance(value, Path) else str(value)
        if name == "start" and start_alias is not None:
            text = start_alias
        if name == "teacher":
            text = Path(text).name
        command += [] if value is None else [f"--{name}", text]
    command += [f"--{name}" for name in args.datasets or []]
    for change in args.set:
        command += ["--set", change]
    return shlex.join([*command, "--to", args.to.name])


if __name__ == "__main__":
    run_program(main)
