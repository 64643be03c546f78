"""Evaluation of infrared-visible image fusion by downstream tasks: the public Python API.

    import fusebench

    fused = fusebench.fuse("dmfuse", infrared, visible)
    scores = fusebench.fusion_metrics(infrared, visible, fused)
    results = fusebench.load_results("runs").scores()

Names are imported when they are first used, so that ``import fusebench`` takes no time.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from fusebench.runtime import interrupts

if TYPE_CHECKING:
    from fusebench.api.fusion import fuse, fusion_metrics
    from fusebench.api.loading import Results, load_dataset, load_results
    from fusebench.api.scores import MetricScores, average_precision, iou
    from fusebench.data.boxes import Boxes, make_boxes
    from fusebench.data.pairs import Pair, Split
    from fusebench.errors import UserError

    __version__: str

interrupts.guard_start()

_MODULES = {  # public name to the module that defines it
    "fuse": "fusebench.api.fusion",
    "fusion_metrics": "fusebench.api.fusion",
    "average_precision": "fusebench.api.scores",
    "iou": "fusebench.api.scores",
    "MetricScores": "fusebench.api.scores",
    "load_dataset": "fusebench.api.loading",
    "load_results": "fusebench.api.loading",
    "Results": "fusebench.api.loading",
    "Boxes": "fusebench.data.boxes",
    "make_boxes": "fusebench.data.boxes",
    "Pair": "fusebench.data.pairs",
    "Split": "fusebench.data.pairs",
    "UserError": "fusebench.errors",
}

__all__ = [  # spelled out for type checkers; a test compares it with the table above
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


if not TYPE_CHECKING:  # to a type checker, a misspelled name is an error

    def __getattr__(name: str) -> Any:
        if name == "__version__":
            return import_module("importlib.metadata").version("fusebench")
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(_MODULES[name]), name)
        globals()[name] = value  # the next access does not come here
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
