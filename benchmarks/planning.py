"""Time and memory of ``python -m fusebench --plan`` on a data set of many small pairs.

python -m benchmarks.planning                          5,000 pairs, 5 fusions, 3 seeds
python -m benchmarks.planning --pairs 50000 --sources 30

The data set has M3FD's folders: a PNG of 64 x 48 pixels per sensor and a VOC file per pair, written
into a temporary folder. Each plan is made in a new process:

    first    nothing is known: every header, sample and label is read
    again    nothing has changed since
    edited   one image has changed since

Columns: seconds of processor time, start of Python and imports included; the same as a multiple of
the reference, which opens every image with Pillow and asks for the status of every file in one
process; the peak of memory in MB; and how much of it is beyond a plan of ten pairs.
"""

import argparse
import io
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from fusebench.runtime import printable
from fusebench.runtime.program import run_program

SETTLING_SECONDS = 2.5  # files that changed a moment ago are read again by the next plan
LABEL = (
    "<annotation><size><width>64</width><height>48</height></size><object><name>Car</name><bndbox>"
    "<xmin>5</xmin><ymin>5</ymin><xmax>30</xmax><ymax>30</ymax></bndbox></object></annotation>"
)
TASKS = """sources:
  infrared: {{kind: infrared}}
  visible: {{kind: visible}}
{methods}
tasks:
  boxes:
    {{kind: detection, dataset: m3fd, data: {{split: {{rule: random}}}}, sources: [{names}],
     seeds: [0, 1, 2]}}
  entropy:
    {{kind: quality, dataset: m3fd, data: {{split: {{rule: all}}}}, sources: [s0],
     metrics: {{entropy: {{}}}}}}
"""


def write_dataset(root: Path, pair_count: int, source_count: int) -> None:
    """Write a data set of M3FD's form and a task file; every file has a content of its own."""
    folders = {name: root / "data" / "m3fd" / name for name in ("Ir", "Vis", "Annotation")}
    for folder in folders.values():
        folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    contents = {}
    for name, shape in (("Ir", (48, 64)), ("Vis", (48, 64, 3))):
        stream = io.BytesIO()
        Image.fromarray(rng.integers(0, 256, shape, np.uint8)).save(stream, "PNG")
        contents[name] = stream.getvalue()
    for i in range(pair_count):
        for name, content in contents.items():  # bytes after the end of a PNG are not read
            (folders[name] / f"{i:06d}.png").write_bytes(content + str(i).encode())
        (folders["Annotation"] / f"{i:06d}.xml").write_text(LABEL)
    names = [f"s{i}" for i in range(source_count)]
    methods = "\n".join(
        f"  {name}: {{kind: method, method: laplacian, options: {{levels: {1 + i % 6}}}}}"
        for i, name in enumerate(names)
    )
    text = TASKS.format(methods=methods, names=", ".join(["infrared", "visible", *names]))
    (root / "tasks.yaml").write_text(text)


def measure_plan(root: Path) -> tuple[float, float]:
    """Plan in a new process; return seconds of processor time and the peak of memory in MB."""
    repository = Path(__file__).resolve().parents[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "fusebench", "--plan", "--device", "cpu"],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(repository)},
        stdout=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"the plan failed with exit status {process.returncode}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def measure_reference(root: Path) -> float:
    """Open every image with Pillow and ask for the status of every file; return seconds."""
    start = time.process_time()
    for folder in (root / "data" / "m3fd").iterdir():
        with os.scandir(folder) as entries:
            for entry in entries:
                entry.stat()
                if entry.name.endswith(".png"):
                    with Image.open(entry.path) as image:
                        _ = image.size
    return time.process_time() - start


def main() -> int:
    """Print the table; return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pairs", type=int, default=5000)
    parser.add_argument("--sources", type=int, default=5, help="number of fusions")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        small, root = Path(folder) / "small", Path(folder) / "large"
        write_dataset(small, 10, args.sources)
        write_dataset(root, args.pairs, args.sources)
        time.sleep(SETTLING_SECONDS)
        _, library_memory = measure_plan(small)
        reference = measure_reference(root)
        printable.print_text(
            f"{args.pairs} pairs, {args.sources} fusions; reference {reference:.2f} s"
        )
        printable.print_text(f"{'plan':8}{'seconds':>9}{'ratio':>8}{'MB':>7}{'beyond':>8}")
        for name in ("first", "again", "edited"):
            if name == "edited":
                image = root / "data" / "m3fd" / "Ir" / "000000.png"
                image.write_bytes(image.read_bytes() + b"edited")
                time.sleep(SETTLING_SECONDS)
            seconds, memory = measure_plan(root)
            ratio = seconds / reference
            beyond = memory - library_memory
            printable.print_text(f"{name:8}{seconds:9.2f}{ratio:8.2f}{memory:7.0f}{beyond:8.0f}")
    return 0


if __name__ == "__main__":
    run_program(main)
