"""A small folder with simulated scenes and results of every kind, for fault injection."""

import contextlib
import io
import shutil
from pathlib import Path

import fusebench
from detection import run as detection
from fusebench.data import images, label_maps
from fusebench.data.split_builder import load_split
from fusebench.datasets import scenes_seg
from fusebench.experiments import failures
from fusebench.storage import cost_profiles, documents
from fusion import run as fusion
from segmentation import run as segmentation
from tests.faults.injection.tiny_study import DETECTOR_OPTIONS, SCENES
from tests.helpers.damage import forget_checks
from tests.helpers.reports.synthetic_records import make_profile

TASKS = f"""
sources:
  infrared: {{kind: infrared}}
  average: {{kind: method, method: average}}
tasks:
  boxes:
    kind: detection
    dataset: scenes
    data: &scenes {SCENES}
    sources: [infrared, average]
    seeds: [0]
    model: yolov5
    options: {DETECTOR_OPTIONS}
  masks:
    kind: segmentation
    dataset: scenes_seg
    data: *scenes
    sources: [infrared, average]
    model: from_folder
    options: {{folder: "predictions/{{source}}"}}
  entropy:
    kind: quality
    dataset: scenes
    data: *scenes
    sources: [average, infrared]
    metrics: {{entropy: {{}}}}
"""
STAGES = (fusion, detection, segmentation)
RECORD_KINDS = ("detection", "segmentation", "quality", "statistics")
FAILURE = failures.Failure(
    error_type="UserError", message="no", utc_time="2026-01-01", device="cpu", program="fusion.run"
)


def write_inputs(folder: Path) -> None:
    """Write scenes, task file and the predicted label maps: the true ones, one row changed."""
    options = scenes_seg.Options.model_validate(SCENES)
    split = load_split(scenes_seg.load, folder / "data", "test", options)
    for source in ("infrared", "average"):
        (folder / "predictions" / source).mkdir(parents=True)
    for pair in split.pairs:
        labels = label_maps.read_label_map(pair.label_map, split.classes).copy()
        for row, source in enumerate(("infrared", "average")):
            labels[row] = 1
            images.write_png(folder / "predictions" / source / f"{pair.key}.png", labels)
    (folder / "tasks.yaml").write_text(TASKS)


def run_all() -> tuple[int, str]:
    """Run every stage but the report in the current folder; return exit status and errors."""
    forget_checks()
    errors = io.StringIO()
    with contextlib.redirect_stderr(errors), contextlib.redirect_stdout(io.StringIO()):
        status = max(stage.main(["--device", "cpu"]) for stage in STAGES)
    return status, errors.getvalue()


def read_tables(folder: Path) -> list[str]:
    """Return all scores, and the differences with their resampled intervals, as text."""
    forget_checks()
    results = fusebench.load_results(folder / "runs")
    return [table.to_csv() for table in (results.scores(), results.differences())]


def write_profile_and_failure(folder: Path) -> None:
    """Add a cost profile, and the failure of some run."""
    cost_profiles.write_profile(folder / "runs", make_profile("average", 0.5))
    (folder / "runs/failed").mkdir()
    documents.write_document(folder / "runs/failed/x-0123456789ab.json", FAILURE)


def remove_records(folder: Path) -> None:
    """Remove the records and what is computed from them, so that they are made again."""
    for kind in RECORD_KINDS:
        shutil.rmtree(folder / "runs" / kind, ignore_errors=True)
