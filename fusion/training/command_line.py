"""The command line of `fusion.train`."""

import argparse
from pathlib import Path

from fusebench import plugins
from fusebench.errors import UserError
from fusion.training.recipe.schema import RECIPES


def build_parser(program: str, about: str) -> argparse.ArgumentParser:
    """The flags of the program that trains."""
    flags = argparse.ArgumentParser(
        prog=f"python -m {program}",
        description=about,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    flags.add_argument("--method", choices=tuple(RECIPES))
    flags.add_argument("--stage", help="dmfuse: diffusion, fusion; dmnet: 1, 2; finetuning")
    flags.add_argument("--preset", help="paper or small (default: small)")
    flags.add_argument("--tasks", type=Path, metavar="FILE", help="the trainings of a task file")
    flags.add_argument("--model", metavar="NAME", help="of the task file, only this training")
    flags.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="section.option=value",
        help="change the recipe (may be repeated)",
    )
    flags.add_argument("--start", type=Path, help="weights of the stage before, a file or folder")
    flags.add_argument("--seed", type=int, help="another seed than 0 or the task file's")
    flags.add_argument("--name", help="the readable half of the folder's name")
    flags.add_argument("--data", type=Path, default=Path("data"), metavar="DIR")
    flags.add_argument("--out", type=Path, default=Path("runs"), metavar="DIR")
    flags.add_argument(
        "--to", type=Path, metavar="FILE", help="also write the weights here, with a model card"
    )
    flags.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1 (default: auto)")
    flags.add_argument("--workers", type=int, metavar="N", help="threads that read ahead")
    flags.add_argument("--look-every", type=int, metavar="N", help="steps between two looks")
    flags.add_argument("--plan", action="store_true", help="print what would be done and stop")
    for name in plugins.list_plugins("fusebench.datasets"):
        flags.add_argument(
            f"--{name}",
            *([f"--{name.replace('_', '-')}"] if "_" in name else []),
            action="append_const",
            dest="datasets",
            const=name,
            help=f"train on the data set {name} instead of the preset's data",
        )
    return flags


def check_arguments(args: argparse.Namespace) -> None:
    """Refuse what could only fail later, or would be ignored.

    Raises:
        UserError: Naming the flag.
    """
    if args.seed is not None and not 0 <= args.seed < 2**32:
        raise UserError(f"--seed {args.seed}: expected 0 to {2**32 - 1}")
    if args.workers is not None and args.workers < 0:
        raise UserError(f"--workers {args.workers}: expected at least 0")
    if args.look_every is not None and args.look_every < 1:
        raise UserError(f"--look-every {args.look_every}: expected at least 1")
    if args.model is not None and args.tasks is None:
        raise UserError(f"--model {args.model}: chooses from a task file; give --tasks FILE")
    if args.to is not None:
        if args.to.is_dir():
            raise UserError(f"--to {args.to}: is a folder; name a file in it")
        if args.to.suffix != ".safetensors":
            raise UserError(f"--to {args.to}: expected a name that ends in .safetensors")
