"""The process that parses predictions: standard input is a Parquet file, standard output are frames.

A row is ``case`` (string), ``sha256`` (string, of the bytes of all its cells, one after another), and a binary cell for
every part, each of at most so many bytes. The footer has to be plausible before a value is decoded. A frame is a
length, that much JSON, and after the JSON of a row, which says how long they are, its cells. Nothing is pickled:
whoever reads frames must be safe from a process that a broken file has taken over. This file is run by its path and
imports nothing of ours.
"""

from __future__ import annotations

import hashlib
import json
import resource
import struct
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

INVALID, LIMITS, CELL = "predictions-invalid", "parser-limits", "cell-invalid"
"""All codes this process may give."""
_HEADER_BYTES = 2**14
"""Of the JSON of a frame, at most."""
_LENGTH = struct.Struct("<I")
_MAGIC, _ENCRYPTED = b"PAR1", b"PARE"
_TEXT = (pa.string(), pa.large_string())
_COMPRESSIONS = ("ZSTD", "SNAPPY", "UNCOMPRESSED")
_ENCODINGS = {"PLAIN", "RLE", "BIT_PACKED"}
"""What cells may be encoded as; a dictionary would let few bytes stand for many cells."""
_ROW_OVERHEAD, _CHUNK_OVERHEAD = 64, 2**16
_LONGEST_NAME = 1000
_ROWS_AT_ONCE, _BYTES_AT_ONCE = 4, 2**24


class Readable(Protocol):
    """Something bytes are read from."""

    def read(self, size: int, /) -> bytes:
        """So many bytes, or fewer where it ends."""
        ...


class FaultError(Exception):
    """Why the predictions are refused."""

    def __init__(self, code: str, detail: str) -> None:
        """Say what is wrong."""
        super().__init__(f"{code}: {detail}")
        self.code, self.detail = code, detail


@dataclass(frozen=True)
class Job:
    """What to parse within which limits: ``most`` rows, a footer of ``footer`` bytes, cells by the name of their part.

    ``parts``: name -> bytes that a cell may have at most.
    """

    most: int
    parts: dict[str, int]
    footer: int
    memory: int
    seconds: int


def main() -> None:
    """Parse what standard input is; the first argument is the JSON of a `Job`."""
    job = Job(**json.loads(sys.argv[1]))
    for what, limit in (
        (resource.RLIMIT_DATA, job.memory),
        (resource.RLIMIT_CPU, job.seconds),
        (resource.RLIMIT_FSIZE, 0),  # it has no file to write to
        (resource.RLIMIT_NOFILE, 64),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (limit, limit))
    answer = sys.stdout.buffer
    last: dict[str, object]
    count = 0
    try:
        for name, row in cells(sys.stdin.buffer, job):
            write_frame(answer, {"case": name, "sizes": [len(cell) for cell in row]}, *row)
            count += 1
    except FaultError as fault:
        last = {"refused": fault.code, "detail": fault.detail}
    except MemoryError:
        last = {"refused": LIMITS, "detail": "parsing takes more memory than it may"}
    else:
        last = {"end": count}
    write_frame(answer, {**last, "peak_mib": peak_mib()})
    answer.flush()


