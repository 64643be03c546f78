"""The named variants of a metric: what each computes, in which range, and how it is headed."""

from dataclasses import dataclass
from typing import Literal

from fusebench.storage.records import Column


@dataclass(frozen=True)
class Variant:
    """One of the numbers that go by a metric's name.

    Attributes:
        says: What is computed, and who computes it so.
        lowest: Least possible value; None if there is none.
        highest: Largest possible value; None if there is none.
        unit: Empty where the number has none.
        better: Which way is better.
        symmetric: Whether the two sources can be exchanged.
        fault: Why the variant is known to be wrong; it is there to reproduce published numbers.
    """

    description: str
    minimum: float | None = 0.0
    maximum: float | None = None
    unit: str = ""
    better: Literal["higher", "lower"] = "higher"
    is_symmetric: bool = True
    known_fault: str = ""

    def build_column(self, title: str) -> Column:
        """How a table heads it."""
        return Column(
            title=title, mean_title=title, unit=self.unit, better=self.better, is_fraction=False
        )
