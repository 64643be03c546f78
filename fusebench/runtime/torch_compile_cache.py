"""Import of torch's compiler without the cache folder it creates in the system's temporary folder.

The first optimizer of a process imports ``torch._dynamo``, and that import creates the folder.
"""

import os
import sys
import tempfile
from pathlib import Path

CACHE_VARIABLE = "TORCHINDUCTOR_CACHE_DIR"


def import_with_local_cache(folder: Path) -> None:
    """Import ``torch._dynamo`` with its cache in a temporary subfolder of ``folder``.

    Does nothing if the module is imported already or the user has chosen a cache folder.
    """
    if "torch._dynamo" in sys.modules or CACHE_VARIABLE in os.environ:
        return
    with tempfile.TemporaryDirectory(dir=folder, prefix=".compiled") as cache:
        os.environ[CACHE_VARIABLE] = cache
        try:
            import torch._dynamo  # noqa: F401 - imported for its side effect
        finally:
            del os.environ[CACHE_VARIABLE]
