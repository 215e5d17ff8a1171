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


HELD_OUT = ("validation", "test")


class ShapeTrainingData:
    """Shapes to learn from (implements `benchmark.contract.TrainingData`).

    They are those of the categories that are validated or tested on. A data set may hold others, of which it has
    one example each; nothing about them could be measured, and methods that fit one model per category could
    not learn it. Data sets of any size fit into memory; see `benchmark.data.rows.Rows` for what is kept.
    """

    def __init__(self, folder: Path, split: str = "train") -> None:
        """Open a split of a data set.

        Raises:
            DataError: if the folder is no data set of this schema version, or has no such split.
        """
        self.revision: str = str(read_manifest(folder)["revision"])
        self._folder, self._split = folder, split
        self._sdfs = Rows(folder, "sdf64", split, ("sdf",))
        tested = _tested_categories(folder) or {row["category"] for row in self._sdfs.light}
        self._places = [place for place, row in enumerate(self._sdfs.light) if row["category"] in tested]
        light = [self._sdfs.light[place] for place in self._places]
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
        return decode_sdf(self._sdfs.heavy(self._places[index]))

    def mesh(self, index: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Canonical vertices (V, 3) and faces (F, 3); corresponding by vertex within a category and template."""
        return decode_mesh(self._meshes.heavy(self._mesh_index[self.ids[index]]))

    @cached_property
    def _meshes(self) -> Rows:
        return Rows(self._folder, "mesh", self._split)

    @cached_property
    def _mesh_index(self) -> dict[str, int]:
        return {str(row["id"]): index for index, row in enumerate(self._meshes.light)}


def _tested_categories(folder: Path) -> set[str]:
    """Categories of the shapes that scores and choices are made on; empty if the data set has none."""
    files = read_manifest(folder)["files"]
    held_out = [split for split in HELD_OUT if any(name.startswith(f"shapes/{split}-") for name in files)]
    return {str(row["category"]) for split in held_out for row in Rows(folder, "shapes", split).light}
