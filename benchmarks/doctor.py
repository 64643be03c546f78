"""Time and memory of ``python -m fusebench.doctor`` on a synthetic data set of M3FD's form.

python -m benchmarks.doctor                 300 pairs, extrapolated to 4,200
python -m benchmarks.doctor --pairs 1000

Each pair has two RGB PNG files of 1024 x 768 (smooth structures and noise, 1.4 MB each, as M3FD's)
and a VOC file with eight boxes, written into a temporary folder. Columns:

    first    every pair is measured
    again    nothing has changed since: the kept measurements are used

CPU seconds are those of all processes; divided by the number of processes they are the least time
on a machine that does nothing else. Hashes: seconds to compare the hashes of N pairs with each
other, which grows with N squared.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from fusebench.doctor.checks import perceptual_hash
from fusebench.runtime import printable
from fusebench.runtime.program import run_program

SIZE = (1024, 768)
M3FD_PAIR_COUNT = 4200
BOX = (
    "<object><name>Car</name><bndbox><xmin>{0}</xmin><ymin>{1}</ymin><xmax>{2}</xmax>"
    "<ymax>{3}</ymax></bndbox></object>"
)
LABEL = (
    "<annotation><size><width>1024</width><height>768</height></size>"
    + "".join(BOX.format(100 * i + 20, 300, 100 * i + 90, 360) for i in range(8))
    + "</annotation>"
)


def write_dataset(folder: Path, pair_count: int) -> None:
    """Write the data set."""
    for name in ("Ir", "Vis", "Annotation"):
        (folder / name).mkdir(parents=True)
    rng = np.random.default_rng(0)
    for i in range(pair_count):
        coarse = rng.uniform(0, 255, (24, 32)).astype(np.float32)
        scene = cv2.resize(coarse, SIZE, interpolation=cv2.INTER_CUBIC)
        for name, gain in (("Ir", -0.7), ("Vis", 0.9)):
            noise = rng.normal(0, 3, (SIZE[1], SIZE[0], 3 if name == "Vis" else 1))
            image = (128 + gain * (scene[..., None] - 128) + noise).clip(0, 255).astype(np.uint8)
            rgb = np.broadcast_to(image, (SIZE[1], SIZE[0], 3))
            Image.fromarray(np.ascontiguousarray(rgb)).save(
                folder / name / f"{i:05d}.png", compress_level=1
            )
        (folder / "Annotation" / f"{i:05d}.xml").write_text(LABEL)


def measure_doctor(root: Path) -> tuple[float, float, float]:
    """Run the doctor; return wall seconds, CPU seconds of all processes, and memory in MB.

    The memory is that of the largest process.
    """
    repository = Path(__file__).resolve().parents[1]
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "fusebench.doctor", "--m3fd"],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(repository)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 1):
        raise SystemExit(f"the doctor failed with exit status {process.returncode}")
    seconds = time.perf_counter() - start
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def measure_hash_comparison(count: int) -> float:
    """Compare random hashes with each other; return seconds."""
    rng = np.random.default_rng(0)
    names = [f"{value:016x}" for value in rng.integers(0, 2**64, count, np.uint64).tolist()]
    start = time.perf_counter()
    perceptual_hash.group_near_duplicates(
        {f"{i:06d}": (name, name) for i, name in enumerate(names)}
    )
    return time.perf_counter() - start


def main() -> int:
    """Print the table; return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pairs", type=int, default=300)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_dataset(root / "data" / "m3fd", args.pairs)
        printable.print_text(f"{args.pairs} pairs of {SIZE[0]} x {SIZE[1]}")
        printable.print_text(
            f"{'':8}{'wall s':>8}{'CPU s':>8}{'MB':>6}{'CPU s of 4,200 pairs':>22}"
        )
        for name in ("first", "again"):
            wall, cpu, memory = measure_doctor(root)
            whole = cpu * M3FD_PAIR_COUNT / args.pairs
            printable.print_text(f"{name:8}{wall:8.1f}{cpu:8.1f}{memory:6.0f}{whole:22.0f}")
    for count in (M3FD_PAIR_COUNT, 20_000):
        seconds = measure_hash_comparison(count)
        printable.print_text(f"hashes of {count:,} pairs: {seconds:.1f} s")
    return 0


if __name__ == "__main__":
    run_program(main)
