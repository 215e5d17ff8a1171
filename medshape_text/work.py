"""Batches of shapes: what a worker does with one, and finished ones on disk, found again by content.

There is one Arrow file for each batch, whole or absent.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from medshape_text import records, shards
from medshape_text.engine import Begin, Fault, Limits
from medshape_text.files import replacing
from medshape_text.hashing import canonical_json, sha256
from medshape_text.manifest import SCHEMA_VERSION
from medshape_text.one_thread import one_thread
from medshape_text.pipeline import Dropped, Source, process

BATCH = 32
"""Shapes per batch: what is lost when a worker is killed, and what is read at a time when the data set is written."""
GIVEN_UP = "worker"
"""The stage that a drop names when a shape took its worker down: which one it was is not known."""

_FORMAT = 2
"""Of the files here."""
_DROPS, _LIMITS = b"dropped", b"limits"
_MOST_WAITING = 2**25
"""Bytes of meshes that may wait for being written, so that a batch of large ones does not fill a worker's memory."""
ENCODE = "encode"
"""What the time is called that geometry takes to become bytes."""
_OUT_OF_MEMORY = "out-of-memory"


@dataclass(frozen=True)
class Batch:
    """Some shapes that are worked on together; ``key`` is the hash of all that decides their result."""

    key: str
    ids: tuple[str, ...]


def batches(source: Source, size: int = BATCH) -> list[Batch]:
    """The shapes of a source in order, in batches, each with the hash of its inputs, of every stage and of the form."""
    ids = list(source.ids())
    stages = sha256(canonical_json([stage.declaration() for stage in source.stages]))
    form = [_FORMAT, SCHEMA_VERSION, shards.declaration()["cells"]]
    found = []
    for start in range(0, len(ids), size):
        part = tuple(ids[start : start + size])
        inputs = [[shape_id, source.fingerprint(shape_id)] for shape_id in part]
        found.append(Batch(sha256(canonical_json({"inputs": inputs, "stages": stages, "form": form})), part))
    return found


@dataclass(frozen=True)
class Store:
    """Results in a folder, one file per batch, named by its key."""

    folder: Path

    def has(self, key: str, limits: Limits) -> bool:
        """Whether a batch is done, and none of its shapes was given up under other limits than these."""
        if not self._path(key).exists():
            return False
        drops, found = self._ending(key)
        return found == asdict(limits) or all(drop.stage != GIVEN_UP for drop in drops)

    def put(self, key: str, results: Iterable[Mapping[str, Any] | Dropped], limits: Limits) -> None:
        """Keep what became of the shapes of a batch, in order: rows of the finished ones, or why they were dropped."""
        schema = _schema()
        options = pa.ipc.IpcWriteOptions(compression=pa.Codec("zstd", compression_level=1), use_threads=False)
        drops: list[Dropped] = []
        waiting: list[dict[str, Any]] = []
        with replacing(self._path(key)) as stream, pa.ipc.new_file(stream, schema, options=options) as writer:
            for result in results:
                if isinstance(result, Dropped):
                    drops.append(result)
                    continue
                waiting.append(dict(result))
                if sum(len(row["mesh"]["bytes"]) for row in waiting) > _MOST_WAITING:
                    writer.write_table(pa.Table.from_pylist(waiting, schema=schema))
                    waiting.clear()
            writer.write_table(pa.Table.from_pylist(waiting, schema=schema))
            ending = {_DROPS: canonical_json([asdict(drop) for drop in drops]), _LIMITS: canonical_json(asdict(limits))}
            nothing = pa.RecordBatch.from_pylist([], schema=schema)
            writer.write_batch(nothing, custom_metadata=pa.KeyValueMetadata(ending))

    def drops(self, key: str) -> list[Dropped]:
        """The drops of a batch."""
        return self._ending(key)[0]

    def read(self, key: str, columns: Sequence[str]) -> pa.Table:
        """Some columns of the finished shapes of a batch, in order."""
        with pa.memory_map(str(self._path(key))) as stream:
            schema = pa.ipc.open_file(stream).schema
            indices = sorted(schema.get_field_index(name) for name in columns)
            options = pa.ipc.IpcReadOptions(included_fields=indices)
            found = pa.ipc.open_file(stream, options=options).read_all()
            return found.select(list(columns)).replace_schema_metadata().combine_chunks()

    def read_all(self, keys: Sequence[str], columns: Sequence[str]) -> Iterator[pa.Table]:
        """The same of many batches, one after the other."""
        return (self.read(key, columns) for key in keys)

    def _ending(self, key: str) -> tuple[list[Dropped], dict[str, Any]]:
        """What the last record batch says: the drops, and the limits they were made under."""
        with pa.memory_map(str(self._path(key))) as stream:
            reader = pa.ipc.open_file(stream)
            said = reader.get_batch_with_custom_metadata(reader.num_record_batches - 1).custom_metadata
            return [Dropped(**drop) for drop in json.loads(said[_DROPS])], json.loads(said[_LIMITS])

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.arrow"


def _schema() -> pa.Schema:
    fields = list(records.arrow_schema("shapes"))
    for config, heavy in records.HEAVY_COLUMNS.items():
        fields += [records.arrow_schema(config).field(name) for name in heavy]
    return pa.schema([*fields, pa.field(records.SIGNATURE, pa.list_(pa.float32()))])


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
