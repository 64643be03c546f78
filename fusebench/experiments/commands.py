"""Command lines that produce what a report or an export lacks, with the user's own flags."""

import argparse
import shlex
from collections.abc import Iterable

PROGRAMS = {
    "quality": "fusion.run",
    "detection": "detection.run",
    "segmentation": "segmentation.run",
}
DEFAULT_PATHS = {"tasks": "tasks.yaml", "data": "data", "out": "runs"}


def build_full_run_command(args: argparse.Namespace) -> str:
    """Build the command that executes all missing runs of the selected tasks."""
    selection = [argument for name in args.task or [] for argument in ("--task", name)]
    selection += [f"--{name}" for name in args.datasets or []]
    if args.source:
        selection += ["--source", args.source]
    return _format_command("fusebench", [*_build_common_flags(args), *selection])


def build_task_command(
    args: argparse.Namespace, kind: str, task: str, source: str | None = None
) -> str:
    """Build the command that executes the missing runs of a task, of one source or of all."""
    selection = ["--task", task, *([] if source is None else ["--source", source])]
    return _format_command(PROGRAMS[kind], [*_build_common_flags(args), *selection])


def build_fusion_command(args: argparse.Namespace, task: str, source: str | None = None) -> str:
    """Build the command that fuses the missing images of a task of any kind, of one source or all.

    It renders missing simulated scenes first.
    """
    return build_task_command(args, "quality", task, source)


def build_profile_command(args: argparse.Namespace, sources: Iterable[str]) -> str:
    """Build the command that measures the cost of fusion methods."""
    selection = [argument for name in sources for argument in ("--source", name)]
    return _format_command("fusion.profile", [*_build_path_flags(args, "tasks", "out"), *selection])


def _build_common_flags(args: argparse.Namespace) -> list[str]:
    """Build the flags that decide what is run and where it is stored."""
    flags = _build_path_flags(args, "tasks", "data", "out")
    if args.preset:
        flags += ["--preset", args.preset]
    for seed in args.seed or []:
        flags += ["--seed", str(seed)]
    if args.limit is not None:
        flags += ["--limit", str(args.limit)]
    for change in args.set:
        flags += ["--set", change]
    return flags


def _build_path_flags(args: argparse.Namespace, *names: str) -> list[str]:
    """Build the flags of paths that are not the default."""
    paths = {name: str(getattr(args, name)) for name in names}
    return [
        argument
        for name, path in paths.items()
        if path != DEFAULT_PATHS[name]
        for argument in (f"--{name}", path)
    ]


def _format_command(program: str, arguments: Iterable[str]) -> str:
    return " ".join(["python -m", program, *map(shlex.quote, arguments)])
