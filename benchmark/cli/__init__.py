"""``genmed-bench``: run methods on tasks, compare and report the runs, train methods, list what there is.

Commands import what they need when they run, so that ``--help`` and ``list`` answer at once.
"""

from benchmark.cli.app import app
from benchmark.cores import wait_passively

wait_passively()  # no command has imported torch yet

__all__ = ["app"]
