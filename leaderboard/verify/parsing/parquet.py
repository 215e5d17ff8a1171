"""Predictions in Parquet: the footer has to be plausible before a value is decoded.

A row is ``case`` (string), ``sha256`` (string, of the bytes of the cell), ``sdf`` (binary, `CELL_BYTES` of them).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from leaderboard.verify.parsing.frames import CELL_BYTES, FaultError

_MAGIC, _ENCRYPTED = b"PAR1", b"PARE"
_TEXT = (pa.string(), pa.large_string())
_TYPES = {
    "case": _TEXT,
    "sha256": _TEXT,
    "sdf": (pa.binary(), pa.large_binary(), pa.binary(CELL_BYTES)),
}
_COMPRESSIONS = ("ZSTD", "SNAPPY", "UNCOMPRESSED")
_ENCODINGS = {"PLAIN", "RLE", "BIT_PACKED"}
"""What cells may be encoded as; a dictionary would let few bytes stand for many cells."""
_ROW_OVERHEAD, _CHUNK_OVERHEAD = 64, 2**16
_LONGEST_NAME = 1000
_ROWS_AT_ONCE = 4


def cells(source: BinaryIO, most: int, footer_bytes: int) -> Iterator[tuple[str, bytes]]:
    """Case and cell of every row, in the order of the file.

    Args:
        source: the file, seekable.
        most: rows there may be.
        footer_bytes: the footer may have.

    Raises:
        FaultError: with the reason why the file is refused.
    """
    _check_ends(source, footer_bytes)
    try:
        file = pq.ParquetFile(
            source, memory_map=False, thrift_string_size_limit=footer_bytes, thrift_container_size_limit=100_000,
            page_checksum_verification=True, arrow_extensions_enabled=False,
        )  # fmt: skip
        _check_footer(file, most)
        for batch in file.iter_batches(batch_size=_ROWS_AT_ONCE, columns=list(_TYPES), use_threads=False):
            for row in batch.to_pylist():
                yield _row(row)
    except MemoryError:
        raise
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise FaultError("parquet-damaged", f"the Parquet file does not decode: {_told(error)}") from None


def _check_ends(source: BinaryIO, footer_bytes: int) -> None:
    size = source.seek(0, 2)
    source.seek(max(0, size - 8))
    tail = source.read(8)
    source.seek(0)
    head = source.read(4)
    if _ENCRYPTED in (head, tail[4:]):
        raise FaultError("parquet-encrypted", "the Parquet file is encrypted")
    if size < 12 or head != _MAGIC or tail[4:] != _MAGIC:
        raise FaultError("parquet-not-parquet", "the file of predictions is no Parquet file")
    footer = int.from_bytes(tail[:4], "little")
    if footer > footer_bytes or footer > size - 12:
        raise FaultError("parquet-footer", f"a footer of {footer} bytes is declared in a file of {size}")
    source.seek(0)


def _check_footer(file: Any, most: int) -> None:  # noqa: ANN401 - pyarrow has no types
    metadata, schema = file.metadata, file.schema_arrow
    if metadata.num_columns != len(_TYPES) or list(schema.names) != list(_TYPES):
        names = ascii(list(schema.names[:5]))
        raise FaultError("parquet-columns", f"{metadata.num_columns} columns, the first ones {names:.200}")
    for field in schema:
        if field.type not in _TYPES[field.name]:
            raise FaultError("parquet-types", f"column {field.name} is of type {str(field.type)!a:.100}")
        if any(not key.startswith(b"PARQUET:") for key in field.metadata or {}):
            raise FaultError("parquet-types", f"column {field.name} has an extension type")
    if not 0 <= metadata.num_rows <= most:
        raise FaultError("parquet-rows", f"{metadata.num_rows} rows, there are {most} cases")
    if metadata.num_row_groups > most + 1:
        raise FaultError("parquet-rows", f"{metadata.num_row_groups} groups of rows for {most} cases")
    for group in range(metadata.num_row_groups):
        _check_group(metadata.row_group(group))


def _check_group(group: Any) -> None:  # noqa: ANN401
    for index, name in enumerate(_TYPES):
        chunk = group.column(index)
        if chunk.compression not in _COMPRESSIONS:
            raise FaultError("parquet-compression", f"column {name} is compressed with {chunk.compression}")
        width = CELL_BYTES if name == "sdf" else _LONGEST_NAME
        if chunk.total_uncompressed_size > group.num_rows * (width + _ROW_OVERHEAD) + _CHUNK_OVERHEAD:
            raise FaultError(
                "parquet-declared-size",
                f"column {name} unpacks to {chunk.total_uncompressed_size} bytes for {group.num_rows} rows",
            )
        if name == "sdf" and not set(chunk.encodings) <= _ENCODINGS:
            raise FaultError("parquet-encoding", f"column sdf is encoded as {', '.join(chunk.encodings)}")


def _row(row: dict[str, Any]) -> tuple[str, bytes]:
    case, digest, cell = row["case"], row["sha256"], row["sdf"]
    if case is None or digest is None or cell is None:
        raise FaultError("parquet-null", "a row has a missing value")
    if len(case) > _LONGEST_NAME:
        raise FaultError("case-unknown", f"a row is about a case with a name of {len(case)} characters")
    if len(cell) != CELL_BYTES:
        raise FaultError("cell-size", f"the prediction of {case!a} has {len(cell)} bytes, not {CELL_BYTES}")
    if hashlib.sha256(cell).hexdigest() != digest:
        raise FaultError("cell-hash", f"the prediction of {case!a} has another sha256 than the row says")
    return case, cell


def _told(error: Exception) -> str:
    lines = str(error).splitlines() or [type(error).__name__]
    return ascii(lines[0])[:200]
