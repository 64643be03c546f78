"""Training runs that a command line selects: one by its options, or those of a task file."""

import argparse
import re
from pathlib import Path
from typing import Any

from fusebench.config import schema
from fusebench.errors import UserError
from fusion.checkpoints import weights_file
from fusion.training import training_run
from fusion.training.data.teacher import parse_teacher
from fusion.training.recipe import presets
from fusion.training.recipe.schema import RECIPES, STAGE_SECTIONS
from fusion.training.training_run import TrainingRun


def select_training_runs(args: argparse.Namespace) -> list[TrainingRun]:
    """List the selected training runs without duplicates, each after the runs it starts from.

    Raises:
        UserError: If an argument or a recipe is invalid.
    """
    if args.tasks is not None:
        selected = _select_from_task_file(args)
    else:
        if args.method is None:
            raise UserError("give --method and --stage, or --tasks FILE with trainings")
        entry = schema.FusionTraining(
            method=args.method,
            stage=args.stage,
            preset=args.preset or "small",
            seed=args.seed or 0,
            teacher=args.teacher,
        )
        selected = [_build_training_run(entry, args, args.name or "")]
    trainings = [
        training for target in selected for training in training_run.list_with_prerequisites(target)
    ]
    return list({training_run.compute_identity(t): t for t in trainings}.values())


def _select_from_task_file(args: argparse.Namespace) -> list[TrainingRun]:
    """List the training runs of the task file: the one that --model names, or all."""
    if args.method or args.stage or args.name or args.start or args.teacher:
        raise UserError(
            "--tasks names the trainings; leave out --method, --stage, --name, --start, --teacher"
        )
    entries = schema.load_trainings(args.tasks)
    if args.model is not None:
        if args.model not in entries:
            names = ", ".join(entries)
            raise UserError(f"{args.tasks}: no training is called {args.model!r}; known: {names}")
        entries = {args.model: entries[args.model]}
    if args.to is not None and len(entries) != 1:
        raise UserError(f"--to {args.to}: writes one model; select it with --model")
    return [_build_training_run(entry, args, name) for name, entry in entries.items()]


def _build_training_run(
    entry: schema.FusionTraining, args: argparse.Namespace, name: str
) -> TrainingRun:
    """Build a training run from an entry of a task file and the arguments that override it."""
    if entry.method not in RECIPES:
        raise UserError(f"no trainable method {entry.method!r}; known: {', '.join(RECIPES)}")
    stage = _select_stage(entry)
    if not re.fullmatch(r"[\w-]*", name):
        raise UserError(f"{name!r} is part of a folder name; expected letters, digits, - and _")
    preset = args.preset or entry.preset
    recipe = presets.build_recipe(
        entry.method, preset, _collect_options(entry, args), _collect_changes(entry, args, preset)
    )
    seed = entry.seed if args.seed is None else args.seed
    start_weights = None if args.start is None else weights_file.find_weights_file(args.start)
    training = TrainingRun(entry.method, stage, recipe, seed, name, start_weights)
    _ = training.stage_options  # raises an early error if the recipe has no such section
    return training


def _select_stage(entry: schema.FusionTraining) -> str:
    """Return the stage of an entry; a method with one stage needs none."""
    stages = list(STAGE_SECTIONS[entry.method])
    if entry.stage is None and len(stages) == 1:
        return stages[0]
    names = ", ".join(stages)
    if entry.stage is None:
        raise UserError(f"{entry.method}: give --stage (in a task file stage:); known: {names}")
    if entry.stage not in stages:
        raise UserError(f"{entry.method} has no stage {entry.stage!r}; known: {names}")
    return entry.stage


def _collect_options(entry: schema.FusionTraining, args: argparse.Namespace) -> dict[str, Any]:
    """Return the options of an entry, with its teacher."""
    options = dict(entry.options)
    if entry.teacher is None:
        return options
    if entry.method != "student":
        raise UserError(f"teacher {entry.teacher}: {entry.method} has none; only the student does")
    base_folder = Path.cwd() if args.tasks is None else args.tasks.resolve().parent
    return options | {"teacher": parse_teacher(entry.teacher, base_folder)}


def _collect_changes(
    entry: schema.FusionTraining, args: argparse.Namespace, preset: str
) -> list[str]:
    """Return the data set flags as changes of the recipe, followed by the values of --set."""
    if not args.datasets:
        return list(args.set)
    parts = [presets.get_data_part(name) for name in dict.fromkeys(args.datasets)]
    given_sections = {**presets.PRESETS[entry.method].get(preset, {}), **entry.options}
    sections = [name for name in STAGE_SECTIONS[entry.method].values() if name in given_sections]
    return [*(f"{section}.data={parts}" for section in sections), *args.set]
