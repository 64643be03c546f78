"""The import rules of the architecture: who may import whom, and where heavy libraries are used."""

import subprocess
import sys
from collections import Counter
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise

import pytest

from tests.helpers.paths import REPOSITORY
from tests.helpers.source_tree import (
    ALL_FOLDERS,
    CORE,
    PACKAGES,
    STAGES,
    build_import_graph,
    imported_packages,
    list_source_files,
    parse_modules,
)

# The parts of a package from the lowest to the highest: each imports itself and those before it.
CORE_ORDER = (
    "errors",
    "runtime",
    "data",
    "storage",
    "simulator",
    "datasets",
    "evaluation",
    "corruption_parts",
    "corruptions",
    "contracts",
    "option_values",
    "plugins",
    "config",
    "experiments",
    "cli_status",
    "engines",
    "cli_arguments",
    "cli_selection",
    "cli_jobs",
    "cli",
    "api",
    "verify",
    "export",
    "doctor",
    "corruption_sheet",
    "console",
    "__main__",
    "__init__",  # the Python API: imported by no other part
)
REPORTS_ORDER = (
    "statistics",
    "attributes",
    "results",
    "tables",
    "figures",
    "literature",
    "document",
    "viewer",
    "formats",
    "assembly",
    "run_comparison",
)
# Libraries with side effects at import, or slow ones: the only modules that may import them.
LIBRARY_USERS = {
    "ultralytics": ("detection.models.yolov5",),
    "mmseg": ("segmentation.models.segformer",),
    "mmcv": ("segmentation.models.segformer",),
    "mmengine": ("segmentation.models.segformer",),
    "matplotlib": ("reports.figures.bars_and_curves", "reports.figures.fonts"),
    "seaborn": ("reports.figures.bars_and_curves",),
    "pycocotools": ("detection.coco_matching",),
    "tensorboard": ("fusion.training.monitoring",),
    "submitit": ("fusebench.engines.kinds",),
}
LOADED_LATE = {
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
    "submitit",
}
PROGRAMS = (
    "fusebench.__main__",
    "fusebench.console",
    "fusebench.verify",
    "fusebench.engines.status",
    "fusebench.engines.cancel",
    "fusebench.engines.kinds.local_worker",
    "fusebench.export.__main__",
    "fusebench.doctor.program",
    "fusebench.corruption_sheet",
    "fusebench.api.loading",
    "fusion.run",
    "fusion.quality",
    "fusion.train",
    "fusion.profile",
    "detection.run",
    "segmentation.run",
    "reports.run",
    "reports.api",
    "reports.audit",
    "reports.calibrate",
)
MAX_FILES = 14  # Python files in one folder, its sub-folders not counted


def package_part(module):
    """The part of its package that a module is in: a folder, a single file or ``__init__``."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def upward_imports(package, order):
    """Imports inside a package that go from a lower part of it to a higher one, as text."""
    graph = build_import_graph()
    rank = {part: number for number, part in enumerate(order)}
    for importer in (name for name in graph if name.split(".")[0] == package):
        for imported in (name for name in graph[importer] if name.split(".")[0] == package):
            parts = package_part(importer), package_part(imported)
            if set(parts) <= rank.keys() and rank[parts[0]] < rank[parts[1]]:
                yield f"{importer} imports {imported}"


def find_import_circle(graph):
    """One circle of modules that import each other, as a list; empty without any."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return error.args[1][::-1]  # graphlib lists the imported module before its importer
    return []


def test_no_module_imports_itself_through_others():
    circle = find_import_circle(build_import_graph())
    assert not circle, "import circle: " + " -> ".join(circle)


def write_package(folder, **sources):
    """A toy package of the given modules; returns its import graph."""
    (folder / "toy").mkdir(parents=True)
    for name, source in sources.items():
        (folder / "toy" / f"{name}.py").write_text(source)
    return build_import_graph(folder, ("toy",))


