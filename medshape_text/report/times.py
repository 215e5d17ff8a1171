"""How long a build took, and how long the whole of MedShapeNet would take at the same pace."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medshape_text.report.rows import read_object
from medshape_text.timings import timings_path

MEDSHAPENET = 114_075
"""Lines of the list of MedShapeNet."""
LARGEST = 1 << 20


@dataclass(frozen=True)
class StageTime:
    """Time of one stage over all workers; ``rate`` is shapes a second of one worker (None if it took no time)."""

    name: str
    seconds: float
    share: float
    rate: float | None
    projected: float


@dataclass(frozen=True)
class Times:
    """Seconds; ``note`` says why there are none, and is empty if there are.

    ``projected`` is for :data:`MEDSHAPENET` shapes: of every stage by one worker, of the ``wall`` steps with as
    many workers as there were.
    """

    note: str
    workers: int = 0
    shapes: int = 0
    resumed: int = 0
    stages: tuple[StageTime, ...] = ()
    total: StageTime | None = None
    wall: tuple[tuple[str, float, float], ...] = ()


def read_times(folder: Path, revision: str) -> Times:
    """The times beside a data set, if they are of this very revision."""
    path = timings_path(folder.absolute())
    if not path.is_file():
        return Times("There is no file of times beside this folder. A build writes one; a copy of the data has none.")
    try:
        found = read_object(path, LARGEST)
        if found["revision"] != revision:
            return Times("The file of times beside this folder belongs to another revision of the data.")
        return _times(found)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        return Times(f"The file of times beside this folder is damaged ({error!r}).")


def duration(seconds: float) -> str:
    """Seconds in words: ``4.2 s``, ``12 min``, ``5.3 h``."""
    if seconds < 90:
        return f"{seconds:.3g} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.3g} min"
    return f"{seconds / 3600:,.3g} h" if seconds < 3.6e6 else f"{seconds / 3600:,.0f} h"


def rate(value: float | None) -> str:
    """Shapes a second; a dash where no time was measured."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _times(found: Mapping[str, Any]) -> Times:
    shapes, workers, resumed = (int(found[key]) for key in ("shapes", "workers", "resumed"))
    seconds = {str(name): float(value) for name, value in found["worker_seconds"].items()}
    walls = {str(name): float(value) for name, value in found["wall_seconds"].items()}
    if shapes < 1 or not all(math.isfinite(value) and value >= 0 for value in [*seconds.values(), *walls.values()]):
        raise ValueError("its numbers make no sense")
    whole = sum(seconds.values())
    growth = MEDSHAPENET / shapes

    def stage(name: str, value: float) -> StageTime:
        return StageTime(
            name, value, value / whole if whole else 0.0, shapes / value if value else None, value * growth
        )

    wall = [*walls.items(), ("all", sum(walls.values()))]
    return Times(
        note="",
        workers=workers,
        shapes=shapes,
        resumed=resumed,
        stages=tuple(stage(name, value) for name, value in seconds.items()),
        total=stage("all stages", whole),
        wall=tuple((name, value, value * growth) for name, value in wall),
    )
