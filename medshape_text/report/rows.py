"""Reading what lies with a data set, and may have been edited: tables a few columns at a time, and JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from medshape_text.manifest import DatasetError

TEXTS = ("id", "subject", "category", "super_class", "origin", "split", "source", "licence")
COLUMNS = (*TEXTS, "redistributable", "flags", "repairs")
"""The light columns that the page counts."""

Columns = dict[str, list[Any]]
"""Values by column name, all of the same length."""


def read_shapes(folder: Path) -> Columns:
    """The counted columns of all shapes, in the order of the files.

    Raises:
        DatasetError: if there are none, or a file cannot be read.
    """
    paths = parquet_files(folder, "shapes")
    if not paths:
        raise DatasetError(f"{folder} has no table of shapes (shapes/*.parquet).")
    columns: Columns = {name: [] for name in COLUMNS}
    for path in paths:
        with readable(path):
            table = pq.read_table(path, columns=list(COLUMNS))
            for name in COLUMNS:
                values = table.column(name).to_pylist()
                columns[name] += [value or "" for value in values] if name in TEXTS else values
    if not columns["id"]:
        raise DatasetError(f"{folder} has no shapes to report.")
    return columns


def parquet_files(folder: Path, config: str) -> list[Path]:
    """The files of a configuration in order."""
    return sorted((folder / config).glob("*.parquet"))


def read_table(path: Path) -> pa.Table | None:
    """A small table, or None if there is no such file.

    Raises:
        DatasetError: if the file cannot be read.
    """
    if not path.is_file():
        return None
    with readable(path):
        return pq.read_table(path)


def texts(table: pa.Table, names: Sequence[str], path: Path) -> list[list[str]]:
    """Columns of text of a table, in the wanted order.

    Raises:
        DatasetError: if one is missing.
    """
    with readable(path):
        return [[str(value) for value in table.column(name).to_pylist()] for name in names]


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turn what goes wrong when a Parquet file is read into one message.

    Raises:
        DatasetError: for a file that is damaged or lacks a column.
    """
    try:
        yield
    except (pa.ArrowException, OSError, KeyError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise DatasetError(
            f"{path} cannot be read ({reason}); medshape-build verify tells what else differs."
        ) from error


def read_object(path: Path, largest: int) -> dict[str, Any]:
    """The object in a file of at most ``largest`` bytes.

    Raises:
        ValueError: if there is more, or something else in it.
    """
    size = path.stat().st_size
    if size > largest:
        raise ValueError(f"{size} bytes are too large")
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    if not isinstance(found, dict):
        raise ValueError("it holds no object")
    return found
