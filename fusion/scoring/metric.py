"""A selected fusion metric: its plug-in, variant, column header and signature."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from fusebench.contracts import FusionMetric, MetricVariant
from fusebench.data.images import Gray
from fusebench.errors import UserError
from fusebench.experiments.resolution import ResolvedFusionMetric, resolve_fusion_metrics
from fusebench.storage.records import Column
from fusion.scoring.cache import Evaluator

LUMINANCE = "BT.601, rounded to 8 bits"


@dataclass(frozen=True)
class Metric:
    """One column of scores.

    Attributes:
        name: As given by the user, e.g. ``mutual_information`` or ``mutual_information.nats``.
        plugin: Its module in fusion/metrics.
        options: Its validated options.
    """

    name: str
    plugin: FusionMetric
    options: Any

    @property
    def variant(self) -> str:
        """Name of the variant; a metric without an option for it has exactly one."""
        default = next(iter(self.plugin.VARIANTS))
        return str(getattr(self.options, "variant", default))

    @property
    def definition(self) -> MetricVariant:
        """Description, range, unit and direction of the variant."""
        return self.plugin.VARIANTS[self.variant]

    @property
    def column(self) -> Column:
        """Column of a table; the title names the variant unless it is the default."""
        default = next(iter(self.plugin.VARIANTS))
        title = self.plugin.TITLE
        full_title = title if self.variant == default else f"{title} {self.variant}"
        column = self.definition.build_column(full_title)
        return column.model_copy(update={"signature": self.signature})

    @property
    def signature(self) -> str:
        """Identifier that comparable scores share, e.g. ``MI.bits v1``; see also `LUMINANCE`."""
        fault = self.definition.known_fault
        suffix = f" (known fault: {fault})" if fault else ""
        return f"{self.plugin.TITLE}.{self.variant} v{self.plugin.VERSION}{suffix}"

    def measure(self, pair: tuple[Gray, Gray], fused: Gray, compute: Evaluator) -> float | None:
        """Compute the metric of one fused image; None where it is undefined.

        Raises:
            UserError: If the plug-in returns neither None nor a finite real number.
        """
        value = self.plugin.measure(*pair, fused, self.options, compute)
        if value is not None and not (isinstance(value, Real) and math.isfinite(value)):
            shape = f" of shape {value.shape}" if isinstance(value, np.ndarray) else f" {value!r}"
            raise UserError(
                f"metric {self.name}: measure returned {type(value).__name__}{shape}; expected a "
                "finite number, or None where it is undefined"
            )
        return value

    def note(self, pair: tuple[Gray, Gray], fused: Gray, compute: Evaluator) -> str:
        """Explain a special value, e.g. that an undefined term counts as 0; empty without one."""
        return self.plugin.note(*pair, fused, self.options, compute)

    @property
    def undefined_note(self) -> str:
        """Reason for an undefined value, for a metric whose `note` gives none."""
        reason = self.plugin.UNDEFINED_REASON
        return f"undefined: {reason}" if reason else "undefined for these images"


def load_metrics(metrics: Mapping[str, Mapping[str, Any]]) -> tuple[Metric, ...]:
    """Load metrics by name.

    Args:
        metrics: Name, or name.variant, to options.

    Raises:
        UserError: If there is no such metric, an option is invalid, or a metric is given twice.
    """
    return build_columns(resolve_fusion_metrics(metrics, "metrics"))


def build_columns(metrics: Sequence[ResolvedFusionMetric]) -> tuple[Metric, ...]:
    """Build the columns of resolved metrics."""
    return tuple(Metric(metric.name, metric.plugin, metric.options) for metric in metrics)


def join_signatures(metrics: tuple[Metric, ...]) -> str:
    """Join the signatures of all columns in one line."""
    return ", ".join(metric.signature for metric in metrics)


def add_signature_column(per_image: pd.DataFrame, metrics: tuple[Metric, ...]) -> pd.DataFrame:
    """Return the table with a column ``signature``: the signatures of all metric columns.

    Several tables can then be concatenated; ``groupby("signature")`` separates rows that are not
    comparable.
    """
    return per_image.assign(signature=f"{join_signatures(metrics)}; {LUMINANCE}")
