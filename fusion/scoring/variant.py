"""Named variants of a fusion metric: description, range, unit and direction."""

from dataclasses import dataclass
from typing import Literal

from fusebench.storage.records import Column


@dataclass(frozen=True)
class Variant:
    """One of the definitions that are published under a metric's name.

    Attributes:
        description: What is computed, and which programs compute it this way.
        minimum: Smallest possible value; None if there is none.
        maximum: Largest possible value; None if there is none.
        unit: Empty for a number without a unit.
        better: Direction.
        is_symmetric: Whether exchanging the two sources leaves the value unchanged.
        known_fault: Why the variant is wrong; it exists to reproduce published numbers.
    """

    description: str
    minimum: float | None = 0.0
    maximum: float | None = None
    unit: str = ""
    better: Literal["higher", "lower"] = "higher"
    is_symmetric: bool = True
    known_fault: str = ""

    def build_column(self, title: str) -> Column:
        """Build the column description for tables."""
        return Column(
            title=title, mean_title=title, unit=self.unit, better=self.better, is_fraction=False
        )
