"""Evaluation of infrared-visible image fusion by downstream tasks: the public Python API.

    import fusebench

    fused = fusebench.fuse("dmfuse", infrared, visible)
    scores = fusebench.fusion_metrics(infrared, visible, fused)
    results = fusebench.load_results("runs").scores()

Names are imported when they are first used, so that ``import fusebench`` takes no time.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fusebench.api import (
        MetricScores,
        Results,
        average_precision,
        fuse,
        fusion_metrics,
        iou,
        load_dataset,
        load_results,
    )
    from fusebench.data.boxes import Boxes, make_boxes
    from fusebench.data.pairs import Pair, Split
    from fusebench.errors import UserError

    __version__: str

__all__ = [
    "Boxes",
    "MetricScores",
    "Pair",
    "Results",
    "Split",
    "UserError",
    "__version__",
    "average_precision",
    "fuse",
    "fusion_metrics",
    "iou",
    "load_dataset",
    "load_results",
    "make_boxes",
]

_MODULES = {
    "Boxes": "fusebench.data.boxes",
    "make_boxes": "fusebench.data.boxes",
    "Pair": "fusebench.data.pairs",
    "Split": "fusebench.data.pairs",
    "UserError": "fusebench.errors",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return import_module("importlib.metadata").version("fusebench")
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_MODULES.get(name, "fusebench.api")), name)
    globals()[name] = value  # the next access does not come here
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
