"""Run a program whose Slurm engine asks its small cluster often: ``quick_slurm PROGRAM ...``."""

import importlib
import sys

from fusebench.engines.kinds import slurm_engine
from fusebench.runtime.program import run_program

if __name__ == "__main__":
    slurm_engine.QUEUE_SECONDS = 1.0
    slurm_engine.GRACE_SECONDS = {"slurm": 5.0, "local": 2.0}
    program = importlib.import_module(sys.argv[1])
    run_program(lambda: program.main(sys.argv[2:]))
