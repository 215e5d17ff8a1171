"""What a worker does: the shapes of one batch through all stages, the results into the store."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medshape_text import records
from medshape_text.engine import Begin, Fault, Limits
from medshape_text.files import replacing
from medshape_text.one_thread import one_thread
from medshape_text.pipeline import Dropped, Source, process
from medshape_text.store import GIVEN_UP, Batch, Store

ENCODE = "encode"
"""What the time is called that geometry takes to become bytes."""
_OUT_OF_MEMORY = "out-of-memory"


@dataclass(frozen=True)
class Work:
    """The task of a build (see `medshape_text.engine`): batches by their number in ``batches``."""

    source: Source
    store: Store
    batches: tuple[Batch, ...]
    limits: Limits

    def __call__(self, batch: int, given_up: Mapping[str, Fault], begin: Begin) -> None:
        """Curate one batch; shapes that were given up become drops.

        Raises:
            MemoryError: at a shape; a new worker may have enough for it.
            OSError: if something could not be read or written.
        """
        wanted = self.batches[batch]
        with one_thread():
            self.store.put(wanted.key, self._results(wanted, given_up, begin), self.limits)

    def _results(
        self, wanted: Batch, given_up: Mapping[str, Fault], begin: Begin
    ) -> Iterator[Mapping[str, Any] | Dropped]:
        clock = Counter[str]()
        for shape_id in wanted.ids:
            begin(shape_id)
            fault = given_up.get(shape_id)
            if fault is not None:
                yield Dropped(shape_id, GIVEN_UP, fault.reason, fault.detail)
                continue
            result = process(self.source, shape_id, clock)
            if isinstance(result, Dropped):
                if result.reason == _OUT_OF_MEMORY:  # what this worker did before must not decide
                    raise MemoryError(result.detail)
                yield result
                continue
            began = time.perf_counter()
            row = records.to_row(result)
            clock[ENCODE] += round(1e6 * (time.perf_counter() - began))
            yield row
        begin("")  # what follows is no shape's fault
        _write_times(self.store.folder / f"{wanted.key}.times", clock)


def _write_times(path: Path, clock: Counter[str]) -> None:
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
