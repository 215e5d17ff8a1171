"""Rows of a data-set folder, read from its Parquet files as they are asked for.

`medshape_text.load` would serve too, but ``datasets`` copies every file it loads into a cache keyed by the
*name* of the folder and its card, so a data set that was rebuilt, or another one of the same name, could
be scored from a stale copy. Here the files themselves are read, after checking them against the manifest.
"""

from __future__ import annotations

import bisect
import hashlib
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from benchmark.data.recent import Recent
from benchmark.errors import DataError
from benchmark.names import unknown
from medshape_text import DatasetError, manifest
from medshape_text.records import CONFIGS, HEAVY_COLUMNS, SPLITS


CACHE_BYTES = 512 * 2**20
"""Uncompressed geometry kept in memory; the training volumes of mini are 300 MiB."""


class Rows:
    """One configuration and split of a data-set folder.

    Rows lie compressed in groups of 32. The groups read most recently are kept, up to `CACHE_BYTES`, so a
    small data set is read once, and of a large one reading in order is fastest.
    """

    def __init__(self, folder: Path, config: str, split: str, columns: Sequence[str] | None = None) -> None:
        """Open the files of a configuration and split and check their sha256.

        Args:
            folder: of the data set.
            config: "shapes", "sdf64", "surface" or "mesh".
            split: "train", "validation" or "test".
            columns: the geometry columns to read, by default all of the configuration.

        Raises:
            UnknownNameError: for a split or configuration nobody has.
            DataError: if the folder is no data set of this schema version, has no such split, or a file is
                missing or differs from the manifest.
        """
        for kind, name, known in (("configuration", config, CONFIGS), ("split", split, SPLITS)):
            if name not in known:
                raise unknown(kind, name, known)
        files = read_manifest(folder)["files"]
        names = sorted(name for name in files if name.startswith(f"{config}/{split}-"))
        if not names:
            raise DataError(f"the data set {folder} has no split {split!r}")
        for name in names:
            check_file(folder / name, files[name]["sha256"])
        self._heavy = list(HEAVY_COLUMNS[config])
        self._wanted = self._heavy if columns is None else list(columns)
        try:
            self._files = [pq.ParquetFile(folder / name, memory_map=True) for name in names]
        except (OSError, pa.ArrowException) as error:
            raise DataError(f"cannot read the data set {folder}: {error}") from error
        # (file, group) of every row group, and the index of the row after its last one.
        self._groups = [(f, g) for f, file in enumerate(self._files) for g in range(file.num_row_groups)]
        self._ends: list[int] = []
        for f, g in self._groups:
            rows = self._files[f].metadata.row_group(g).num_rows
            self._ends.append((self._ends[-1] if self._ends else 0) + rows)
        self._recent: Recent[list[dict[str, Any]]] = Recent(CACHE_BYTES)

    def __len__(self) -> int:
        """Number of rows."""
        return self._ends[-1] if self._ends else 0

    @cached_property
    def light(self) -> Sequence[dict[str, Any]]:
        """Every row without its geometry."""
        rows: list[dict[str, Any]] = []
        for file in self._files:
            columns = [name for name in file.schema_arrow.names if name not in self._heavy]
            rows += file.read(columns=columns).to_pylist()
        return rows

    def heavy(self, index: int) -> dict[str, Any]:
        """The geometry columns of one row, undecoded."""
        if not 0 <= index < len(self):
            raise IndexError(f"row {index} of {len(self)}")
        group = bisect.bisect_right(self._ends, index)
        f, g = self._groups[group]
        size = self._files[f].metadata.row_group(g).total_byte_size
        rows = self._recent.get(group, lambda: self._read(f, g), size)
        return rows[index - (self._ends[group - 1] if group else 0)]

    def _read(self, file: int, group: int) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self._files[file].read_row_group(group, columns=self._wanted).to_pylist()
        return rows


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a data set of this schema version.

    Raises:
        DataError: in one sentence.
    """
    try:
        return manifest.read(folder)
    except DatasetError as error:
        raise DataError(str(error)) from error
    except OSError as error:
        raise DataError(f"cannot read the data set {folder}: {error.strerror or error}") from error


def identity_of(folder: Path) -> tuple[str, str]:
    """Revision of a data set of this schema version, and SHA-256 of its manifest.

    Raises:
        DataError: in one sentence.
    """
    revision = str(read_manifest(folder)["revision"])
    return revision, hashlib.sha256((folder / manifest.MANIFEST).read_bytes()).hexdigest()


def check_file(path: Path, expected: str) -> None:
    """Raise `DataError` unless a file has this sha256."""
    try:
        with path.open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error
    if found != expected:
        raise DataError(
            f"{path} is damaged: it differs from the manifest. Delete the folder and build the data set anew"
        )
