"""What a worker does: the shapes of one batch through all stages, the results into the store."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from medshape_text import records
from medshape_text.engine import Begin, Fault
from medshape_text.files import replacing
from medshape_text.one_thread import one_thread
from medshape_text.pipeline import Dropped, Source, process
from medshape_text.store import Batch, Store

ENCODE = "encode"
"""What the time is called that geometry takes to become bytes."""
CRASHED = "worker"
"""The stage that a drop names when a shape took its worker down: which one it was is not known."""


@dataclass(frozen=True)
class Work:
    """The task of a build (see `medshape_text.engine`): batches by their number in ``batches``."""

    source: Source
    store: Store
    batches: tuple[Batch, ...]

    def __call__(self, batch: int, given_up: Mapping[str, Fault], begin: Begin) -> None:
        """Curate one batch; shapes that were given up become drops."""
        rows, drops, clock = [], [], Counter[str]()
        wanted = self.batches[batch]
        with one_thread():
            for shape_id in wanted.ids:
                begin(shape_id)
                fault = given_up.get(shape_id)
                if fault is not None:
                    drops.append(Dropped(shape_id, CRASHED, fault.reason, fault.detail))
                    continue
                result = process(self.source, shape_id, clock)
                if isinstance(result, Dropped):
                    drops.append(result)
                else:
                    began = time.perf_counter()
                    rows.append(records.to_row(result))
                    clock[ENCODE] += round(1e6 * (time.perf_counter() - began))
        _add_times(self.store.folder / f"{wanted.key}.times", clock)
        self.store.put(wanted.key, rows, drops)


def _add_times(path: Path, clock: Counter[str]) -> None:
    with replacing(path) as stream:
        stream.write(json.dumps(clock).encode())


def total_times(folder: Path, keys: set[str]) -> dict[str, float]:
    """Seconds of every stage over all batches that were worked on since the work folder was made."""
    total = Counter[str]()
    for key in keys:
        path = folder / f"{key}.times"
        if path.exists():
            total.update(json.loads(path.read_bytes()))
    return {stage: microseconds / 1e6 for stage, microseconds in total.items()}
