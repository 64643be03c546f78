"""Brings torch's optimizers in without the cache folder they make in the system's temporary one."""

import os
import sys
import tempfile
from pathlib import Path

CACHE_VARIABLE = "TORCHINDUCTOR_CACHE_DIR"


def import_with_local_cache(folder: Path) -> None:
    """Import what the first optimizer imports; its cache lies in ``folder`` for that long."""
    if "torch._dynamo" in sys.modules or CACHE_VARIABLE in os.environ:
        return
    with tempfile.TemporaryDirectory(dir=folder, prefix=".compiled") as place:
        os.environ[CACHE_VARIABLE] = place
        try:
            import torch._dynamo  # noqa: F401 - imported here to be found later
        finally:
            del os.environ[CACHE_VARIABLE]
