"""How long a build took: written beside the data set, because it is no part of the data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from medshape_text.files import replacing


@dataclass(frozen=True)
class Timings:
    """Of a build of the data set ``revision``.

    ``shapes`` counts those the source offered, ``resumed`` those of them that an earlier run had finished.
    ``wall_seconds`` are of this run's phases, ``worker_seconds`` of every stage, summed over all workers and runs.
    """

    revision: str
    workers: int
    shapes: int
    resumed: int
    wall_seconds: Mapping[str, float]
    worker_seconds: Mapping[str, float]


def timings_path(folder: Path) -> Path:
    """Where the timings of the data set ``folder`` are: ``<folder>.timings.json``."""
    return folder.with_name(f"{folder.name}.timings.json")


def write_timings(folder: Path, timings: Timings) -> None:
    """Write them, seconds rounded to hundredths."""
    values = asdict(timings)
    for name in ("wall_seconds", "worker_seconds"):
        values[name] = {step: round(seconds, 2) for step, seconds in values[name].items()}
    with replacing(timings_path(folder)) as stream:
        stream.write((json.dumps(values, indent=1) + "\n").encode())
