"""Train DMFuse or DMNet; a later stage trains the earlier one first if that has not been done.

python -m fusion.train --method dmfuse --stage fusion           both stages of the small preset
python -m fusion.train --method dmnet --stage 2 --scenes        on simulated scenes only
python -m fusion.train --tasks configs/ablations.yaml --plan            the trainings of a task file
torchrun --nproc-per-node 4 -m fusion.train --method dmfuse --stage fusion --preset paper

Several machines need --out on a file system that all of them see: the first process writes the
earlier stage there, and the others read it.

A trained model lies under --out in trained/; --set fusion.steps=500 changes its recipe, whose
sections are in fusion/training/recipe/schema.py. A stopped training goes on where it was.
"""

import argparse
import re
import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from fusebench import cli
from fusebench.config import schema
from fusebench.errors import UserError
from fusebench.storage.store import Store
from fusion.checkpoints import weights_file
from fusion.training import command_line, training_run
from fusion.training.data import dataset
from fusion.training.recipe import presets
from fusion.training.recipe.schema import RECIPES, STAGE_SECTIONS
from fusion.training.training_run import TrainingRun

if TYPE_CHECKING:
    from fusion.training.job import RuntimeSettings

PROGRAM = "fusion.train"


@dataclass(frozen=True)
class Paths:
    """Where data is read and results are written."""

    data: Path
    store: Store


def select_training_runs(args: argparse.Namespace) -> list[TrainingRun]:
    """The trainings that the flags ask for, each after those it needs.

    Raises:
        UserError: If the flags or the recipes are wrong.
    """
    if args.tasks is not None:
        asked = _select_from_task_file(args)
    else:
        if args.method is None or args.stage is None:
            raise UserError("give --method and --stage, or --tasks FILE with trainings")
        entry = schema.FusionTraining(
            method=args.method, stage=args.stage, preset=args.preset or "small", seed=args.seed or 0
        )
        asked = [_build_training_run(entry, args, args.name or "")]
    links = [link for training in asked for link in training_run.list_with_prerequisites(training)]
    return list({training_run.compute_identity(link): link for link in links}.values())


def _select_from_task_file(args: argparse.Namespace) -> list[TrainingRun]:
    """Of a task file: the one called --model, or all."""
    if args.method or args.stage or args.name or args.start:
        raise UserError("--tasks names the trainings; leave --method, --stage, --name, --start")
    entries = schema.load_trainings(args.tasks)
    if args.model is not None:
        if args.model not in entries:
            known = ", ".join(entries)
            raise UserError(f"{args.tasks}: no training is called {args.model!r}; there is {known}")
        entries = {args.model: entries[args.model]}
    if args.to is not None and len(entries) != 1:
        raise UserError("--to writes one model: choose it with --model")
    return [_build_training_run(entry, args, name) for name, entry in entries.items()]


def _build_training_run(
    entry: schema.FusionTraining, args: argparse.Namespace, name: str
) -> TrainingRun:
    if entry.method not in RECIPES:
        raise UserError(f"no method {entry.method!r} can be trained; there is {', '.join(RECIPES)}")
    if entry.stage not in STAGE_SECTIONS[entry.method]:
        known = ", ".join(STAGE_SECTIONS[entry.method])
        raise UserError(f"{entry.method} has no stage {entry.stage!r}; it has {known}")
    if not re.fullmatch(r"[\w-]*", name):
        raise UserError(f"{name!r} must be letters, digits, - and _ (it names a folder)")
    preset = args.preset or entry.preset
    recipe = presets.build_recipe(
        entry.method, preset, dict(entry.options), _collect_changes(entry, args, preset)
    )
    seed = entry.seed if args.seed is None else args.seed
    start = None if args.start is None else weights_file.find_weights_file(args.start)
    training = TrainingRun(entry.method, entry.stage, recipe, seed, name, start)
    _ = training.stage_options  # refused here if the recipe has no such section
    return training


def _collect_changes(
    entry: schema.FusionTraining, args: argparse.Namespace, preset: str
) -> list[str]:
    """What the flags of the data sets come to, then --set."""
    if not args.datasets:
        return list(args.set)
    parts = [presets.get_data_part(name) for name in dict.fromkeys(args.datasets)]
    there = {**presets.PRESETS[entry.method].get(preset, {}), **entry.options}
    sections = [name for name in STAGE_SECTIONS[entry.method].values() if name in there]
    return [*(f"{section}.data={parts}" for section in sections), *args.set]


