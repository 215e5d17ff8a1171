"""Finished work on disk, found again by content: one Arrow file per shape, whole or absent."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from medshape_text.files import replacing
from medshape_text.hashing import canonical_json, sha256
from medshape_text.pipeline import Dropped, Source


@dataclass(frozen=True)
class Store:
    """Results in a folder, one file each, named by :meth:`key`."""

    folder: Path

    def key(self, source: Source, shape_id: str) -> str:
        """Hash of the input and of every stage's name, version and parameters."""
        stages = [stage.declaration() for stage in source.stages]
        return sha256(canonical_json({"id": shape_id, "input": source.fingerprint(shape_id), "stages": stages}))

    def has(self, key: str) -> bool:
        """Whether the work is done, kept or dropped."""
        return self._row(key).exists() or self._drop(key).exists()

    def put_row(self, key: str, row: Mapping[str, Any]) -> None:
        """Keep the columns of a finished shape."""
        table = pa.Table.from_pylist([dict(row)])
        sink = pa.BufferOutputStream()
        with pa.ipc.new_file(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
            writer.write_table(table)
        with replacing(self._row(key)) as stream:
            stream.write(sink.getvalue())

    def put_drop(self, key: str, drop: Dropped) -> None:
        """Keep the reason why a shape was dropped."""
        with replacing(self._drop(key)) as stream:
            stream.write(canonical_json(asdict(drop)))

    def get_drop(self, key: str) -> Dropped | None:
        """The drop, or None where the shape was kept."""
        path = self._drop(key)
        return Dropped(**json.loads(path.read_bytes())) if path.exists() else None

    def get_row(self, key: str, columns: Sequence[str]) -> dict[str, Any]:
        """Some columns of a finished shape."""
        with pa.memory_map(str(self._row(key))) as stream:
            reader = pa.ipc.open_file(stream)
            indices = sorted(reader.schema.get_field_index(name) for name in columns)
            row: dict[str, Any] = pa.ipc.open_file(
                stream, options=pa.ipc.IpcReadOptions(included_fields=indices)
            ).read_all().to_pylist()[0]  # fmt: skip
        return row

    def _row(self, key: str) -> Path:
        return self.folder / f"{key}.arrow"

    def _drop(self, key: str) -> Path:
        return self.folder / f"{key}.dropped.json"
