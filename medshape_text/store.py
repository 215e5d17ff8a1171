"""Finished work on disk, found again by content: one Arrow file per batch of shapes, whole or absent."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from medshape_text import records
from medshape_text.files import replacing
from medshape_text.hashing import canonical_json, sha256
from medshape_text.pipeline import Dropped, Source

BATCH = 32
"""Shapes per batch: what is lost when a worker is killed, and what is read at a time when the data set is written."""

_DROPS = b"dropped"


@dataclass(frozen=True)
class Batch:
    """Some shapes that are worked on together; ``key`` is the hash of all that decides their result."""

    key: str
    ids: tuple[str, ...]


def batches(source: Source, size: int = BATCH) -> list[Batch]:
    """The shapes of a source in order, in batches, each with the hash of its inputs and of every stage."""
    ids = list(source.ids())
    stages = sha256(canonical_json([stage.declaration() for stage in source.stages]))
    found = []
    for start in range(0, len(ids), size):
        part = tuple(ids[start : start + size])
        inputs = [[shape_id, source.fingerprint(shape_id)] for shape_id in part]
        found.append(Batch(sha256(canonical_json({"inputs": inputs, "stages": stages})), part))
    return found


@dataclass(frozen=True)
class Store:
    """Results in a folder, one file per batch, named by its key."""

    folder: Path

    def has(self, key: str) -> bool:
        """Whether a batch is done."""
        return self._path(key).exists()

    def put(self, key: str, rows: Sequence[Mapping[str, Any]], drops: Sequence[Dropped]) -> None:
        """Keep the finished shapes of a batch, in order, and the reasons why the others were dropped."""
        schema = _schema().with_metadata({_DROPS: canonical_json([asdict(drop) for drop in drops])})
        options = pa.ipc.IpcWriteOptions(compression=pa.Codec("zstd", compression_level=1), use_threads=False)
        with replacing(self._path(key)) as stream, pa.ipc.new_file(stream, schema, options=options) as writer:
            writer.write_table(pa.Table.from_pylist([dict(row) for row in rows], schema=schema))

    def drops(self, key: str) -> list[Dropped]:
        """The drops of a batch."""
        with pa.memory_map(str(self._path(key))) as stream:
            metadata = pa.ipc.open_file(stream).schema.metadata
        return [Dropped(**drop) for drop in json.loads(metadata[_DROPS])]

    def read(self, key: str, columns: Sequence[str]) -> pa.Table:
        """Some columns of the finished shapes of a batch, in order."""
        with pa.memory_map(str(self._path(key))) as stream:
            schema = pa.ipc.open_file(stream).schema
            indices = sorted(schema.get_field_index(name) for name in columns)
            options = pa.ipc.IpcReadOptions(included_fields=indices)
            return pa.ipc.open_file(stream, options=options).read_all().select(list(columns)).replace_schema_metadata()

    def read_all(self, keys: Sequence[str], columns: Sequence[str]) -> Iterator[pa.Table]:
        """The same of many batches, one after the other."""
        return (self.read(key, columns) for key in keys)

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.arrow"


def _schema() -> pa.Schema:
    fields = list(records.arrow_schema("shapes"))
    for config, heavy in records.HEAVY_COLUMNS.items():
        fields += [records.arrow_schema(config).field(name) for name in heavy]
    return pa.schema([*fields, pa.field(records.SIGNATURE, pa.list_(pa.float32()))])
