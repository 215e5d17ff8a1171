"""``genmed-bench prepare``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmark.cli.reporting import Steps, progress_bars
from benchmark.data.layouts import read_layout
from benchmark.data.volumes.prepare import Wanted, prepare
from benchmark.errors import UsageError, WriteError
from medshape_text.console import make_console


def prepare_layout(
    layout: str,
    root: Path,
    out: Path,
    shape: tuple[int, int, int],
    spacing: tuple[float, float, float] | None,
    tolerance: float,
    structures: Sequence[str],
) -> None:
    """Read a folder in an official layout and write it as tasks read it.

    Raises:
        UsageError: for a shape, spacing or tolerance that makes no sense, or an output folder that is there.
        DataError: for what is wrong with the data.
        WriteError: if the disk refuses.
    """
    if min(shape) < 8 or (spacing and min(spacing) <= 0) or tolerance < 0:
        raise UsageError("a grid has at least 8 voxels a side, their spacing is positive, a tolerance not negative")
    if out.exists():
        raise UsageError(f"{out} is there already; choose another --out, or delete it")
    wanted = Wanted(shape, spacing, tolerance, tuple(structures) or None)
    with progress_bars() as bars:
        try:
            prepare(read_layout(layout, root), wanted, out, Steps(bars))
        except OSError as error:
            raise WriteError(f"cannot write {out}: {error}") from error
    make_console().print(f"prepared: {out}; use it with --data {out}", soft_wrap=True, highlight=False)
