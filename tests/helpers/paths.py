"""Where the repository and the reference values are."""

from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
REFERENCE = REPOSITORY / "tests" / "reference"  # values from outside the code
