"""The console every command prints with: as wide as the terminal, and never cutting what goes into a pipe or file."""

from __future__ import annotations

import sys

from rich.console import Console

_UNLIMITED = 100_000
"""Columns where nobody looks: rich assumes 80 there, and shortens the figures of a wider table to 0.92…"""


def make_console(stderr: bool = False) -> Console:
    """A rich console on standard output, or on standard error.

    Where that is no terminal lines are as long as they have to be, whatever COLUMNS or FORCE_COLOR say.
    """
    stream = sys.stderr if stderr else sys.stdout
    if stream.isatty():
        return Console(stderr=stderr)
    return Console(stderr=stderr, width=_UNLIMITED, height=25)
