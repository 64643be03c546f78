"""One selected fusion metric: its module, its variant, its column and its signature."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import pandas as pd
from pydantic import BaseModel

from fusebench import plugins
from fusebench.data.images import Gray
from fusebench.experiments import specs
from fusebench.storage.records import Column
from fusion.scoring.cache import Evaluator
from fusion.scoring.variant import Variant

LUMINANCE = "BT.601, rounded to 8 bits"


@dataclass(frozen=True)
class Metric:
    """A metric with its options: one column of a table.

    Attributes:
        name: As selected, e.g. ``mutual_information`` or ``mutual_information.nats``.
        options: Validated options.
    """

    name: str
    options: BaseModel

    @property
    def module(self) -> ModuleType:
        """The metric's module in fusion/metrics."""
        return plugins.load_plugin("fusion.metrics", self.name.partition(".")[0])

    @property
    def variant(self) -> str:
        """Name of the variant; a metric without options has exactly one."""
        default: str = next(iter(self.module.VARIANTS))
        return str(getattr(self.options, "variant", default))

    @property
    def definition(self) -> Variant:
        """Description, range and direction of the variant."""
        definition: Variant = self.module.VARIANTS[self.variant]
        return definition

    @property
    def column(self) -> Column:
        """Column description for tables; the title names a variant that is not the default."""
        default: str = next(iter(self.module.VARIANTS))
        title = str(self.module.TITLE)
        if self.variant != default:
            title = f"{title} {self.variant}"
        return self.definition.build_column(title).model_copy(update={"signature": self.signature})

    @property
    def signature(self) -> str:
        """Identifier of comparable numbers, e.g. ``MI.bits v1``; `LUMINANCE` belongs to it too."""
        fault = (
            f" (known fault: {self.definition.known_fault})" if self.definition.known_fault else ""
        )
        return f"{self.module.TITLE}.{self.variant} v{self.module.VERSION}{fault}"

    def measure(self, pair: tuple[Gray, Gray], fused: Gray, compute: Evaluator) -> float | None:
        """Compute the metric of one fused image; None if it is undefined.

        Args:
            pair: Infrared and visible image, uint8 luminance, (H, W).
            fused: The same.
            compute: See `fusion.scoring.cache`.
        """
        score: float | None = self.module.measure(*pair, fused, self.options, compute)
        return score

    def note(self, pair: tuple[Gray, Gray], fused: Gray, compute: Evaluator) -> str:
        """Explain a special value, e.g. an undefined term that counts as 0; empty if normal.

        Args:
            pair: See `measure`.
            fused: See `measure`.
            compute: See `measure`.
        """
        note = getattr(self.module, "note", None)
        return str(note(*pair, fused, self.options, compute)) if note else ""

    @property
    def undefined_note(self) -> str:
        """Why the metric is undefined, for metrics whose `note` does not explain it."""
        reason = getattr(self.module, "UNDEFINED_REASON", "")
        return f"undefined: {reason}" if reason else "undefined for these images"


def load_metrics(metrics: Mapping[str, Mapping[str, Any]]) -> tuple[Metric, ...]:
    """Load the metrics of a quality task.

    Args:
        metrics: Name, or name.variant, to options.

    Raises:
        UserError: If a metric does not exist, an option is wrong, or two names select the same
            metric.
    """
    modules_and_options = specs.load_metrics("quality", metrics, "metrics")
    return tuple(Metric(name, options) for name, (_, options) in modules_and_options.items())


def join_signatures(metrics: tuple[Metric, ...]) -> str:
    """Join the signatures of all columns into one line."""
    return ", ".join(metric.signature for metric in metrics)


def add_signature_column(per_image: pd.DataFrame, metrics: tuple[Metric, ...]) -> pd.DataFrame:
    """Add a column ``signature`` that identifies the metrics of the columns in every row.

    Rows of several tables can then be concatenated, and ``groupby("signature")`` separates rows
    that must not be compared.
    """
    return per_image.assign(signature=f"{join_signatures(metrics)}; {LUMINANCE}")
