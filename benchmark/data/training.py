"""The training split as a method's ``fit`` sees it: facts at hand, volumes and meshes read when asked for."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmark.contract import Volume
from benchmark.data.rows import Rows, read_manifest
from benchmark.data.shapes import prompt_texts
from medshape_text import decode_mesh, decode_sdf


class ShapeTrainingData:
    """Shapes to learn from (implements `benchmark.contract.TrainingData`).

    Data sets of any size fit into memory; see `benchmark.data.rows.Rows` for what is kept.
    """

    def __init__(self, folder: Path, split: str = "train") -> None:
        """Open a split of a data set.

        Raises:
            DataError: if the folder is no data set of this schema version, or has no such split.
        """
        self.revision: str = str(read_manifest(folder)["revision"])
        self._folder, self._split = folder, split
        self._sdfs = Rows(folder, "sdf64", split, ("sdf",))
        light = self._sdfs.light
        self.ids: Sequence[str] = [str(row["id"]) for row in light]
        self.subjects: Sequence[str] = [str(row["subject"]) for row in light]
        self.categories: Sequence[str] = [str(row["category"]) for row in light]
        self.origins: Sequence[str] = [str(row["origin"]) for row in light]
        self.texts: Sequence[Sequence[str]] = [prompt_texts(row) for row in light]

    def __len__(self) -> int:
        """Number of shapes."""
        return len(self.ids)

    def sdf(self, index: int) -> Volume:
        """Mesh SDF of one shape: (64, 64, 64) float32, the caller's own."""
        return decode_sdf(self._sdfs.heavy(index))

    def mesh(self, index: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Canonical vertices (V, 3) and faces (F, 3); corresponding by vertex within a category and template."""
        return decode_mesh(self._meshes.heavy(self._mesh_index[self.ids[index]]))

    @cached_property
    def _meshes(self) -> Rows:
        return Rows(self._folder, "mesh", self._split)

    @cached_property
    def _mesh_index(self) -> dict[str, int]:
        return {str(row["id"]): index for index, row in enumerate(self._meshes.light)}
