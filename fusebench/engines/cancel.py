"""Stop the running jobs of a store; the same command resumes them.

python -m fusebench.engines.cancel               jobs of runs/
python -m fusebench.engines.cancel --out DIR     of another folder of results

Exit status: 0 if they were asked to stop, 1 if some run on another machine, 2 if there are none.
"""

import shlex
from collections.abc import Sequence

from fusebench.cli_status import EXIT_FAILED, report_error
from fusebench.engines import running_engines
from fusebench.engines.status import build_parser
from fusebench.errors import UserError
from fusebench.runtime import printable
from fusebench.runtime.program import run_program

PROGRAM = "fusebench.engines.cancel"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    args = build_parser(PROGRAM, __doc__ or "", watch=False).parse_args(argv)
    engines = running_engines.list_engines(args.out)
    if not engines:
        return report_error("fusebench cancel", UserError(f"{args.out}: no jobs are running"))
    status = 0
    for engine in engines:
        where = f"{engine.name} (process {engine.pid} on {engine.host})"
        if running_engines.stop_engine(engine):
            printable.print_text(f"{where}: stopping")
        else:
            status = EXIT_FAILED
            command = f"fusebench cancel --out {shlex.quote(str(args.out))}"
            printable.print_message(f"{where}: cannot be stopped from here; run `{command}` there")
    return status


if __name__ == "__main__":
    run_program(main)
