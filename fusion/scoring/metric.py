"""A fusion metric as it was asked for: its file, its variant, how its column is headed."""

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
    """One column.

    Attributes:
        name: As asked for, e.g. ``mutual_information`` or ``mutual_information.nats``.
        options: Checked.
    """

    name: str
    options: BaseModel

    @property
    def module(self) -> ModuleType:
        """The file in fusion/metrics."""
        return plugins.load_plugin("fusion.metrics", self.name.partition(".")[0])

    @property
    def variant(self) -> str:
        """Its name; a metric without variants has one that is not asked for."""
        first: str = next(iter(self.module.VARIANTS))
        return str(getattr(self.options, "variant", first))

    @property
    def definition(self) -> Variant:
        """What the variant computes."""
        found: Variant = self.module.VARIANTS[self.variant]
        return found

    @property
    def column(self) -> Column:
        """How tables head it: a variant that is not the default is in the title."""
        default: str = next(iter(self.module.VARIANTS))
        title = str(self.module.TITLE)
        shown = title if self.variant == default else f"{title} {self.variant}"
        return self.definition.build_column(shown).model_copy(update={"signature": self.signature})

    @property
    def signature(self) -> str:
        """What makes two numbers comparable, e.g. ``MI.bits v1``; see `LUMINANCE` too."""
        fault = (
            f" (known fault: {self.definition.known_fault})" if self.definition.known_fault else ""
        )
        return f"{self.module.TITLE}.{self.variant} v{self.module.VERSION}{fault}"

    def measure(self, pair: tuple[Gray, Gray], fused: Gray, compute: Evaluator) -> float | None:
        """The metric of one fused image; None where it is undefined."""
        found: float | None = self.module.measure(*pair, fused, self.options, compute)
        return found

    def note(self, pair: tuple[Gray, Gray], fused: Gray, compute: Evaluator) -> str:
        """What is to be said of the value, e.g. that something undefined counts as 0."""
        said = getattr(self.module, "note", None)
        return str(said(*pair, fused, self.options, compute)) if said else ""

    @property
    def undefined_note(self) -> str:
        """Why there is no value, where `flag` does not say it."""
        why = getattr(self.module, "UNDEFINED_REASON", "")
        return f"undefined: {why}" if why else "undefined for these images"


def load_metrics(metrics: Mapping[str, Mapping[str, Any]]) -> tuple[Metric, ...]:
    """The metrics of a task.

    Args:
        metrics: Name, or name.variant, to options.

    Raises:
        UserError: If there is no such metric, an option is wrong, or one is asked for twice.
    """
    found = specs.load_metrics("quality", metrics, "metrics")
    return tuple(Metric(name, options) for name, (_, options) in found.items())


def join_signatures(metrics: tuple[Metric, ...]) -> str:
    """The signatures of all columns in one line."""
    return ", ".join(metric.signature for metric in metrics)


def add_signature_column(per_image: pd.DataFrame, metrics: tuple[Metric, ...]) -> pd.DataFrame:
    """A table of scores with a column ``signature``, which says in every row what its columns are.

    Rows of several tables can then be put together, and those that must not be compared are told
    apart by ``groupby("signature")``.
    """
    return per_image.assign(signature=f"{join_signatures(metrics)}; {LUMINANCE}")
