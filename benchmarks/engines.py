"""An engine against one process: 40 small runs of both tasks and quality.

python -m benchmarks.engines                      one process, then two workers
python -m benchmarks.engines --workers 1          one process, then one worker
python -m benchmarks.engines --engine ray         one process, then Ray, started by the command
python -m benchmarks.engines --gpus-per-run 0.5   then a Ray cluster of two nodes, each with a GPU
                                                  that does not exist
python -m benchmarks.engines --engine slurm       one process, then submitit without Slurm
python -m benchmarks.engines --kills 3            running jobs are killed, as many in each program
python -m benchmarks.engines --kills 100 --light  again and again, until so many were killed
python -m benchmarks.engines --light              without the trainings: 16 runs

The scenes have 96 x 80 pixels and detectors are trained for two epochs of four images, so that what
an engine adds is a large part of the time. Every process computes with one thread, because another
number of threads adds floating-point numbers in another order. Columns: seconds; seconds of
processor time of all processes; kills; files of results that differ from those of one process.
Of a job on Ray or of submitit, its process and the one that started it are killed in turn.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from benchmarks.processor_time import VARIABLE, ProcessorTime
from fusebench.engines import states
from fusebench.runtime import printable
from fusebench.runtime.program import run_program
from tests.faults.injection import stored_contents
from tests.faults.injection.tiny_study import DETECTOR_OPTIONS, SCENES

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


def run(folder: Path, flags: list[str], kills: int, rng: random.Random) -> tuple[float, int]:
    """Run the programs in a folder; return seconds and the number of kills."""
    start, killed = time.monotonic(), 0
    tasks = (folder / "tasks.yaml").read_text()
    programs = [
        program
        for program in PROGRAMS
        if program == "fusion.run" or f"kind: {program.removesuffix('.run')}" in tasks
    ]
    for number, program in enumerate(programs, 1):
        command = [sys.executable, "-m", program, "--device", "cpu", *flags]
        with (folder / "output.txt").open("ab") as output:
            process = subprocess.Popen(command, cwd=folder, stdout=output, stderr=output)
            while process.poll() is None:
                time.sleep(rng.uniform(0.1, 2.0))
                if killed < kills * number // len(programs):
                    killed += kill_running_job(folder, rng, is_parent=bool(killed % 2))
            if process.wait():
                raise RuntimeError((folder / "output.txt").read_text()[-2000:])
    return time.monotonic() - start, killed


def kill_running_job(folder: Path, rng: random.Random, *, is_parent: bool) -> bool:
    """Kill the process of a job that is running, or on Ray its parent; return whether it was."""
    listed = states.list_states(folder / "runs")
    running = [state.pid for state, _ in listed if state.state == "running"]
    with suppress(IndexError, OSError):
        pid = rng.choice(running)
        parent = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        name = Path(f"/proc/{parent}/cmdline").read_bytes()
        is_starter = b"ray::" in name or b"submitit.core._submit" in name
        os.kill(parent if is_parent and is_starter else pid, signal.SIGKILL)
        return True
    return False


@contextmanager
def start_cluster(gpus_per_run: float | None) -> Iterator[list[str]]:
    """Start a Ray cluster if jobs shall have shares of GPUs; yield the flags of the programs."""
    if gpus_per_run is None:
        yield []
        return
    with tempfile.TemporaryDirectory(prefix="fb", dir="/tmp", ignore_cleanup_errors=True) as folder:
        environment = os.environ | {"RAY_TMPDIR": folder}
        command = [sys.executable, "-m", "tests.helpers.engines.ray_nodes", "2"]
        with subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as nodes:
            assert nodes.stdin is not None
            assert nodes.stdout is not None
            address = nodes.stdout.readline().strip()
            options = (f"address={address}", f"gpus_per_run={gpus_per_run}")
            yield [part for option in options for part in ("--set", f"engine.{option}")]
            nodes.stdin.close()


def main() -> int:
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--engine", choices=("local", "ray", "slurm"), default="local")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--gpus-per-run", type=float)
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0, help="of the moments of the kills")
    parser.add_argument("--light", action="store_true")
    args = parser.parse_args()
    os.environ |= {
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": str(Path(__file__).resolve().parents[1]),
        "RAY_AUTH_MODE": "disabled",
    }
    os.environ.pop("RAY_ADDRESS", None)
    rng, expected = random.Random(args.seed), None
    engine = "ray" if args.gpus_per_run is not None else args.engine
    flags = ["--engine", engine, "--retries", str(min(100, args.kills + 1))]
    if engine == "local":
        flags += ["--workers", str(args.workers)]
    if engine == "slurm":
        for setting in ("cluster=local", f"array={args.workers}"):
            flags += ["--set", f"engine.{setting}"]
    share = "" if args.gpus_per_run is None else f", {args.gpus_per_run:g} GPUs per run"
    remaining, number = args.kills, 0
    with tempfile.TemporaryDirectory() as root:
        while number < 2 or remaining > 0:
            is_serial = number == 0
            name = "one process" if is_serial else f"{engine}{share}"
            folder = Path(root, str(number))
            folder.mkdir()
            (folder / "tasks.yaml").write_text(build_tasks(light=args.light))
            os.environ[VARIABLE] = str(folder)
            with (
                ProcessorTime(str(folder)) as processor,
                start_cluster(None if is_serial else args.gpus_per_run) as cluster,
            ):
                kills = 0 if is_serial else remaining
                seconds, killed = run(folder, [] if is_serial else flags + cluster, kills, rng)
            results = stored_contents.hash_results(folder / "runs")
            records = sum(path.endswith("record.json") for path in results)
            expected = expected or results
            differences = stored_contents.list_differences(expected, results)
            leftovers = stored_contents.list_leftovers(folder / "runs")
            printable.print_text(
                f"{name}: {records} records, {seconds:.0f} s, "
                f"{processor.seconds:.1f} s of processor time, "
                f"{killed} kills, {len(differences) + len(leftovers)} differences"
            )
            remaining, number = remaining - killed, number + 1
    return 0


if __name__ == "__main__":
    run_program(main)
