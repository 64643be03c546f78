"""YAML as people write it: a key that stands twice is a slip, and PyYAML would drop the first."""

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from bench.annotations import text
from bench.errors import BenchError


class _Loader(yaml.SafeLoader):
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


def read(path: Path) -> Any:
    """What a YAML file says; code in it is not run.

    Raises:
        BenchError: If the file cannot be read, is not YAML, or has a key twice.
    """
    try:
        return yaml.load(text(path), _Loader)
    except yaml.YAMLError as fault:
        raise BenchError(f"{path}: cannot be read as YAML: {fault}") from None
