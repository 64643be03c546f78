"""Train DMFuse or DMNet; a later stage trains the earlier one first if that has not been done.

python -m fusion.train --method dmfuse --stage fusion           both stages of the small preset
python -m fusion.train --method dmnet --stage 2 --scenes        on simulated scenes only
python -m fusion.train --tasks ablations.yaml --plan            the trainings of a task file
torchrun --nproc-per-node 4 -m fusion.train --method dmfuse --stage fusion --preset paper

Several machines need --out on a file system that all of them see: the first process writes the
earlier stage there, and the others read it.

A trained model lies under --out in trained/; --set fusion.steps=500 changes its recipe, whose
sections are in fusion/training/recipes.py. A stopped training goes on where it was.
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

from bench import cli, tasks
from bench.errors import BenchError
from bench.store import Store
from fusion import checkpoints
from fusion.training import data, flags, presets, trainings
from fusion.training.recipes import METHODS, SECTIONS
from fusion.training.trainings import Training

if TYPE_CHECKING:
    from fusion.training.job import Settings

PROGRAM = "fusion.train"


@dataclass(frozen=True)
class Place:
    """Where data is read and results are written."""

    data: Path
    store: Store


def chosen(args: argparse.Namespace) -> list[Training]:
    """The trainings that the flags ask for, each after those it needs.

    Raises:
        BenchError: If the flags or the recipes are wrong.
    """
    if args.tasks is not None:
        asked = _listed(args)
    else:
        if args.method is None or args.stage is None:
            raise BenchError("give --method and --stage, or --tasks FILE with trainings")
        entry = tasks.Training(
            method=args.method, stage=args.stage, preset=args.preset or "small", seed=args.seed or 0
        )
        asked = [_training(entry, args, args.name or "")]
    links = [link for training in asked for link in trainings.chain(training)]
    return list({trainings.identity(link): link for link in links}.values())


def _listed(args: argparse.Namespace) -> list[Training]:
    """Of a task file: the one called --model, or all."""
    if args.method or args.stage or args.name or args.start:
        raise BenchError("--tasks names the trainings; leave --method, --stage, --name, --start")
    entries = tasks.trainings(args.tasks)
    if args.model is not None:
        if args.model not in entries:
            known = ", ".join(entries)
            raise BenchError(
                f"{args.tasks}: no training is called {args.model!r}; there is {known}"
            )
        entries = {args.model: entries[args.model]}
    if args.to is not None and len(entries) != 1:
        raise BenchError("--to writes one model: choose it with --model")
    return [_training(entry, args, name) for name, entry in entries.items()]


def _training(entry: tasks.Training, args: argparse.Namespace, name: str) -> Training:
    if entry.method not in METHODS:
        raise BenchError(
            f"no method {entry.method!r} can be trained; there is {', '.join(METHODS)}"
        )
    if entry.stage not in SECTIONS[entry.method]:
        known = ", ".join(SECTIONS[entry.method])
        raise BenchError(f"{entry.method} has no stage {entry.stage!r}; it has {known}")
    if not re.fullmatch(r"[\w-]*", name):
        raise BenchError(f"{name!r} must be letters, digits, - and _ (it names a folder)")
    preset = args.preset or entry.preset
    recipe = presets.recipe(
        entry.method, preset, dict(entry.options), _changes(entry, args, preset)
    )
    seed = entry.seed if args.seed is None else args.seed
    start = None if args.start is None else checkpoints.resolve(args.start)
    training = Training(entry.method, entry.stage, recipe, seed, name, start)
    _ = training.settings  # refused here if the recipe has no such section
    return training


def _changes(entry: tasks.Training, args: argparse.Namespace, preset: str) -> list[str]:
    """What the flags of the data sets come to, then --set."""
    if not args.datasets:
        return list(args.set)
    parts = [presets.part(name) for name in dict.fromkeys(args.datasets)]
    there = {**presets.PRESETS[entry.method].get(preset, {}), **entry.options}
    sections = [name for name in SECTIONS[entry.method].values() if name in there]
    return [*(f"{section}.data={parts}" for section in sections), *args.set]


def show(todo: Sequence[Training], place: Place) -> None:
    """Print what would be trained and what is finished."""
    finished = 0
    for number, training in enumerate(todo, start=1):
        try:
            folder = trainings.place(training, place.store, place.data, draw=False)
            parts = "; ".join(trainings.found(training, place.data, draw=False).words)
        except data.Undrawn as why:
            print(f"[{number}/{len(todo)}] {training.label} ({why})")
            continue
        done = folder.is_dir()
        finished += done
        begun = folder.with_name(f"{folder.name}.partial").is_dir()
        state = " (done)" if done else " (begun)" if begun else ""
        print(f"[{number}/{len(todo)}] {folder.name}{state}: {parts}")
    print(f"{finished} of {len(todo)} done, under {place.store.root}")


def run(todo: Sequence[Training], place: Place, settings: "Settings") -> None:
    """Bring the trainings up to date, in order."""
    from fusion.training import distributed

    world = settings.world
    for number, training in enumerate(todo, start=1):
        # The first process draws simulated scenes; the others find them drawn.
        spec = distributed.shared(partial(trainings.spec, training, place.data), world)
        folder = place.store.path(trainings.KIND, training.label, spec)
        done = distributed.agreed(folder.exists(), world)
        if world.first:
            state = " (done)" if done else ""
            print(f"[{number}/{len(todo)}] {folder.name}{state}", flush=True)
        if not done:
            fill = _filling(training, place, settings)
            if world.first:
                place.store.fill(trainings.KIND, training.label, spec, fill)
            else:
                fill(folder.with_name(f"{folder.name}.partial"))


def _filling(training: Training, place: Place, settings: "Settings") -> Callable[[Path], None]:
    from fusion.training import work

    found = trainings.found(training, place.data)
    before, start = training.before, training.start
    if before is not None:
        start = trainings.place(before, place.store, place.data) / checkpoints.NAME
    return lambda folder: work.train(training, found, start, folder, settings)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    args = flags.parser(PROGRAM, __doc__ or "").parse_args(argv)
    place = Place(args.data, Store(args.out))
    try:
        cli.check_device(args.device)
        flags.check(args)
        todo = chosen(args)
        if args.plan:
            show(todo, place)
            return 0
        return _work(args, todo, place)
    except (BenchError, OSError) as fault:
        print(f"{PROGRAM}: {fault}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return cli.stopped(PROGRAM)


def _work(args: argparse.Namespace, todo: Sequence[Training], place: Place) -> int:
    from fusion.training import distributed
    from fusion.training.job import Settings

    device = distributed.device(cli.resolved(args.device))
    with distributed.joined(device) as world:
        workers = args.workers
        if workers is None:
            workers = 4 if device.startswith("cuda") else 0
        run(todo, place, Settings(device, world, args.look_every, workers))
    if args.to is not None and world.first:
        _package(args, todo[-1], place)
    return 0


def _package(args: argparse.Namespace, training: Training, place: Place) -> None:
    from fusion.training import card

    links = trainings.chain(training)
    found = [trainings.found(link, place.data) for link in links]
    folders = [trainings.place(link, place.store, place.data) for link in links]
    before = card.earlier(training.start, args.to)
    card.package(training, found, folders, args.to, _command(args, before))


def _command(args: argparse.Namespace, before: str | None) -> str:
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