def cells(source: BinaryIO, job: Job) -> Iterator[tuple[str, list[bytes]]]:
    """Case and cells of every row, in the order of the file.

    Raises:
        FaultError: with the reason why the file is refused.
    """
    _check_ends(source, job.footer)
    try:
        file = pq.ParquetFile(
            source, memory_map=False, thrift_string_size_limit=job.footer, thrift_container_size_limit=100_000,
            page_checksum_verification=True, arrow_extensions_enabled=False,
        )  # fmt: skip
        types: dict[str, tuple[Any, ...]] = {"case": _TEXT, "sha256": _TEXT}
        for name, most in job.parts.items():  # of one length, which a schema can only say if it is a 32-bit number
            types[name] = (pa.binary(), pa.large_binary(), *([pa.binary(most)] if 0 < most < 2**31 else []))
        _check_footer(file, types, job)
        at_once = min(_ROWS_AT_ONCE, max(1, _BYTES_AT_ONCE // max(1, sum(job.parts.values()))))
        for batch in file.iter_batches(batch_size=at_once, columns=list(types), use_threads=False):
            for row in batch.to_pylist():
                yield _row(row, job.parts)
    except MemoryError:
        raise
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        lines = str(error).splitlines() or [type(error).__name__]
        raise FaultError(INVALID, f"the Parquet file does not decode: {ascii(lines[0])[:200]}") from None


def write_frame(stream: BinaryIO, header: Mapping[str, object], *row: bytes) -> None:
    """Write one frame."""
    text = json.dumps(header).encode()
    stream.write(_LENGTH.pack(len(text)) + text)
    for cell in row:
        stream.write(cell)


def read_header(stream: Readable) -> dict[str, object] | None:
    """The JSON of the next frame; None if the stream ended or there is no frame.

    The caller reads the cells that follow.
    """
    prefix = stream.read(_LENGTH.size)
    if len(prefix) != _LENGTH.size or _LENGTH.unpack(prefix)[0] > _HEADER_BYTES:
        return None
    text = stream.read(_LENGTH.unpack(prefix)[0])
    try:
        header = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return header if isinstance(header, dict) else None


def peak_mib(process: str = "self") -> float:
    """Peak resident memory of a running process in MiB, where the system tells (of ended ones it counts the parent's).

    0 where nobody tells.
    """
    try:
        status = Path(f"/proc/{process}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0.0
    values = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(values[0]) / 1024 if values else 0.0


def _check_ends(source: BinaryIO, footer_bytes: int) -> None:
    size = source.seek(0, 2)
    source.seek(max(0, size - 8))
    tail = source.read(8)
    source.seek(0)
    head = source.read(4)
    if _ENCRYPTED in (head, tail[4:]):
        raise FaultError(INVALID, "the Parquet file is encrypted")
    if size < 12 or head != _MAGIC or tail[4:] != _MAGIC:
        raise FaultError(INVALID, "the file of predictions is no Parquet file")
    footer = int.from_bytes(tail[:4], "little")
    if footer > footer_bytes or footer > size - 12:
        raise FaultError(INVALID, f"a footer of {footer} bytes is declared in a file of {size}")
    source.seek(0)


def _check_footer(file: Any, types: Mapping[str, tuple[Any, ...]], job: Job) -> None:  # noqa: ANN401 - not typed
    metadata, schema = file.metadata, file.schema_arrow
    if metadata.num_columns != len(types) or list(schema.names) != list(types):
        names = ascii(list(schema.names[:5]))
        raise FaultError(INVALID, f"{metadata.num_columns} columns, the first ones {names:.200}")
    for field in schema:
        if field.type not in types[field.name]:
            raise FaultError(INVALID, f"column {field.name} is of type {str(field.type)!a:.100}")
        if any(not key.startswith(b"PARQUET:") for key in field.metadata or {}):
            raise FaultError(INVALID, f"column {field.name} has an extension type")
    if not 0 <= metadata.num_rows <= job.most:
        raise FaultError(INVALID, f"{metadata.num_rows} rows, there are {job.most} cases")
    if metadata.num_row_groups > job.most + 1:
        raise FaultError(INVALID, f"{metadata.num_row_groups} groups of rows for {job.most} cases")
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        for index, name in enumerate(types):
            _check_chunk(group.column(index), name, group.num_rows, job.parts)


def _check_chunk(chunk: Any, name: str, rows: int, parts: Mapping[str, int]) -> None:  # noqa: ANN401
    if chunk.compression not in _COMPRESSIONS:
        raise FaultError(INVALID, f"column {name} is compressed with {chunk.compression}")
    width = parts.get(name, _LONGEST_NAME)
    if chunk.total_uncompressed_size > rows * (width + _ROW_OVERHEAD) + _CHUNK_OVERHEAD:
        raise FaultError(INVALID, f"column {name} unpacks to {chunk.total_uncompressed_size} bytes for {rows} rows")
    if name in parts and not set(chunk.encodings) <= _ENCODINGS:
        raise FaultError(INVALID, f"column {name} is encoded as {', '.join(chunk.encodings)}")


def _row(row: dict[str, Any], parts: Mapping[str, int]) -> tuple[str, list[bytes]]:
    case, digest, found = row["case"], row["sha256"], [row[name] for name in parts]
    if case is None or digest is None or None in found:
        raise FaultError(INVALID, "a row has a missing value")
    if len(case) > _LONGEST_NAME:
        raise FaultError(INVALID, f"a row is about a case with a name of {len(case)} characters")
    whole = hashlib.sha256()
    for (name, most), cell in zip(parts.items(), found, strict=True):
        if len(cell) > most:
            raise FaultError(CELL, f"{name} of {case!a} has {len(cell)} bytes, not {most} at most")
        whole.update(cell)
    if whole.hexdigest() != digest:
        raise FaultError(CELL, f"the prediction of {case!a} has another sha256 than the row says")
    return case, found


if __name__ == "__main__":
    main()
