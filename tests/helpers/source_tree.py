"""The project's Python files as syntax trees, and the graph of their imports."""

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from tests.helpers.paths import REPOSITORY

CORE = "fusebench"
STAGES = ("fusion", "detection", "segmentation", "reports")
PACKAGES = (CORE, *STAGES)
ALL_FOLDERS = (*PACKAGES, "benchmarks", "tests")


def list_source_files(root: Path, folders: tuple[str, ...]) -> list[Path]:
    """List the Python files below some folders of ``root``, sorted."""
    return [path for folder in folders for path in sorted((root / folder).rglob("*.py"))]


def module_name(path: Path) -> str:
    """Convert a file path relative to the root to a module name; a package has its folder's."""
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def parse_modules(root: Path = REPOSITORY, folders: tuple[str, ...] = ALL_FOLDERS):
    """Parse every Python file below ``folders``: full module name to syntax tree."""
    return {
        module_name(path.relative_to(root)): ast.parse(path.read_text(encoding="utf-8"))
        for path in list_source_files(root, folders)
    }


def imported_names(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Iterate over all imports of a syntax tree, also in functions and under ``if TYPE_CHECKING``.

    Yields:
        The module that the statement names, and the name imported from it or ``""``.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                raise ValueError(f"relative import in line {node.lineno}; write the full name")
            yield from ((node.module, alias.name) for alias in node.names)


def imported_packages(tree: ast.AST) -> set[str]:
    """Collect the top-level packages that a syntax tree imports."""
    return {module.partition(".")[0] for module, _ in imported_names(tree)}


@cache
def build_import_graph(
    root: Path = REPOSITORY, folders: tuple[str, ...] = ALL_FOLDERS
) -> Mapping[str, frozenset[str]]:
    """Map every module to the modules of ``folders`` that it imports.

    Importing a submodule is an edge to the submodule alone, not to the ``__init__`` of its
    packages; importing a name that a package defines is an edge to the package's ``__init__``.
    """
    trees = parse_modules(root, folders)
    graph = {}
    for importer, tree in trees.items():
        targets = set()
        for module, name in imported_names(tree):
            submodule = f"{module}.{name}"
            targets.add(submodule if submodule in trees else module)
        graph[importer] = frozenset((targets & trees.keys()) - {importer})
    return graph
