"""Server that runs the programs in forked children, so that heavy libraries are imported once.

It reads one request per line from its standard input and writes one answer per line to its
standard output, both JSON; see `tests.faults.injection.programs` for their fields. A child can be
limited in memory and file size, and can kill itself at the k-th operation that changes a file.
"""

import importlib
import json
import os
import resource
import runpy
import signal
import sys
import time
import traceback
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

CHANGING_EVENTS = {"os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.link", "os.truncate"}
FORBIDDEN_EVENTS = {
    "socket.connect",
    "socket.getaddrinfo",
    "subprocess.Popen",
    "os.system",
    "os.exec",
    "os.posix_spawn",
}
WRITING_FLAGS = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
LIGHT_MODULES = (
    "numpy",
    "pandas",
    "PIL.Image",
    "scipy.stats",
    "fusebench.cli",
    "fusion.scoring.score_images",
    "detection.coco_results_file",
)
HEAVY_MODULES = (
    "torch",
    "torchvision",
    "safetensors.torch",
    "matplotlib.pyplot",
    "detection.models.yolov5.training",
    "segmentation.models.segformer.training",
    "segmentation.models.segformer.network",
    "mmseg.models",
    "mmengine.optim",
)


def import_libraries(names: tuple[str, ...]) -> None:
    os.environ["MPLBACKEND"] = "Agg"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in names:
            importlib.import_module(name)


def write_every_checkpoint() -> None:
    """Let trainings of a second write all their checkpoints, so that kills meet them."""
    checkpoint_times = importlib.import_module("fusebench.storage.weights.checkpoint_times")
    checkpoint_times.MIN_SECONDS = checkpoint_times.WRITE_FACTOR = 0.0


def serve() -> None:
    # Children inherit the standard streams; answers go through a copy that they do not have.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.set_inheritable(answers.fileno(), False)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    for line in sys.stdin:
        print(json.dumps(run_forked(json.loads(line))), file=answers, flush=True)


def run_forked(request: dict) -> dict:
    folder = Path(request["folder"])
    folder.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    # Pipes and not files: a limit of file sizes would hold for the output too.
    pipes = [os.pipe(), os.pipe(), os.pipe()]  # output, errors, what `Observer` saw
    child = os.fork()
    if child == 0:
        run_child(request, folder, [write_end for _, write_end in pipes])
    for _, write_end in pipes:
        os.close(write_end)
    with ThreadPoolExecutor(len(pipes)) as pool:
        outputs = [pool.submit(read_to_end, read_end) for read_end, _ in pipes]
        status, usage, timed_out = wait_for(child, started + request["time_limit"])
        stdout, stderr, observed = (output.result() for output in outputs)
    return {
        "status": -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status),
        "stdout": stdout,
        "stderr": stderr,
        "seconds": time.monotonic() - started,
        "peak_megabytes": usage.ru_maxrss // 1024,
        "timed_out": timed_out,
        **json.loads(observed or '{"operations": 0, "forbidden": []}'),
    }


def read_to_end(read_end: int) -> str:
    with os.fdopen(read_end, encoding="utf-8", errors="replace") as file:
        return file.read()


def wait_for(child: int, deadline: float) -> tuple[int, resource.struct_rusage, bool]:
    while True:
        process, status, usage = os.wait4(child, os.WNOHANG)
        if process:
            return status, usage, False
        if time.monotonic() > deadline:
            os.killpg(child, signal.SIGKILL)
            _, status, usage = os.wait4(child, 0)
            return status, usage, True
        time.sleep(0.003)


def run_child(request: dict, folder: Path, outputs: list[int]) -> None:
    """Run the program as ``python -m`` does; never returns."""
    status, observer = 1, Observer(request)
    try:
        os.setsid()
        os.chdir(folder)
        for stream, write_end in zip((1, 2), outputs, strict=False):
            os.dup2(write_end, stream)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        sys.stdin = open(0, closefd=False)  # noqa: SIM115 - a descriptor
        # Named twice as Python itself does, which keeps the buffer open when one is replaced.
        sys.stdout = sys.__stdout__ = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
        sys.stderr = sys.__stderr__ = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
        os.environ.update(request["environment"])
        set_limits(request)
        sys.addaudithook(observer.observe)
        sys.argv = [request["module"], *request["arguments"]]
        warnings.simplefilter("ignore", RuntimeWarning)  # runpy: the module is imported already
        runpy.run_module(request["module"], run_name="__main__", alter_sys=True)
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 - printed, as Python itself does
        traceback.print_exc()
    finally:
        try:
            sys.stdout.flush()
            sys.stderr.flush()
            os.write(outputs[2], observer.to_json().encode())
        finally:
            os._exit(status)


def set_limits(request: dict) -> None:
    if request["memory_limit"]:
        resource.setrlimit(resource.RLIMIT_AS, (request["memory_limit"],) * 2)
    if request["file_size_limit"]:
        resource.setrlimit(resource.RLIMIT_FSIZE, (request["file_size_limit"],) * 2)
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)


class Observer:
    """Audit hook that counts the operations on the files of a folder, and kills at one of them.

    With a delay another process kills up to so many seconds later: between operations. It also
    notes what no program of this project does: connections, and commands that are started.
    """

    def __init__(self, request: dict) -> None:
        self._count = 0
        self._forbidden: list[str] = []
        self._folder = request["folder"]
        self._kill_at, self._delay = request["kill_at"], request["kill_delay"]

    def observe(self, event: str, arguments: tuple) -> None:
        """Count an operation that changes a file; note a forbidden one."""
        if event in FORBIDDEN_EVENTS:
            self._forbidden.append(f"{event} {arguments!r:.200}")
        if event == "open":
            changes = bool(arguments[2] & WRITING_FLAGS)
        else:
            changes = event in CHANGING_EVENTS
        if not changes or not isinstance(arguments[0], (str, os.PathLike)):
            return
        if not os.path.abspath(arguments[0]).startswith(self._folder):  # noqa: PTH100 - fast
            return
        self._count += 1
        if self._count == self._kill_at:
            kill_self(self._delay)

    def to_json(self) -> str:
        """Return what was seen, as JSON."""
        return json.dumps({"operations": self._count, "forbidden": self._forbidden})


def kill_self(delay: float) -> None:
    process = os.getpid()
    if delay and os.fork() == 0:
        time.sleep(delay)
        os.kill(process, signal.SIGKILL)
        os._exit(0)
    if not delay:
        os.kill(process, signal.SIGKILL)


if __name__ == "__main__":
    import_libraries(LIGHT_MODULES + (HEAVY_MODULES if "--heavy" in sys.argv else ()))
    write_every_checkpoint()
    serve()