def print_plan(todo: Sequence[TrainingRun], place: Paths) -> None:
    """Print what would be trained and what is finished."""
    finished = 0
    for number, training in enumerate(todo, start=1):
        try:
            folder = training_run.get_folder(training, place.store, place.data, draw=False)
            parts = "; ".join(training_run.find_data(training, place.data, draw=False).descriptions)
        except dataset.NotGeneratedError as why:
            print(f"[{number}/{len(todo)}] {training.label} ({why})")
            continue
        done = folder.is_dir()
        finished += done
        begun = folder.with_name(f"{folder.name}.partial").is_dir()
        state = " (done)" if done else " (begun)" if begun else ""
        print(f"[{number}/{len(todo)}] {folder.name}{state}: {parts}")
    print(f"{finished} of {len(todo)} done, under {place.store.root}")


def run_trainings(todo: Sequence[TrainingRun], place: Paths, settings: "RuntimeSettings") -> None:
    """Bring the trainings up to date, in order."""
    from fusion.training import distributed

    world = settings.process_group
    for number, training in enumerate(todo, start=1):
        # The first process draws simulated scenes; the others find them drawn.
        spec = distributed.broadcast_result(
            partial(training_run.build_spec, training, place.data), world
        )
        folder = place.store.get_path(training_run.STORE_KIND, training.label, spec)
        done = distributed.broadcast(folder.exists(), world)
        if world.is_main:
            state = " (done)" if done else ""
            print(f"[{number}/{len(todo)}] {folder.name}{state}", flush=True)
        if not done:
            fill = _prepare_training(training, place, settings)
            if world.is_main:
                place.store.get_or_create(training_run.STORE_KIND, training.label, spec, fill)
            else:
                fill(folder.with_name(f"{folder.name}.partial"))


def _prepare_training(
    training: TrainingRun, place: Paths, settings: "RuntimeSettings"
) -> Callable[[Path], None]:
    from fusion.training import train_stage

    found = training_run.find_data(training, place.data)
    before, start = training.previous, training.start_weights
    if before is not None:
        start = training_run.get_folder(before, place.store, place.data) / weights_file.FILE_NAME
    return lambda folder: train_stage.run_training(training, found, start, folder, settings)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    args = command_line.build_parser(PROGRAM, __doc__ or "").parse_args(argv)
    place = Paths(args.data, Store(args.out))
    try:
        cli.check_device(args.device)
        command_line.check_arguments(args)
        todo = select_training_runs(args)
        if args.plan:
            print_plan(todo, place)
            return 0
        return _train_and_package(args, todo, place)
    except (UserError, OSError) as fault:
        print(f"{PROGRAM}: {fault}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return cli.report_interrupt(PROGRAM)


def _train_and_package(args: argparse.Namespace, todo: Sequence[TrainingRun], place: Paths) -> int:
    from fusion.training import distributed
    from fusion.training.job import RuntimeSettings

    device = distributed.select_device(cli.resolve_device(args.device))
    with distributed.join_process_group(device) as world:
        workers = args.workers
        if workers is None:
            workers = 4 if device.startswith("cuda") else 0
        run_trainings(todo, place, RuntimeSettings(device, world, args.look_every, workers))
    if args.to is not None and world.is_main:
        _write_package(args, todo[-1], place)
    return 0


def _write_package(args: argparse.Namespace, training: TrainingRun, place: Paths) -> None:
    from fusion.training import model_card

    links = training_run.list_with_prerequisites(training)
    found = [training_run.find_data(link, place.data) for link in links]
    folders = [training_run.get_folder(link, place.store, place.data) for link in links]
    before = model_card.get_start_weights_alias(training.start_weights, args.to)
    model_card.write_package(training, found, folders, args.to, _format_command(args, before))


def _format_command(args: argparse.Namespace, before: str | None) -> str:
    """The command line again, without where things lie and on what it runs; files by their name.

    Start weights are called ``before`` where their own name is that of the new ones.
    """
    words = ["python", "-m", PROGRAM]
    for name in ("tasks", "model", "method", "stage", "preset", "seed", "start"):
        value = getattr(args, name)
        told = value.name if isinstance(value, Path) else str(value)
        if name == "start" and before is not None:
            told = before
        words += [] if value is None else [f"--{name}", told]
    words += [f"--{name}" for name in args.datasets or []]
    for change in args.set:
        words += ["--set", change]
    return shlex.join([*words, "--to", args.to.name])


if __name__ == "__main__":
    sys.exit(main())