def test_the_circle_search_follows_imports_in_functions_and_for_type_checking(tmp_path):
    graph = write_package(
        tmp_path,
        first="def load():\n    from toy import second\n",
        second="if TYPE_CHECKING:\n    from toy.third import Name\n",
        third="import toy.first\n",
    )
    circle = find_import_circle(graph)
    assert set(pairwise(circle)) == {
        ("toy.first", "toy.second"),
        ("toy.second", "toy.third"),
        ("toy.third", "toy.first"),
    }


def test_a_module_may_import_its_neighbor_but_no_name_of_the_package_that_imports_it(tmp_path):
    package = {"__init__": "from toy.first import NAME\n", "first": "from toy import second\n"}
    graph = write_package(tmp_path / "neighbor", **package, second="")
    assert find_import_circle(graph) == []
    graph = write_package(tmp_path / "name", **package, second="from toy import NAME\n")
    assert set(find_import_circle(graph)) == {"toy", "toy.first", "toy.second"}


@pytest.mark.parametrize("package", PACKAGES)
def test_the_core_imports_no_stage_and_a_stage_imports_no_other(package):
    forbidden = {CORE, *STAGES, "benchmarks", "tests"} - {package, CORE}
    faults = [
        f"{name} imports {sorted(faulty)}"
        for name, tree in parse_modules().items()
        if name.split(".")[0] == package and (faulty := imported_packages(tree) & forbidden)
    ]
    assert not faults, "\n".join(faults)


def test_every_part_of_the_core_has_its_place_in_the_order():
    parts = {package_part(name) for name in parse_modules() if name.split(".")[0] == CORE}
    assert parts <= set(CORE_ORDER)


def test_every_folder_of_the_reports_has_its_place_in_the_order():
    folders = {path.parent.name for path in (REPOSITORY / "reports").glob("*/__init__.py")}
    assert folders == set(REPORTS_ORDER)


@pytest.mark.parametrize(("package", "order"), [(CORE, CORE_ORDER), ("reports", REPORTS_ORDER)])
def test_a_part_imports_no_higher_part_of_its_package(package, order):
    faults = list(upward_imports(package, order))
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("library", LIBRARY_USERS)
def test_a_heavy_library_is_imported_in_its_own_module_only(library):
    importers = {
        name
        for name, tree in parse_modules().items()
        if name.split(".")[0] in PACKAGES and library in imported_packages(tree)
    }
    assert importers, f"no module imports {library}: remove it from this test"
    allowed = LIBRARY_USERS[library]
    faults = {
        name
        for name in importers
        if not any(name == user or name.startswith(f"{user}.") for user in allowed)
    }
    assert not faults


@pytest.mark.parametrize("program", PROGRAMS)
def test_help_and_plan_load_no_heavy_library(program):
    """The imports of a program and of all plug-ins, before there is anything to compute."""
    script = (
        f"import sys, {program}\n"
        "from fusebench import plugins\n"
        "for package in ('fusebench.datasets', 'fusion.methods', 'detection.models',"
        " 'segmentation.models', 'detection.metrics', 'segmentation.metrics', 'fusion.metrics'):\n"
        "    for name in plugins.list_plugins(package):\n"
        "        plugins.load_plugin(package, name)\n"
        f"print(sorted(set(sys.modules) & {LOADED_LATE!r}))"
    )
    process = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=REPOSITORY, check=False
    )
    assert process.stdout.strip() == "[]", process.stdout + process.stderr


def test_no_folder_has_more_files_than_fit_on_a_screen():
    counts = Counter(path.parent for path in list_source_files(REPOSITORY, ALL_FOLDERS))
    crowded = {
        str(folder.relative_to(REPOSITORY)): count
        for folder, count in counts.items()
        if count > MAX_FILES
    }
    assert not crowded, f"more than {MAX_FILES} Python files in a folder: {crowded}"
