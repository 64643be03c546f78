"""Import of ultralytics without its side effects; random seeds and log of its training.

Importing ultralytics looks for a network connection, creates a settings folder in the user's home,
replaces ``torch.save`` and ``PIL.Image.open`` for the whole process, hides warnings, sets print
options and prefers one thread. Here it is imported once, offline, with its settings in a temporary
folder, and what it replaces is restored.
"""

import io
import logging
import os
import random
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np

from fusebench.runtime import library_log, torch_compile_cache

OFFLINE_ENVIRONMENT = {"YOLO_OFFLINE": "true", "YOLO_AUTOINSTALL": "false"}


def import_ultralytics(folder: Path) -> None:
    """Import ultralytics; ``folder`` holds its settings file during the import."""
    if "ultralytics.nn.tasks" in sys.modules:
        return
    import torch  # before ultralytics, which would otherwise set OMP_NUM_THREADS to 1
    from PIL import Image

    torch_save, image_open, print_options = torch.save, Image.open, np.get_printoptions()
    threads = os.environ.get("OMP_NUM_THREADS")
    folder.mkdir(parents=True, exist_ok=True)
    torch_compile_cache.import_with_local_cache(folder)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".settings") as settings:
        environment = OFFLINE_ENVIRONMENT | {"YOLO_CONFIG_DIR": settings, "MPLCONFIGDIR": settings}
        silence = redirect_stdout(io.StringIO())
        with _set_environment(environment), silence, warnings.catch_warnings():
            import ultralytics.data.dataset
            import ultralytics.nn.tasks  # noqa: F401 - later imports then have no side effects
    torch.save, Image.open = torch_save, image_open
    np.set_printoptions(**print_options)
    torch.set_printoptions(profile="default")  # type: ignore[no-untyped-call] # untyped in torch
    if threads is None:
        os.environ.pop("OMP_NUM_THREADS", None)


def redirect_library_output(folder: Path) -> AbstractContextManager[None]:
    """Redirect ultralytics' output and warnings to ``folder/log.txt``."""
    return library_log.redirect_library_output(
        folder / "log.txt", lambda: logging.getLogger("ultralytics")
    )


def log_line(text: str) -> None:
    """Write one line to the log that `redirect_library_output` has opened."""
    logging.getLogger("ultralytics").info(text)


def seed_everything(*numbers: int) -> None:
    """Seed every global random generator from ``numbers``.

    ultralytics' augmentations use the global generators. Seeding them per image and epoch makes
    training independent of interruptions and of the number of worker processes.
    """
    import torch

    state = np.random.SeedSequence(numbers).generate_state(3)
    random.seed(int(state[0]))
    np.random.seed(int(state[1]))  # noqa: NPY002 - ultralytics uses this generator
    torch.manual_seed(int(state[2]))


@contextmanager
def use_deterministic_algorithms() -> Iterator[None]:
    """Use torch's deterministic algorithms within the block."""
    import torch

    before = (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
        torch.backends.cudnn.deterministic,
        torch.backends.cudnn.benchmark,
    )
    with _set_environment({"CUBLAS_WORKSPACE_CONFIG": ":4096:8"}):
        torch.use_deterministic_algorithms(True, warn_only=True)
        torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = True, False
        _set_fill_uninitialized_memory(False)  # slow, and changes nothing
        try:
            yield
        finally:
            torch.use_deterministic_algorithms(before[0], warn_only=before[1])
            torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = before[2:]
            _set_fill_uninitialized_memory(True)


def _set_fill_uninitialized_memory(value: bool) -> None:
    """Set whether torch fills new tensors, its default in deterministic mode."""
    import torch

    settings: Any = torch.utils.deterministic
    settings.fill_uninitialized_memory = value


@contextmanager
def _set_environment(values: dict[str, str]) -> Iterator[None]:
    """Set environment variables within the block; restore them afterwards."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
