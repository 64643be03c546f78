"""YAML text, read safely: no code, bounded size and depth, no key twice, no ambiguous number.

PyYAML reads YAML 1.1. It differs from what people write in four ways, each of which would be a
silently wrong value: a key that is there twice keeps its last value, ``010`` is the octal number 8,
``12:30`` is the number 750 in base 60, and ``2024-01-01`` is a date. The first three are errors
here, and a date is text.
"""

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml
from yaml.composer import ComposerError
from yaml.constructor import ConstructorError

from fusebench.errors import MAX_MESSAGE_LENGTH, UserError, shorten
from fusebench.runtime.reading.text_files import read_text

MAX_FILE_BYTES = 1_000_000
MAX_NODES = 20_000  # values and keys, with every alias counted as often as it is used
MAX_DEPTH = 50  # levels of lists and mappings in one another
MAX_TEXT_LENGTH = 10_000  # characters of one value or key
MAX_INTEGER = 2**63 - 1
MERGE_TAG, TIMESTAMP_TAG = "tag:yaml.org,2002:merge", "tag:yaml.org,2002:timestamp"


def read_yaml(path: Path) -> Any:
    """Read a YAML file; it cannot run code.

    Raises:
        UserError: If the file cannot be read, is larger than `MAX_FILE_BYTES`, or has a fault that
            `parse_yaml` finds, e.g. a duplicate key.
    """
    return parse_yaml(read_text(path, MAX_FILE_BYTES), f"{path}: cannot be read as YAML")


def parse_yaml(text: str, introduction: str) -> Any:
    """Parse YAML text.

    Args:
        text: The text.
        introduction: Start of the message of an error, e.g. ``tasks.yaml: cannot be read as YAML``.

    Returns:
        Mappings, lists, texts, booleans, None, finite or infinite floats, and integers of at most
        64 bits; they share no part that contains itself.

    Raises:
        UserError: If it is not YAML, has a key twice, is nested too deeply, contains itself, is too
            large with its aliases filled in, or has a value that is not what its tag says.
    """
    try:
        return _Loader(text).get_single_data()
    except yaml.YAMLError as error:
        reason = str(error).replace('in "<unicode string>", ', "in ")
        message = shorten(reason, MAX_MESSAGE_LENGTH - min(len(introduction), 1000) - 2)
        raise UserError(f"{shorten(introduction, 1000)}: {message}") from None


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers = {  # noqa: RUF012 - as PyYAML declares it
        first: [(tag, pattern) for tag, pattern in resolvers if tag != TIMESTAMP_TAG]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0
        # Id of each complete node to the number of its nodes and levels, aliases filled in. The
        # tree keeps all nodes alive, so that ids stay unique.
        self._extents: dict[int, tuple[int, int]] = {}

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Compose a node; refuse one that is too deep, too large or inside itself."""
        is_alias = self.check_event(yaml.AliasEvent)
        mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]  # not in its stubs
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise ComposerError(None, None, f"more than {MAX_DEPTH} levels deep", mark)
        node = super().compose_node(parent, index)
        self._depth -= 1
        if node is None:
            return node
        if not is_alias:
            self._extents[id(node)] = self._measure(node)
        elif id(node) not in self._extents:
            raise ComposerError(None, None, "an alias to a part that it is in itself", mark)
        node_count, levels = self._extents[id(node)]
        if node_count > MAX_NODES:
            raise ComposerError(
                None, None, f"more than {MAX_NODES} values, with all aliases filled in", mark
            )
        if self._depth + levels > MAX_DEPTH + 1:
            raise ComposerError(None, None, f"more than {MAX_DEPTH} levels deep", mark)
        return node

    def compose_mapping_node(self, anchor: dict[Any, yaml.Node]) -> yaml.MappingNode:
        """Compose a mapping; refuse a key that is there twice."""
        node = super().compose_mapping_node(anchor)
        keys: set[Hashable] = set()
        for key_node, _ in node.value:
            if not isinstance(key_node, yaml.ScalarNode) or key_node.tag == MERGE_TAG:
                continue
            key = self.construct_object(key_node)
            if key in keys or str(key) in keys:
                message = f"duplicate key {key_node.value!r}"
                raise ConstructorError(None, None, message, key_node.start_mark)
            keys |= {key, str(key)}
        return node

    def compose_scalar_node(self, anchor: dict[Any, yaml.Node]) -> yaml.ScalarNode:
        """Compose a scalar; refuse one that is too long or no text."""
        node = super().compose_scalar_node(anchor)
        if len(node.value) > MAX_TEXT_LENGTH:
            message = f"a value of {len(node.value)} characters; at most {MAX_TEXT_LENGTH}"
            raise ComposerError(None, None, message, node.start_mark)
        if "\0" in node.value:
            message = "a null character, which no name or path can have"
            raise ComposerError(None, None, message, node.start_mark)
        try:
            node.value.encode()
        except UnicodeEncodeError:
            message = "half of a surrogate pair, which is no character"
            raise ComposerError(None, None, message, node.start_mark) from None
        return node

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """Construct the value of a node; every fault in it is an error of YAML."""
        try:
            return super().construct_object(node, deep)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            kind = node.tag.rpartition(":")[2]
            message = f"{shorten(str(node.value), 60)!r} is no valid value of type {kind}"
            raise ConstructorError(None, None, message, node.start_mark) from None

    def construct_number(self, node: yaml.ScalarNode) -> int | float:
        """Construct a number as everybody reads it: no base 60, no octal number without ``0o``."""
        text = str(self.construct_scalar(node))
        is_integer = node.tag.endswith(":int")
        digits = text.lstrip("+-")
        if ":" in text or (is_integer and digits[:1] == "0" and digits[1:2].isdigit()):
            message = (
                f"{shorten(text, 60)} is a number in base {60 if ':' in text else 8} in YAML; "
                "write it as a decimal number, or in quotes if it is text"
            )
            raise ConstructorError(None, None, message, node.start_mark)
        if not is_integer:
            return self.construct_yaml_float(node)
        value = self.construct_yaml_int(node)
        if abs(value) > MAX_INTEGER:
            message = f"{shorten(text, 60)} is larger than any number that is used here"
            raise ConstructorError(None, None, message, node.start_mark)
        return value

    def _measure(self, node: yaml.Node) -> tuple[int, int]:
        """Return the number of nodes and levels of a node whose parts are measured."""
        if isinstance(node, yaml.ScalarNode):
            return 1, 1
        parts = node.value
        if isinstance(node, yaml.MappingNode):
            parts = [part for pair in node.value for part in pair]
        extents = [self._extents[id(part)] for part in parts]
        return (
            1 + sum(node_count for node_count, _ in extents),
            1 + max((levels for _, levels in extents), default=0),
        )


_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_number)
_Loader.add_constructor("tag:yaml.org,2002:float", _Loader.construct_number)
