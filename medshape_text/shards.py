"""Parquet files that ``datasets`` loads without a script, the same bytes every time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from medshape_text import records
from medshape_text.files import sync

ROWS_PER_SHARD = 4096
ROWS_PER_GROUP = {"shapes": 1024, "sdf64": 32, "surface": 32, "mesh": 32}
"""Row groups are what a streaming reader fetches at a time: a few megabytes each."""
COMPRESSION = ("zstd", 6)

ReadRow = Callable[[str, Sequence[str]], dict[str, Any]]
"""Columns of one row, given its key."""


def declaration() -> dict[str, Any]:
    """What the manifest says about the writer."""
    return {
        "format": "parquet",
        "version": "1",
        "compression": list(COMPRESSION),
        "rows_per_shard": ROWS_PER_SHARD,
        "rows_per_group": dict(ROWS_PER_GROUP),
    }


@dataclass(frozen=True)
class Shard:
    """A written file: its path relative to the data set, and its number of rows."""

    path: str
    rows: int


def write_config(
    folder: Path, config: str, split: str, keys: Sequence[str], read: ReadRow, rows_per_shard: int = ROWS_PER_SHARD
) -> list[Shard]:
    """Write the rows of one configuration and split as ``<config>/<split>-00000-of-0000N.parquet``."""
    schema: pa.Schema = records.features(config).arrow_schema
    chunks = [keys[start : start + rows_per_shard] for start in range(0, len(keys), rows_per_shard)]
    (folder / config).mkdir(exist_ok=True)
    shards = []
    for number, chunk in enumerate(chunks):
        path = f"{config}/{split}-{number:05d}-of-{len(chunks):05d}.parquet"
        _write(folder / path, schema, chunk, read, ROWS_PER_GROUP[config], records.HEAVY_COLUMNS[config])
        shards.append(Shard(path, len(chunk)))
    return shards


def write_table(path: Path, rows: Sequence[dict[str, Any]], schema: pa.Schema) -> None:
    """A small table in one file."""
    with pq.ParquetWriter(path, schema, compression=COMPRESSION[0], compression_level=COMPRESSION[1]) as writer:
        writer.write_table(pa.Table.from_pylist(list(rows), schema=schema))
    sync(path)


def _write(path: Path, schema: pa.Schema, keys: Sequence[str], read: ReadRow, group: int, heavy: Sequence[str]) -> None:
    codec, level = COMPRESSION
    light = [name for name in schema.names if name not in heavy]  # a dictionary of large binaries helps nobody
    with pq.ParquetWriter(
        path, schema, compression=codec, compression_level=level, use_dictionary=light, write_statistics=light,
        write_page_index=True,
    ) as writer:  # fmt: skip
        for start in range(0, len(keys), group):
            rows = [read(key, schema.names) for key in keys[start : start + group]]
            writer.write_table(pa.Table.from_pylist(rows, schema=schema), row_group_size=group)
    sync(path)
