"""The trainings of this project against ultralytics' trainer and mmengine's Runner, side by side.

python -m benchmarks.training                                  small: minutes on one core
python -m benchmarks.training --only yolov5 --images 160 --epochs 3 --size 640
python -m benchmarks.training --only segformer --backbone mit_b1 --crop 480 --steps 20

Setting: one thread on one core; every training in a new process; simulated scenes; the programs
alternate. Same network, images, image or crop size, batch, optimizer and augmentation; YOLOv5 has
the same initial weights too. The first epoch of YOLOv5 and the first two steps of SegFormer are
not counted. Columns, medians of the rounds: processor seconds per epoch or step; images per second
of processor time; peak memory of the process in MiB; processor seconds before the first step.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.trainers.meter import Measurement
from fusebench.data.split_builder import build_split
from fusebench.datasets import scenes, scenes_seg
from fusebench.runtime import printable
from fusebench.runtime.program import run_program

OTHER_PROGRAMS = {"yolov5": "ultralytics", "segformer": "mmengine"}
BACKBONES = tuple(f"mit_b{number}" for number in range(6))


def build_settings(args: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """Build the options and scenes of both networks."""
    yolov5_options = {
        "size": args.model,
        "start_weights": "packaged" if args.model == "n" else "scratch",
        "image_size": args.size,
        "epochs": args.epochs + 1,
        "batch": args.batch,
        "nominal_batch": args.batch,
    }
    segformer_options = {
        "backbone": args.backbone,
        "iterations": args.steps + 2,
        "schedule": None,
        "warm_up": 2,
        "crop": args.crop,
        "batch": args.crops,
    }
    knobs = {"width": args.width, "height": args.width * 4 // 5}
    rendered = {"train": args.images, "test": 4, "knobs": knobs}
    return {
        "yolov5": {"options": yolov5_options, "scenes": rendered},
        "segformer": {"options": segformer_options, "scenes": rendered},
    }


def measure(network: str, settings: dict[str, Any], root: Path) -> Measurement:
    """Train in a new process on one core."""
    with tempfile.TemporaryDirectory(dir=root) as folder:
        command = [sys.executable, "-m", f"benchmarks.trainers.{network}"]
        result = subprocess.run(
            [*command, json.dumps(settings | {"folder": folder})],
            capture_output=True,
            text=True,
            check=False,
        )
    if result.returncode:
        raise RuntimeError(f"{settings['program']}: {result.stderr[-3000:]}")
    return Measurement(**json.loads(result.stdout.splitlines()[-1]))


def print_comparison(unit: str, results: dict[str, list[Measurement]], per_part: int) -> None:
    """Print a line per program, and the ratios of this project to the other one."""
    rows = {}
    for program, measurements in results.items():
        rows[program] = [
            statistics.median(m.cpu_seconds / m.images * per_part for m in measurements),
            statistics.median(m.images / m.cpu_seconds for m in measurements),
            statistics.median(m.peak_mib for m in measurements),
            statistics.median(m.start_cpu_seconds for m in measurements),
        ]
    here, other = rows.values()
    rows["ratio"] = [a / b for a, b in zip(here, other, strict=True)]
    printable.print_text(f"{'':12} {'s/' + unit:>9} {'images/s':>9} {'MiB':>9} {'start s':>9}")
    for name, values in rows.items():
        texts = (f"{value:9.3f}" if value < 100 else f"{value:9.0f}" for value in values)
        printable.print_text(f"{name:12} {' '.join(texts)}")


def parse_count(text: str) -> int:
    """Parse a number above 0, for argparse."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text}: expected a number above 0")
    return number


def main() -> int:
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", choices=tuple(OTHER_PROGRAMS))
    parser.add_argument("--rounds", type=parse_count, default=3)
    parser.add_argument("--images", type=parse_count, default=32, help="training images")
    parser.add_argument("--width", type=parse_count, default=320, help="of the scenes, in pixels")
    parser.add_argument("--model", choices=tuple("nsmlx"), default="n", help="size of YOLOv5")
    parser.add_argument("--size", type=parse_count, default=320, help="image size of YOLOv5")
    parser.add_argument("--batch", type=parse_count, default=8, help="of YOLOv5")
    parser.add_argument("--epochs", type=parse_count, default=2, help="of YOLOv5 after the warm-up")
    parser.add_argument("--backbone", choices=BACKBONES, default="mit_b0", help="of SegFormer")
    parser.add_argument("--crop", type=parse_count, default=256, help="of SegFormer")
    parser.add_argument("--crops", type=parse_count, default=2, help="batch of SegFormer")
    parser.add_argument(
        "--steps", type=parse_count, default=12, help="of SegFormer after the warm-up"
    )
    args = parser.parse_args()
    os.environ |= {
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "PYTHONPATH": str(Path(__file__).resolve().parents[1]),
    }
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})  # the processes inherit it
    with tempfile.TemporaryDirectory() as root:
        for network, settings in build_settings(args).items():
            if args.only not in (None, network):
                continue
            module = scenes if network == "yolov5" else scenes_seg
            render = module.Options(**settings["scenes"])
            build_split(module.load(Path(root), render), "train", Path(root))
            programs = ["here", OTHER_PROGRAMS[network]]
            results: dict[str, list[Measurement]] = {program: [] for program in programs}
            for number in range(args.rounds):
                for program in programs if number % 2 == 0 else programs[::-1]:
                    values = settings | {"program": program, "data": root}
                    results[program].append(measure(network, values, Path(root)))
            per_part = args.images if network == "yolov5" else args.crops
            printable.print_text(f"\n{network}: {json.dumps(settings['options'])}")
            print_comparison("epoch" if network == "yolov5" else "step", results, per_part)
    return 0


if __name__ == "__main__":
    run_program(main)
