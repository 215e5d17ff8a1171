"""Parquet files that ``datasets`` loads without a script, the same bytes every time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from medshape_text import records
from medshape_text.codec.sdf import MAGIC, STEP
from medshape_text.files import sync

ROWS_PER_SHARD = 4096
ROWS_PER_GROUP = {"shapes": 1024, "sdf64": 32, "surface": 32, "mesh": 32}
"""Row groups are what a reader fetches at a time: one to two megabytes of geometry each."""
COMPRESSION = ("zstd", 9)
STORED_AS_IS = ("sdf", "points", "normals")
"""Columns that are compressed already or hardly can be: Parquet would only cost time."""


def declaration() -> dict[str, Any]:
    """What the manifest says about the writer."""
    return {
        "format": "parquet",
        "version": "2",
        "compression": list(COMPRESSION),
        "stored_as_is": list(STORED_AS_IS),
        "cells": {"sdf": f"version {MAGIC[3]}, steps of {STEP} units", "points": "int16", "normals": "int8"},
        "rows_per_shard": ROWS_PER_SHARD,
        "rows_per_group": dict(ROWS_PER_GROUP),
    }


@dataclass(frozen=True)
class Shard:
    """A written file: its path relative to the data set, and its number of rows."""

    path: str
    rows: int


def write_config(
    folder: Path, config: str, totals: Mapping[str, int], tables: Iterable[pa.Table],
    rows_per_shard: int = ROWS_PER_SHARD,
) -> list[Shard]:  # fmt: skip
    """Write one configuration as ``<config>/<split>-00000-of-0000N.parquet``, a row group in memory at a time.

    Args:
        folder: of the data set.
        config: one of :data:`medshape_text.records.CONFIGS`.
        totals: number of rows of each split; those with none get no file.
        tables: all rows in their order, of any splits, as the column ``split`` says. How they are divided into tables
            makes no difference to what is written.
        rows_per_shard: most rows of a file.

    Returns:
        The files, split by split.

    Raises:
        ValueError: if there are not as many rows as announced, or of an unannounced split.
    """
    (folder / config).mkdir(exist_ok=True)
    splits = {split: _Split(folder, config, split, total, rows_per_shard) for split, total in totals.items() if total}
    try:
        for table in tables:
            for split, rows in _by_split(table):
                if split not in splits:
                    raise ValueError(
                        f"{len(rows)} rows of {config} belong to the split {split!r}, which was to be empty"
                    )
                splits[split].add(rows)
        return [shard for files in splits.values() for shard in files.finish()]
    finally:
        for unfinished in splits.values():
            unfinished.close()


def write_table(path: Path, table: pa.Table) -> None:
    """A small table in one file."""
    with pq.ParquetWriter(path, table.schema, compression=COMPRESSION[0], compression_level=COMPRESSION[1]) as writer:
        writer.write_table(table)
    sync(path)


@dataclass
class _Split:
    """The files of one split while rows come in: full row groups are written, the rest waits in ``pending``."""

    folder: Path
    config: str
    name: str
    total: int
    rows_per_shard: int
    shards: list[Shard] = field(default_factory=list)
    pending: list[pa.Table] = field(default_factory=list)
    waiting: int = 0
    written: int = 0
    writer: pq.ParquetWriter | None = None

    def add(self, rows: pa.Table) -> None:
        self.pending.append(rows)
        self.waiting += len(rows)
        while self.waiting >= self._wanted():
            self._flush(self._wanted())

    def finish(self) -> list[Shard]:
        if self.waiting:
            self._flush(self.waiting)
        self._end_shard()
        found = sum(shard.rows for shard in self.shards)
        if found != self.total:
            raise ValueError(
                f"{found} rows of {self.config} came for the split {self.name}, {self.total} were announced"
            )
        return self.shards

    def close(self) -> None:
        if self.writer is not None:
            self.writer.close()
            self.writer = None

    def _wanted(self) -> int:
        """Rows of the next row group; a file does not end in the middle of one."""
        return min(ROWS_PER_GROUP[self.config], self.rows_per_shard - self.written)

    def _flush(self, count: int) -> None:
        table = pa.concat_tables(self.pending)
        group, rest = table.slice(0, count), table.slice(count)
        self.pending, self.waiting = ([rest], len(rest)) if len(rest) else ([], 0)
        if self.writer is None:
            self.writer = _open(self.folder / self._path(), self.config)
        self.writer.write_table(_as_written(group, self.config), row_group_size=count)
        self.written += count
        if self.written == self.rows_per_shard:
            self._end_shard()

    def _end_shard(self) -> None:
        if self.writer is None:
            return
        self.close()
        sync(self.folder / self._path())
        self.shards.append(Shard(self._path(), self.written))
        self.written = 0

    def _path(self) -> str:
        count = -(-self.total // self.rows_per_shard)
        return f"{self.config}/{self.name}-{len(self.shards):05d}-of-{count:05d}.parquet"


def _open(path: Path, config: str) -> pq.ParquetWriter:
    schema = records.features(config).arrow_schema
    heavy = records.HEAVY_COLUMNS[config]
    leaves = {column.name: list(_leaves(column)) for column in schema}
    light = [leaf for name, found in leaves.items() if name not in heavy for leaf in found]
    as_is = {leaf for name in STORED_AS_IS if name in leaves for leaf in leaves[name]}
    packed = [leaf for found in leaves.values() for leaf in found if leaf not in as_is]
    codec, level = COMPRESSION
    return pq.ParquetWriter(
        path, schema, compression=dict.fromkeys(packed, codec) | dict.fromkeys(as_is, "none"),
        compression_level=dict.fromkeys(packed, level), write_page_index=True,
        use_dictionary=light, write_statistics=light,  # neither helps with large binaries
    )  # fmt: skip


def _as_written(table: pa.Table, config: str) -> pa.Table:
    """The table under the schema that also tells ``datasets`` its features; in one piece, so that bytes do not vary."""
    return table.cast(records.arrow_schema(config)).combine_chunks().cast(records.features(config).arrow_schema)


def _leaves(column: pa.Field) -> Iterator[str]:
    """Parquet's names of the columns that a field becomes."""
    kind = column.type
    if pa.types.is_struct(kind):
        for child in kind:
            yield from (f"{column.name}.{leaf}" for leaf in _leaves(child))
    elif pa.types.is_list(kind):
        yield from (f"{column.name}.list.{leaf}" for leaf in _leaves(kind.value_field.with_name("element")))
    else:
        yield column.name


def _by_split(table: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    split = table.column("split").combine_chunks()
    for name in split.unique().to_pylist():
        yield name, table.filter(pc.equal(split, name))
