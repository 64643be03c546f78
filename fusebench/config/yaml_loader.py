"""YAML as people write it: a key that stands twice is a slip, and PyYAML would drop the first."""

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from fusebench.data.box_annotations import read_text
from fusebench.errors import UserError


class _UniqueKeyLoader(yaml.SafeLoader):
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value != "<<":
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"{key.value!r} stands here a second time", key.start_mark
                    )
                seen.add(key.value)
        return super().construct_mapping(node, deep)


def read_yaml(path: Path) -> Any:
    """What a YAML file says; code in it is not run.

    Raises:
        UserError: If the file cannot be read, is not YAML, or has a key twice.
    """
    try:
        return yaml.load(read_text(path), _UniqueKeyLoader)
    except yaml.YAMLError as fault:
        raise UserError(f"{path}: cannot be read as YAML: {fault}") from None
