"""The commands that make what a report lacks: the user's own flags, repeated."""

import argparse
import shlex
from collections.abc import Iterable

PROGRAMS = {
    "quality": "fusion.run",
    "detection": "detection.run",
    "segmentation": "segmentation.run",
}


def build_full_run_command(args: argparse.Namespace) -> str:
    """What brings every chosen task up to date."""
    chosen = [word for name in args.task or [] for word in ("--task", name)]
    chosen += [f"--{name}" for name in args.datasets or []]
    if args.source:
        chosen += ["--source", args.source]
    return _format_command("fusebench", [*_build_common_flags(args), *chosen])


def build_source_command(args: argparse.Namespace, kind: str, task: str, source: str) -> str:
    """What brings one source of one task up to date, all of its seeds."""
    return _format_command(
        PROGRAMS[kind], [*_build_common_flags(args), "--task", task, "--source", source]
    )


def build_profile_command(args: argparse.Namespace, sources: Iterable[str]) -> str:
    """What measures the cost of some fusion methods."""
    words = [
        word
        for name, default in (("tasks", "tasks.yaml"), ("out", "runs"))
        if str(getattr(args, name)) != default
        for word in (f"--{name}", str(getattr(args, name)))
    ]
    return _format_command(
        "fusion.profile", [*words, *(w for name in sources for w in ("--source", name))]
    )


def _build_common_flags(args: argparse.Namespace) -> list[str]:
    """The flags that decide what is run and where it is kept."""
    usual = {"tasks": "tasks.yaml", "data": "data", "out": "runs"}
    words = [
        word
        for name, default in usual.items()
        if str(getattr(args, name)) != default
        for word in (f"--{name}", str(getattr(args, name)))
    ]
    if args.preset:
        words += ["--preset", args.preset]
    for seed in args.seed or []:
        words += ["--seed", str(seed)]
    if args.limit is not None:
        words += ["--limit", str(args.limit)]
    for change in args.set:
        words += ["--set", change]
    return words


def _format_command(program: str, words: Iterable[str]) -> str:
    return " ".join(["python -m", program, *map(shlex.quote, words)])
