"""YAML files in which a duplicate key is an error; PyYAML would silently keep the last one."""

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from fusebench.errors import UserError
from fusebench.runtime.text_files import read_text


class _UniqueKeyLoader(yaml.SafeLoader):
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value != "<<":
                if key.value in keys:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"duplicate key {key.value!r}", key.start_mark
                    )
                keys.add(key.value)
        return super().construct_mapping(node, deep)


def read_yaml(path: Path) -> Any:
    """Read a YAML file; it cannot run code.

    Raises:
        UserError: If the file cannot be read, is not YAML, or has a duplicate key.
    """
    try:
        return yaml.load(read_text(path), _UniqueKeyLoader)
    except yaml.YAMLError as error:
        raise UserError(f"{path}: cannot be read as YAML: {error}") from None
