"""The training split as a method's ``fit`` sees it: facts at hand, volumes and meshes read when asked for."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from benchmark.contract import Volume
from benchmark.data.shapes import light_rows, open_rows, open_shapes, prompt_texts
from medshape_text import decode_mesh, decode_sdf

if TYPE_CHECKING:
    import datasets

T = TypeVar("T")
CACHE_BYTES = 256 * 2**20
"""Decoded arrays kept per kind; a volume is one mebibyte. A data set of any size fits."""


class ShapeTrainingData:
    """Shapes to learn from (implements `benchmark.contract.TrainingData`).

    Reading in order is fastest. Returned arrays are read-only, because they are shared with later calls.
    """

    def __init__(self, folder: Path, split: str = "train") -> None:
        """Open a split of a data set.

        Raises:
            DataError: if the folder is no data set of this schema version, or has no such split.
        """
        self.revision: str = open_shapes(folder, split).revision
        self._folder, self._split = folder, split
        self._sdf_rows = open_rows(folder, "sdf64", split)
        light = light_rows(self._sdf_rows)
        self.ids: Sequence[str] = [str(row["id"]) for row in light]
        self.subjects: Sequence[str] = [str(row["subject"]) for row in light]
        self.categories: Sequence[str] = [str(row["category"]) for row in light]
        self.origins: Sequence[str] = [str(row["origin"]) for row in light]
        self.texts: Sequence[Sequence[str]] = [prompt_texts(row) for row in light]
        self._sdfs: _Recent[Volume] = _Recent(CACHE_BYTES, lambda sdf: sdf.nbytes)
        self._meshes: _Recent[Mesh] = _Recent(CACHE_BYTES, lambda mesh: mesh[0].nbytes + mesh[1].nbytes)

    def __len__(self) -> int:
        """Number of shapes."""
        return len(self.ids)

    def sdf(self, index: int) -> Volume:
        """Mesh SDF of one shape: (64, 64, 64) float32, read-only."""
        return self._sdfs.get(index, lambda: _frozen(decode_sdf(self._sdf_rows[index])))

    def mesh(self, index: int) -> Mesh:
        """Canonical vertices (V, 3) and faces (F, 3), read-only; corresponding by vertex within a category."""
        return self._meshes.get(index, lambda: self._read_mesh(index))

    def _read_mesh(self, index: int) -> Mesh:
        vertices, faces = decode_mesh(self._mesh_rows[self._mesh_index[self.ids[index]]])
        return _frozen(vertices), _frozen(faces)

    @cached_property
    def _mesh_rows(self) -> datasets.Dataset:
        return open_rows(self._folder, "mesh", self._split)

    @cached_property
    def _mesh_index(self) -> dict[str, int]:
        return {str(shape): index for index, shape in enumerate(self._mesh_rows["id"])}


Mesh = tuple[NDArray[np.float64], NDArray[np.int64]]


class _Recent(Generic[T]):
    """The most recently used values, up to a number of bytes."""

    def __init__(self, limit: int, size: Callable[[T], int]) -> None:
        self._limit, self._size, self._used = limit, size, 0
        self._values: OrderedDict[int, T] = OrderedDict()

    def get(self, key: int, make: Callable[[], T]) -> T:
        if key in self._values:
            self._values.move_to_end(key)
            return self._values[key]
        value = make()
        self._values[key] = value
        self._used += self._size(value)
        while self._used > self._limit and len(self._values) > 1:
            self._used -= self._size(self._values.popitem(last=False)[1])
        return value


def _frozen(array: NDArray[Any]) -> NDArray[Any]:
    array.setflags(write=False)
    return array
