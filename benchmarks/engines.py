"""The engines against one process: 40 small runs of both tasks and quality.

python -m benchmarks.engines                      one process, then two workers
python -m benchmarks.engines --workers 1          one process, then one worker
python -m benchmarks.engines --engine slurm       two processes of submitit, without Slurm
python -m benchmarks.engines --engine ray         two tasks of Ray on this machine
python -m benchmarks.engines --kills 100          repeat until 100 workers were killed, at random
python -m benchmarks.engines --light              without the trainings: 16 runs

The scenes have 96 x 80 pixels and detectors are trained for two epochs of four images, so that what
an engine adds is a large part of the time. Every process computes with one thread, because another
number of threads adds floating-point numbers in another order. Columns: seconds; seconds of
processor time of all processes that ended; kills; files of results that differ from those of one
process.
"""

import argparse
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from fusebench.config.engine_settings import ENGINE_KINDS
from fusebench.runtime import printable
from fusebench.runtime.program import run_program
from tests.faults.injection import stored_contents
from tests.faults.injection.tiny_study import DETECTOR_OPTIONS, SCENES
from tests.helpers.engines.killing import list_children

SEGMENTER_OPTIONS = """{backbone: mit_b0, embedding: 128, start_weights: packaged, iterations: 4,
      schedule: null, warm_up: 1, crop: 64, rescale: [1.0, 1.0], distortion: false,
      learning_rate: 4.0e-4, head_factor: 2, drop_path: 0}"""
SOURCES = """
sources:
  infrared: {kind: infrared}
  visible: {kind: visible}
  average: {kind: method, method: average}
  dark: {kind: method, method: average, options: {infrared_weight: 0.2}}
  laplacian: {kind: method, method: laplacian, options: {levels: 2}}
  maximum: {kind: method, method: maximum}
"""
ALL_SOURCES = "[infrared, visible, average, dark, laplacian, maximum]"
FUSIONS = "[average, dark, laplacian, maximum]"
METRICS = ("entropy", "mutual_information", "structural_similarity", "spatial_frequency")
PROGRAMS = ("fusion.run", "detection.run", "segmentation.run")


def build_tasks(*, light: bool) -> str:
    """Build the task file: 12 detectors, 12 segmenters and 16 quality runs."""
    trained = f"""
  boxes: {{kind: detection, dataset: scenes, data: {SCENES}, sources: {ALL_SOURCES}, seeds: [0, 1],
    options: {DETECTOR_OPTIONS}, metrics: {{average_precision: {{}}}}}}
  masks: {{kind: segmentation, dataset: scenes_seg, data: {SCENES}, sources: {ALL_SOURCES},
    seeds: [0, 1], options: {SEGMENTER_OPTIONS}, metrics: {{iou: {{}}}}}}
"""
    quality = "".join(
        f"  {name}: {{kind: quality, dataset: scenes, data: {SCENES}, sources: {FUSIONS}, "
        f"metrics: {{{name}: {{}}}}}}\n"
        for name in METRICS
    )
    return f"{SOURCES}tasks:{'' if light else trained.rstrip()}\n{quality}"


def build_flags(engine: str, workers: int) -> list[str]:
    """Build the flags that start an engine with so many jobs at once."""
    if engine == "slurm":
        settings = ("engine.cluster=local", f"engine.array={workers}", "engine.gpus_per_run=0")
        return ["--engine", engine, *(part for text in settings for part in ("--set", text))]
    return ["--engine", engine, "--workers", str(workers)]


def run(folder: Path, flags: list[str], kills: int, rng: random.Random) -> tuple[float, float, int]:
    """Run the programs in a folder; return seconds, processor seconds and the number of kills."""
    start, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    killed = 0
    tasks = (folder / "tasks.yaml").read_text()
    for program in PROGRAMS:
        if f"kind: {program.removesuffix('.run')}" not in tasks and program != "fusion.run":
            continue
        command = [sys.executable, "-m", program, "--device", "cpu", *flags]
        with (folder / "output.txt").open("ab") as output:
            process = subprocess.Popen(command, cwd=folder, stdout=output, stderr=output)
            while kills and process.poll() is None:
                time.sleep(rng.uniform(0.5, 8.0))
                workers = list_children(process.pid)
                if workers and killed < kills:
                    with suppress(ProcessLookupError):
                        os.kill(rng.choice(workers), signal.SIGKILL)
                        killed += 1
            if process.wait():
                raise RuntimeError((folder / "output.txt").read_text()[-2000:])
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.monotonic() - start, processor, killed


def measure(
    folder: Path, flags: list[str], kills: int, rng: random.Random, expected: dict[str, str] | None
) -> tuple[str, dict[str, str], int]:
    """Run the study in a folder; return a line of text, hashes of the results and the kills."""
    seconds, processor, killed = run(folder, flags, kills, rng)
    results = stored_contents.hash_results(folder / "runs")
    records = sum(path.endswith("record.json") for path in results)
    differences = len(stored_contents.list_differences(expected or results, results))
    text = (
        f"{records} records, {seconds:.0f} s, {processor:.1f} s of processor time, {killed} kills, "
        f"{differences} differences"
    )
    return text, results, killed


def main() -> int:
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--engine", choices=ENGINE_KINDS, default="local")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0, help="of the moments of the kills")
    parser.add_argument("--light", action="store_true")
    args = parser.parse_args()
    os.environ |= {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).resolve().parents[1])}
    flags = build_flags(args.engine, args.workers)
    flags += ["--retries", "100"] if args.kills else []
    rng, expected, remaining, number = random.Random(args.seed), None, args.kills, 0
    with tempfile.TemporaryDirectory() as root:
        while number < 2 or remaining > 0:
            folder = Path(root, str(number))
            folder.mkdir()
            (folder / "tasks.yaml").write_text(build_tasks(light=args.light))
            is_first = expected is None
            name = "one process" if is_first else f"{args.engine}, {args.workers} at once"
            text, results, killed = measure(
                folder, [] if is_first else flags, 0 if is_first else remaining, rng, expected
            )
            printable.print_text(f"{name}: {text}")
            expected, remaining, number = expected or results, remaining - killed, number + 1
    return 0


if __name__ == "__main__":
    run_program(main)
