"""torch's compiler: its import without a cache folder in the system's, and what it needs.

The first optimizer of a process imports ``torch._dynamo``, and that import creates the folder.
"""

import os
import sys
import tempfile
from pathlib import Path

from fusebench.errors import UserError

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


def require_compiler(device: str) -> None:
    """Check that ``torch.compile`` has what it needs: a C++ compiler, or Triton for a GPU.

    Args:
        device: Torch device.

    Raises:
        UserError: If it is missing.
    """
    from torch._inductor.cpp_builder import get_cpp_compiler
    from torch._inductor.exc import InvalidCxxCompiler
    from torch.utils._triton import has_triton

    advice = "install it, or set compile: false"
    if device.startswith("cuda") and not has_triton():
        raise UserError(f"compile: torch.compile needs Triton for {device}; {advice}")
    try:
        get_cpp_compiler()
    except InvalidCxxCompiler:
        raise UserError(
            f"compile: torch.compile needs a C++ compiler such as g++; {advice}"
        ) from None
