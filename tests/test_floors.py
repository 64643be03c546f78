"""The floors of the house: who may import whom. Fails on the first import that climbs."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAY_IMPORT = {
    "bench": set(),
    "fusion": {"bench"},
    "detection": {"bench"},
    "segmentation": {"bench"},
    "reports": {"bench"},
}
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


def imports(tree):
    """Top-level names of everything imported below a node."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative import"
            yield node.module.split(".")[0]


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_no_import_climbs_a_floor_or_crosses_the_hall(package):
    for name, tree in files(package):
        climbing = set(imports(tree)) & (set(MAY_IMPORT) - MAY_IMPORT[package] - {package})
        assert not climbing, f"{name} imports {climbing}"


@pytest.mark.parametrize("library", ["ultralytics", "mmengine", "mmseg", "matplotlib", "seaborn"])
def test_a_library_with_side_effects_is_imported_in_one_room_only(library):
    rooms = {
        "ultralytics": "detection/models/",
        "mmengine": "segmentation/models/",
        "mmseg": "segmentation/models/",
        "matplotlib": "reports/figures.py",
        "seaborn": "reports/figures.py",
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
        "from bench import plugins\n"
        "for p in ('bench.datasets', 'fusion.methods', 'detection.models', 'segmentation.models',"
        " 'detection.metrics', 'segmentation.metrics', 'fusion.metrics'):\n"
        "    [plugins.find(p, name) for name in plugins.available(p)]\n"
        f"print(sorted(set(sys.modules) & {HEAVY!r}))"
    )
    out = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, cwd=ROOT)
    assert out.stdout.strip() == "[]", out.stdout + out.stderr
