"""Argument parser whose errors cannot control the terminal: they quote what the user typed."""

import argparse
from typing import NoReturn

from fusebench.errors import escape_controls, limit_lines


class ArgumentParser(argparse.ArgumentParser):
    """`argparse.ArgumentParser`; the text of an error is printable and of limited length."""

    def error(self, message: str) -> NoReturn:
        """Print usage and message to stderr and exit with status 2."""
        super().error(limit_lines(escape_controls(message)))
