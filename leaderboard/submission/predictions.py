"""``predictions.parquet``: a row a prediction, a column a part, the bytes of each as scores are computed on them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmark.contract import Prediction, Space
from benchmark.spaces import stored_bytes
from medshape_text.hashing import sha256

KEYS = ("case", "sha256")
"""Columns before those of the parts: case id; SHA-256 (hex) of all its parts' bytes, one after another."""
ROWS_PER_GROUP, BYTES_PER_GROUP = 16, 2**23
"""What a reader needs at a time; a group has at least one row, however large."""
_LEVEL = 9


def schema_of(outputs: Mapping[str, Space]) -> pa.Schema:
    """Columns of a file of predictions: a binary one for every part, in the order of a family's outputs.

    Raises:
        ValueError: if a part is called like one of `KEYS`.
    """
    if names := set(KEYS) & outputs.keys():
        raise ValueError(f"a part of a prediction cannot be called {names.pop()!r}")
    return pa.schema([*((name, pa.string()) for name in KEYS), *((name, pa.binary()) for name in outputs)])


def write_predictions(path: Path, outputs: Mapping[str, Space], predictions: Iterable[tuple[str, Prediction]]) -> int:
    """Write case ids and their checked predictions in the order given; say how many.

    The same predictions give the same bytes with one version of pyarrow.

    Raises:
        OSError: when the disk refuses.
    """
    options = {"compression": "zstd", "compression_level": _LEVEL, "use_dictionary": False, "write_statistics": False}
    schema = schema_of(outputs)
    count = 0
    with pq.ParquetWriter(path, schema, store_schema=False, **options) as writer:
        for group in _groups((case, stored_bytes(each, outputs)) for case, each in predictions):
            columns = [
                [case.encode() for case, _ in group],
                [sha256(b"".join(cells)).encode() for _, cells in group],
                *([cells[part] for _, cells in group] for part in range(len(outputs))),
            ]
            arrays = [_array(field.type, values) for field, values in zip(schema, columns, strict=True)]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
            count += len(group)
    return count


Row = tuple[str, list[bytes]]


def _groups(rows: Iterable[Row]) -> Iterator[list[Row]]:
    group: list[Row] = []
    size = 0
    for case, cells in rows:
        group.append((case, cells))
        size += sum(map(len, cells))
        if len(group) == ROWS_PER_GROUP or size >= BYTES_PER_GROUP:
            yield group
            group, size = [], 0
    if group:
        yield group


def _array(kind: pa.DataType, values: Sequence[bytes]) -> pa.Array:
    """A column of text or bytes. Made of its buffers because ``pa.array`` imports pandas, which takes two seconds."""
    ends = np.cumsum([0, *map(len, values)], dtype="<i4")
    buffers = [None, pa.py_buffer(ends.tobytes()), pa.py_buffer(b"".join(values))]
    return pa.Array.from_buffers(kind, len(values), buffers)
