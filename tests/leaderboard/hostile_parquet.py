"""Hostile Parquet files."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from hostile import PARSED, Hostile, World, write
from hostile_cells import OPTIONS, SCHEMA, cells_of, write_cells

NAME = "predictions.parquet"
CELL = 2 * 64**3


def _table(make, **options):
    """Write another table; ``make`` gets the rows there were."""

    def spoil(folder: Path, _: World) -> None:
        table = make(pq.read_table(folder / NAME).to_pylist())
        pq.write_table(table, folder / NAME, **{**OPTIONS, **options})

    return spoil


def _cells(edit, **options):
    """Write other cells; ``edit`` gets a list of (case, bytes)."""

    def spoil(folder: Path, _: World) -> None:
        write_cells(folder, edit(cells_of(folder)), **options)

    return spoil


def _values(edit):
    """Write another first cell; ``edit`` gets its (64, 64, 64) float16 and changes it."""

    def change(cells):
        array = np.frombuffer(cells[0][1], "<f2").reshape(64, 64, 64).copy()
        edit(array)
        return [(cells[0][0], array.tobytes()), *cells[1:]]

    return _cells(change)


def _bytes(edit):
    def spoil(folder: Path, _: World) -> None:
        (folder / NAME).write_bytes(edit(bytearray((folder / NAME).read_bytes())))

    return spoil


def _encrypted(data):
    data[:4] = data[-4:] = b"PARE"
    return data


def _lying_footer(data):
    data[-8:-4] = (2**31 - 1).to_bytes(4, "little")
    return data


def _damaged(data):
    middle = len(data) // 2
    data[middle : middle + 64] = bytes(64)
    return data


def _columns(count):
    return lambda rows: pa.table({f"c{index}": pa.array([1]) for index in range(count)})


def _typed(field: str, kind: pa.DataType, value):
    """One column of another type, filled with a value."""

    def make(rows):
        columns = {name: pa.array([row[name] for row in rows], SCHEMA.field(name).type) for name in SCHEMA.names}
        columns[field] = pa.array([value] * len(rows), kind)
        return pa.table(columns)

    return make


class _Calls:
    def __reduce__(self):
        return (Path.touch, (Path("/tmp/hostile-was-here"),))  # noqa: S108 - never to be called


def _extension(rows):
    meta = {b"ARROW:extension:name": b"arrow.py_extension_type", b"ARROW:extension:metadata": pickle.dumps(_Calls())}
    fields = [field.with_metadata(meta) if field.name == "shape" else field for field in SCHEMA]
    return pa.Table.from_pylist(rows, pa.schema(fields))


def _nested(depth: int) -> pa.DataType:
    kind: pa.DataType = pa.int8()
    for _ in range(depth):
        kind = pa.list_(kind)
    return kind


def _described(rows):
    return pa.Table.from_pylist(rows, SCHEMA.with_metadata({"comment": "x" * 2**21}))


def _null(rows):
    return pa.Table.from_pylist([{**rows[0], "shape": None}, *rows[1:]], SCHEMA)


def _hash(rows):
    return pa.Table.from_pylist([{**rows[0], "sha256": "0" * 64}, *rows[1:]], SCHEMA)


def _many(rows):
    columns = {name: pa.array([rows[0][name][:1]] * 10**6, SCHEMA.field(name).type) for name in SCHEMA.names}
    return pa.table(columns)


def _long_name(cells):
    return [("x" * 2**20, cells[0][1]), *cells[1:]]


def _set(value):
    def edit(array):
        array[0, 0, 0] = value

    return edit


def _hollow(array):
    array[...] = 0.1


FILES = [
    Hostile("no Parquet", "predictions-invalid", "no Parquet file", write(NAME, b"hello, world"), PARSED),
    Hostile("an empty file", "predictions-invalid", "no Parquet file", write(NAME, b""), PARSED),
    Hostile("a footer of two gigabytes", "predictions-invalid", "a footer of", _bytes(_lying_footer), PARSED),
    Hostile(
        "a footer of five megabytes",
        "predictions-invalid",
        "a footer of",
        _table(_described, store_schema=True),
        PARSED,
    ),
    Hostile("encrypted", "predictions-invalid", "encrypted", _bytes(_encrypted), PARSED),
    Hostile("zeros in the middle", "predictions-invalid", "does not decode", _bytes(_damaged), PARSED),
    Hostile("5000 columns", "predictions-invalid", "5000 columns", _table(_columns(5000)), PARSED),
    Hostile("three other columns", "predictions-invalid", "columns", _table(_columns(3)), PARSED),
    Hostile(
        "cells as lists of floats",
        "predictions-invalid",
        "is of type",
        _table(_typed("shape", pa.list_(pa.float32()), [0.1])),
        PARSED,
    ),
    Hostile("cases as numbers", "predictions-invalid", "is of type", _table(_typed("case", pa.int64(), 1)), PARSED),
    Hostile(
        "cells nested 10 deep", "predictions-invalid", "is of type", _table(_typed("shape", _nested(10), None)), PARSED
    ),
    Hostile(
        "cells nested 60 deep",
        "predictions-invalid",
        "does not decode",
        _table(_typed("shape", _nested(60), None)),
        PARSED,
    ),
    Hostile(
        "an extension type that is a pickle",
        "predictions-invalid",
        "extension type",
        _table(_extension, store_schema=True),
        PARSED,
    ),
    Hostile(
        "packed with gzip", "predictions-invalid", "compressed with", _cells(lambda c: c, compression="gzip"), PARSED
    ),
    Hostile(
        "a dictionary of one cell",
        "predictions-invalid",
        "encoded as",
        _cells(lambda cells: [(case, cells[0][1]) for case, _ in cells], use_dictionary=["shape"]),
        PARSED,
    ),
    Hostile(
        "a gigabyte of zeros, packed",
        "predictions-invalid",
        "unpacks to",
        _cells(lambda cells: [(case, bytes(2**30 // len(cells))) for case, _ in cells]),
        PARSED,
    ),
    Hostile("a million rows of nothing", "predictions-invalid", "rows, there are", _table(_many), PARSED),
]
ROWS = [
    Hostile("a row without a cell", "predictions-invalid", "missing value", _table(_null), PARSED),
    Hostile(
        "a cell that is too short",
        "cell-invalid",
        "bytes, not",
        _cells(lambda c: [(c[0][0], c[0][1][:-2]), *c[1:]]),
        PARSED,
    ),
    Hostile("a cell of another hash", "cell-invalid", "another sha256", _table(_hash), PARSED),
    Hostile(
        "a case of no split",
        "predictions-invalid",
        "no case of this split",
        _cells(lambda c: [("x", c[0][1]), *c[1:]]),
        PARSED,
    ),
    Hostile(
        "a case called like a path",
        "predictions-invalid",
        "no case of this split",
        _cells(lambda c: [("../../x", c[0][1]), *c[1:]]),
        PARSED,
    ),
    Hostile("a case with a name of a megabyte", "predictions-invalid", "unpacks to", _cells(_long_name), PARSED),
    Hostile(
        "two cells of one case",
        "predictions-invalid",
        "two predictions",
        _cells(lambda c: [c[0], c[0], *c[2:]]),
        PARSED,
    ),
    Hostile(
        "cells in another order",
        "predictions-invalid",
        "not where it should be",
        _cells(lambda c: [*c[1:], c[0]]),
        PARSED,
    ),
    Hostile("a cell with NaN", "cell-invalid", "not finite", _values(_set(np.nan)), PARSED),
    Hostile("a cell with infinity", "cell-invalid", "not finite", _values(_set(-np.inf)), PARSED),
    Hostile("a cell with 60,000", "cell-invalid", "beyond the truncation", _values(_set(6e4)), PARSED),
    Hostile("a cell with minus zero", "cell-invalid", "negative zeros", _values(_set(-0.0)), PARSED),
    Hostile("a cell with nothing inside", "cell-invalid", "no voxel inside", _values(_hollow), PARSED),
]
CORPUS = [*FILES, *ROWS]
