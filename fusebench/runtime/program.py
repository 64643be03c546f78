"""Start and end of every program."""

import sys
from collections.abc import Callable
from typing import NoReturn

from fusebench.runtime.interrupts import run_interruptible


def run_program(main: Callable[[], int]) -> NoReturn:
    """Run the ``main`` of a program and exit with the status that it returns.

    Raises:
        SystemExit: Always.
    """
    sys.exit(run_interruptible(main))
