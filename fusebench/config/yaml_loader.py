"""YAML files in which every fault is one error, and which are small enough to be read at once."""

from pathlib import Path
from typing import Any

from fusebench.runtime.reading.text_files import read_text
from fusebench.runtime.reading.yaml_text import parse_yaml

MAX_BYTES = 1_000_000


def read_yaml(path: Path) -> Any:
    """Read a YAML file; it cannot run code.

    Raises:
        UserError: If the file cannot be read, is larger than `MAX_BYTES`, or has a fault that
            `fusebench.runtime.reading.yaml_text.parse_yaml` finds, e.g. a duplicate key.
    """
    return parse_yaml(read_text(path, MAX_BYTES), f"{path}: cannot be read as YAML")
