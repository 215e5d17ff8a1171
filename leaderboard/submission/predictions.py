"""``predictions.parquet``: a row a prediction, the bytes of its volume as scores are computed on them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmark.contract import Volume
from medshape_text.hashing import sha256

SCHEMA = pa.schema([("case", pa.string()), ("sha256", pa.string()), ("sdf", pa.binary())])
"""Case id; SHA-256 (hex) of the volume's bytes; those: 64 x 64 x 64 little-endian float16, last index fastest."""
ROWS_PER_GROUP = 16
"""8 MiB unpacked: what a reader needs at a time."""
_LEVEL = 9


def write_predictions(path: Path, predictions: Iterable[tuple[str, Volume]]) -> int:
    """Write case ids and their stored volumes (`benchmark.records.stored_form`) in the order given; say how many.

    The same predictions give the same bytes with one version of pyarrow.

    Raises:
        OSError: when the disk refuses.
    """
    options = {"compression": "zstd", "compression_level": _LEVEL, "use_dictionary": False, "write_statistics": False}
    count = 0
    with pq.ParquetWriter(path, SCHEMA, store_schema=False, **options) as writer:
        for group in _groups(predictions):
            raws = [sdf.astype("<f2").tobytes() for _, sdf in group]
            columns = [[case.encode() for case, _ in group], [sha256(raw).encode() for raw in raws], raws]
            arrays = [_array(field.type, values) for field, values in zip(SCHEMA, columns, strict=True)]
            writer.write_table(pa.Table.from_arrays(arrays, schema=SCHEMA))
            count += len(group)
    return count


def _groups(predictions: Iterable[tuple[str, Volume]]) -> Iterator[list[tuple[str, Volume]]]:
    rest = iter(predictions)
    while group := list(islice(rest, ROWS_PER_GROUP)):
        yield group


def _array(kind: pa.DataType, values: list[bytes]) -> pa.Array:
    """A column of text or bytes. Made of its buffers because ``pa.array`` imports pandas, which takes two seconds."""
    ends = np.cumsum([0, *map(len, values)], dtype="<i4")
    buffers = [None, pa.py_buffer(ends.tobytes()), pa.py_buffer(b"".join(values))]
    return pa.Array.from_buffers(kind, len(values), buffers)
