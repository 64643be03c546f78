"""The floors of the house: who may import whom. Fails on the first import that climbs."""

import ast
import subprocess
import sys

import pytest

from tests.helpers.paths import REPOSITORY

ROOT = REPOSITORY
MAY_IMPORT = {
    "fusebench": set(),
    "fusion": {"fusebench"},
    "detection": {"fusebench"},
    "segmentation": {"fusebench"},
    "reports": {"fusebench"},
}
# Of the reports, from the ground up: each imports itself and those before it.
ROOMS = [
    "statistics",
    "results",
    "tables",
    "figures",
    "literature",
    "document",
    "formats",
    "run_comparison",
]
HEAVY = {
    "torch",
    "torchvision",
    "ultralytics",
    "mmengine",
    "mmseg",
    "mmcv",
    "seaborn",
    "matplotlib",
    "pycocotools",
    "cv2",
}


def files(package):
    for file in sorted((ROOT / package).rglob("*.py")):
        yield file.relative_to(ROOT).as_posix(), ast.parse(file.read_text())


def modules(node):
    """Full names of the modules that one statement imports from."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        assert node.level == 0, "relative import"
        yield node.module


def imports(tree):
    """Top-level names of everything imported below a node."""
    for node in ast.walk(tree):
        yield from (module.split(".")[0] for module in modules(node))


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_no_import_climbs_a_floor_or_crosses_the_hall(package):
    for name, tree in files(package):
        climbing = set(imports(tree)) & (set(MAY_IMPORT) - MAY_IMPORT[package] - {package})
        assert not climbing, f"{name} imports {climbing}"


def test_a_room_of_the_reports_imports_none_above_it():
    there = {path.parent.name for path in (ROOT / "reports").glob("*/__init__.py")}
    assert there == set(ROOMS)
    for name, tree in files("reports"):
        room = name.split("/")[1]
        if room not in ROOMS:
            continue  # a program: it may use them all
        found = {
            module.partition(".")[2].split(".")[0]
            for node in ast.walk(tree)
            for module in modules(node)
            if module.split(".")[0] == "reports"
        }
        above = found - set(ROOMS[: ROOMS.index(room) + 1])
        assert not above, f"{name} imports {above}"


@pytest.mark.parametrize("library", ["ultralytics", "mmengine", "mmseg", "matplotlib", "seaborn"])
def test_a_library_with_side_effects_is_imported_in_one_room_only(library):
    rooms = {
        "ultralytics": "detection/models/",
        "mmengine": "segmentation/models/",
        "mmseg": "segmentation/models/",
        "matplotlib": "reports/figures/bars_and_curves.py",
        "seaborn": "reports/figures/bars_and_curves.py",
    }
    users = {name for p in MAY_IMPORT for name, tree in files(p) if library in set(imports(tree))}
    assert users, f"nobody imports {library}: take it out of this test"
    strays = {name for name in users if not name.startswith(rooms[library])}
    assert not strays


@pytest.mark.parametrize(
    "program",
    [
        "fusebench",
        "fusion.run",
        "fusion.quality",
        "fusion.train",
        "fusion.profile",
        "detection.run",
        "segmentation.run",
        "reports.run",
        "reports.audit",
        "reports.calibrate",
    ],
)
def test_help_and_plan_load_no_heavy_library(program):
    """What a program imports before it has anything to compute."""
    ask = (
        f"import sys, {program}\n"
        "from fusebench import plugins\n"
        "for p in ('fusebench.datasets', 'fusion.methods', 'detection.models', 'segmentation.models',"
        " 'detection.metrics', 'segmentation.metrics', 'fusion.metrics'):\n"
        "    [plugins.find(p, name) for name in plugins.available(p)]\n"
        f"print(sorted(set(sys.modules) & {HEAVY!r}))"
    )
    out = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, cwd=ROOT)
    assert out.stdout.strip() == "[]", out.stdout + out.stderr
