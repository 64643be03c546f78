"""Start of ``python -m fusebench.doctor``."""

from fusebench.doctor.program import main
from fusebench.runtime.program import run_program

if __name__ == "__main__":
    run_program(main)
