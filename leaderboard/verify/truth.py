"""The truth: cases of a pinned revision of the data, checked against its manifest before anything is scored."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from benchmark.contract import Volume
from benchmark.data.rows import Rows, read_manifest
from benchmark.data.shapes import ShapeDataset, open_shapes
from benchmark.data.training import ShapeTrainingData
from benchmark.errors import DataError
from benchmark.metrics.packed import PackedMasks, pack
from medshape_text import manifest
from medshape_text.manifest import MANIFEST
from medshape_text.records import SPLITS

_AT_ONCE = 64
_KEPT_BYTES = 2**29
"""Of packed training shapes; a larger training split is read again for every submission."""


@dataclass(eq=False)
class Truth:
    """A data set that is what its manifest says; opened by `open_truth`."""

    folder: Path
    revision: str
    manifest_sha256: str
    _kept: Sequence[tuple[int, PackedMasks]] | None = None

    def cases(self, split: str) -> ShapeDataset:
        """The cases of a split.

        Raises:
            DataError: if the data set has no such split.
        """
        if split not in self._opened:
            self._opened[split] = open_shapes(self.folder, split)
        return self._opened[split]

    def split_of(self, case: str) -> str | None:
        """The split a shape is in, or None."""
        return self._splits.get(case)

    @cached_property
    def most_cases(self) -> int:
        """Of any split."""
        return max(Counter(self._splits.values()).values(), default=0)

    @cached_property
    def training(self) -> ShapeTrainingData | None:
        """The training split; None if the data set has none."""
        names = read_manifest(self.folder)["files"]
        return ShapeTrainingData(self.folder) if any(name.startswith("sdf64/train-") for name in names) else None

    def packed_training(self) -> Iterator[tuple[int, PackedMasks]]:
        """The masks of the training shapes in blocks, each with the index of its first shape."""
        if self._kept is not None:
            yield from self._kept
            return
        training = self.training
        count = 0 if training is None else len(training)
        kept: list[tuple[int, PackedMasks]] | None = [] if count * 2**15 <= _KEPT_BYTES else None
        for start in range(0, count, _AT_ONCE):
            block = start, pack(np.stack([self._training_mask(i) for i in range(start, min(start + _AT_ONCE, count))]))
            if kept is not None:
                kept.append(block)
            yield block
        self._kept = kept

    def training_shape(self, index: int) -> Volume:
        """The volume of a training shape.

        Raises:
            IndexError: if there is none.
        """
        if self.training is None:
            raise IndexError(index)
        return self.training.sdf(index)

    @property
    def training_ids(self) -> Sequence[str]:
        """Ids of the training shapes."""
        return () if self.training is None else self.training.ids

    def _training_mask(self, index: int) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
        return self.training_shape(index) < 0

    @cached_property
    def _opened(self) -> dict[str, ShapeDataset]:
        return {}

    @cached_property
    def _splits(self) -> dict[str, str]:
        names = read_manifest(self.folder)["files"]
        return {
            str(row["id"]): split
            for split in SPLITS
            if any(name.startswith(f"shapes/{split}-") for name in names)
            for row in Rows(self.folder, "shapes", split).light
        }


def open_truth(folder: Path) -> Truth:
    """Open a data set, reading every file of it once to compare its hash with the manifest.

    Raises:
        DataError: if it is no data set of this schema version, or a file is missing or differs.
    """
    described = read_manifest(folder)
    wrong = manifest.verify(folder)
    if wrong:
        more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
        raise DataError(f"{folder / wrong[0]} differs from the manifest{more}; nothing can be verified with it")
    digest = hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest()
    return Truth(folder, str(described["revision"]), digest)
