"""A fusion metric as it was asked for: its file, its variant, how its column is headed."""

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
        name: As it was asked for, e.g. ``mutual_information`` or ``mutual_information.nats``.
        plugin: The file in fusion/metrics.
        options: Its checked options.
    """

    name: str
    plugin: FusionMetric
    options: Any

    @property
    def variant(self) -> str:
        """Name of the variant; a metric without variants has one without an option."""
        default = next(iter(self.plugin.VARIANTS))
        return str(getattr(self.options, "variant", default))

    @property
    def definition(self) -> MetricVariant:
        """What the variant computes."""
        return self.plugin.VARIANTS[self.variant]

    @property
    def column(self) -> Column:
        """How tables head it: a variant that is not the default is in the title."""
        default = next(iter(self.plugin.VARIANTS))
        title = self.plugin.TITLE
        full_title = title if self.variant == default else f"{title} {self.variant}"
        column = self.definition.build_column(full_title)
        return column.model_copy(update={"signature": self.signature})

    @property
    def signature(self) -> str:
        """What makes two numbers comparable, e.g. ``MI.bits v1``; see `LUMINANCE` too."""
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
        """What has to be known about the value, e.g. that something undefined counts as 0."""
        return self.plugin.note(*pair, fused, self.options, compute)

    @property
    def undefined_note(self) -> str:
        """Why there is no value, where `note` does not say it."""
        reason = self.plugin.UNDEFINED_REASON
        return f"undefined: {reason}" if reason else "undefined for these images"


def load_metrics(metrics: Mapping[str, Mapping[str, Any]]) -> tuple[Metric, ...]:
    """Load metrics by name.

    Args:
        metrics: Name, or name.variant, to options.

    Raises:
        UserError: If there is no such metric, an option is wrong, or one is asked for twice.
    """
    return build_columns(resolve_fusion_metrics(metrics, "metrics"))


def build_columns(metrics: Sequence[ResolvedFusionMetric]) -> tuple[Metric, ...]:
    """The columns of metrics that are loaded already."""
    return tuple(Metric(metric.name, metric.plugin, metric.options) for metric in metrics)


def join_signatures(metrics: tuple[Metric, ...]) -> str:
    """The signatures of all columns in one line."""
    return ", ".join(metric.signature for metric in metrics)


def add_signature_column(per_image: pd.DataFrame, metrics: tuple[Metric, ...]) -> pd.DataFrame:
    """A table of scores with a column ``signature``, which says in every row what its columns are.

    Rows of several tables can then be put together, and those that must not be compared are told
    apart by ``groupby("signature")``.
    """
    return per_image.assign(signature=f"{join_signatures(metrics)}; {LUMINANCE}")
