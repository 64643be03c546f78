"""Command line of `fusion.train`: the parser and checks of its arguments."""

import argparse
from pathlib import Path

from fusebench import plugins
from fusebench.config.paths import expand_home
from fusebench.errors import UserError
from fusebench.runtime import command_name
from fusebench.runtime.printable import ArgumentParser
from fusion.training.recipe.schema import RECIPES

MAX_WORKERS = 1024


def build_parser(program: str, description: str) -> argparse.ArgumentParser:
    """Build the argument parser."""
    parser = ArgumentParser(
        prog=command_name.get_command_name(program),
        description=command_name.format_description(program, description),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--method", choices=tuple(RECIPES))
    parser.add_argument(
        "--stage",
        help="dmfuse: diffusion, fusion; dmnet: 1, 2; both: finetuning; student: distillation",
    )
    parser.add_argument(
        "--teacher",
        metavar="NAME",
        help="of the student: a fusion method, or a folder of fused images (default: dmfuse)",
    )
    parser.add_argument("--preset", help="recipe preset: paper or small (default: small)")
    parser.add_argument(
        "--tasks", type=expand_home, metavar="FILE", help="run the trainings of this task file"
    )
    parser.add_argument("--model", metavar="NAME", help="with --tasks: only this training")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="section.option=value",
        help="change the recipe (may be repeated)",
    )
    parser.add_argument(
        "--start",
        type=expand_home,
        help="weights of the previous stage: a file or a training's folder",
    )
    parser.add_argument(
        "--seed", type=int, help="random seed (default: 0, or that of the task file)"
    )
    parser.add_argument("--name", help="label of the result folder")
    parser.add_argument("--data", type=expand_home, default=Path("data"), metavar="DIR")
    parser.add_argument("--out", type=expand_home, default=Path("runs"), metavar="DIR")
    parser.add_argument(
        "--to",
        type=expand_home,
        metavar="FILE",
        help="also write the weights here, with a model card",
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1 (default: auto)")
    parser.add_argument(
        "--workers", type=int, metavar="N", help="threads that prepare patches in advance"
    )
    parser.add_argument(
        "--look-every", type=int, metavar="N", help="steps between two sample images"
    )
    parser.add_argument(
        "--plan", action="store_true", help="list the training runs and their states, and exit"
    )
    for name in plugins.list_plugins("fusebench.datasets"):
        parser.add_argument(
            f"--{name}",
            *([f"--{name.replace('_', '-')}"] if "_" in name else []),
            action="append_const",
            dest="datasets",
            const=name,
            help=f"train on the data set {name} instead of the preset's data",
        )
    return parser


def check_arguments(args: argparse.Namespace) -> None:
    """Check for arguments that would fail later or be ignored.

    Raises:
        UserError: Naming the flag.
    """
    if args.seed is not None and not 0 <= args.seed < 2**32:
        raise UserError(f"--seed {args.seed}: expected 0 to {2**32 - 1}")
    if args.workers is not None and not 0 <= args.workers <= MAX_WORKERS:
        raise UserError(f"--workers {args.workers}: expected at least 0, at most {MAX_WORKERS}")
    if args.look_every is not None and args.look_every < 1:
        raise UserError(f"--look-every {args.look_every}: expected at least 1")
    if args.model is not None and args.tasks is None:
        raise UserError(
            f"--model {args.model}: selects a training of a task file; give --tasks FILE"
        )
    if args.to is not None:
        if args.to.is_dir():
            raise UserError(f"--to {args.to}: is a folder; name a file in it")
        if args.to.suffix != ".safetensors":
            raise UserError(f"--to {args.to}: expected a name that ends in .safetensors")
