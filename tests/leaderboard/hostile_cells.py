"""Reading and writing the predictions of a submission, for those who spoil them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmark.spaces import SDF, to_stored
from leaderboard.submission.predictions import schema_of
from medshape_text.hashing import sha256

SCHEMA = schema_of({"shape": SDF})
Cells = list[tuple[str, np.ndarray]]
OPTIONS = {"compression": "zstd", "use_dictionary": False, "write_statistics": False}


def shapes_of(folder: Path) -> dict[str, np.ndarray]:
    """Case -> volume."""
    rows = pq.read_table(folder / "predictions.parquet").to_pylist()
    return {row["case"]: np.frombuffer(row["shape"], "<f2").reshape(64, 64, 64).astype(np.float32) for row in rows}


def cells_of(folder: Path) -> list[tuple[str, bytes]]:
    """(case, bytes) in order."""
    return [(row["case"], row["shape"]) for row in pq.read_table(folder / "predictions.parquet").to_pylist()]


def rewrite(folder: Path, edit: Callable[[Cells], Sequence[tuple[str, np.ndarray]]]) -> None:
    """Edit the volumes; they are stored as a runner would."""
    edited = edit(list(shapes_of(folder).items()))
    cells = [(case, to_stored(np.asarray(sdf, np.float32), SDF).tobytes()) for case, sdf in edited]
    write_cells(folder, cells)


def write_cells(folder: Path, cells: Sequence[tuple[str, bytes]], **options: object) -> None:
    """Write bytes as they are, with hashes that fit."""
    rows = [{"case": case, "sha256": sha256(cell), "shape": cell} for case, cell in cells]
    pq.write_table(pa.Table.from_pylist(rows, SCHEMA), folder / "predictions.parquet", **{**OPTIONS, **options})
