"""Paths of the repository and of the reference values."""

from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
REFERENCE = REPOSITORY / "tests" / "reference"  # values from outside the code, with their origin
