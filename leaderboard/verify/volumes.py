"""The truth and stored predictions as volumes: all that verification knows of what an array of a case is.

Cases are those of a pinned revision of the data, checked against its manifest before anything is scored.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
from benchmark.data.shapes import ShapeDataset, open_shapes
from benchmark.data.training import ShapeTrainingData
from scipy import ndimage

from benchmark.contract import Case, Volume
from benchmark.data.rows import Rows, read_manifest
from benchmark.errors import DataError
from benchmark.metrics.overlap import dice
from benchmark.metrics.packed import PackedMasks, pack
from benchmark.records import stored_form
from leaderboard.findings import RefusedError, shown
from leaderboard.verify.parsing import Cells
from medshape_text import manifest
from medshape_text.frame import HALF_BOX_VOXELS, RESOLUTION
from medshape_text.hashing import sha256
from medshape_text.manifest import MANIFEST
from medshape_text.records import SPLITS

CELL_BYTES = RESOLUTION**3 * 2
"""A prediction: little-endian float16, C order."""
SHELL = 0.1
"""Canonical units (3.2 voxels) around the surface that differences are looked at in."""
SAME, SAME_SMOOTHED = 0.02, 0.01
"""Voxels of median difference below which two volumes are nearly the same: as they are, and after averaging boxes of
`_BOX` voxels, which noise does not survive. Of real predictions of four honest methods (from eight planes, or copies
that were barely damaged) none came nearer to the truth than 0.032 and 0.020."""
_BOX = 5
CROSSINGS = 200_000
"""Pairs of neighbouring voxels of which one is inside. Bones, and what ten methods made of them, have up to
12,000, random voxels 393,000; to score one takes a fifth of a second, or twenty."""
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


def open_truth(folder: Path, *, checked: bool = True) -> Truth:
    """Open a data set; ``checked``: read every file of it once to compare its hash with the manifest.

    Raises:
        DataError: if it is no data set of this schema version, or a file is missing or differs.
    """
    described = read_manifest(folder)
    wrong = manifest.verify(folder) if checked else ()
    if wrong:
        more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
        raise DataError(f"{folder / wrong[0]} differs from the manifest{more}; nothing can be verified with it")
    digest = hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest()
    return Truth(folder, str(described["revision"]), digest)


def read_volume(cells: Cells, case: str) -> Volume:
    """The prediction of a case.

    Raises:
        RefusedError: if it is not as the runner stores it.
    """
    return volume_of(cells.cell(case), case)


def volume_of(cell: bytes, case: str) -> Volume:
    """The (64, 64, 64) float32 volume of a prediction as it was stored.

    Raises:
        RefusedError: if the runner would not have stored it so.
    """
    if len(cell) != CELL_BYTES:
        raise RefusedError("cell-invalid", f"the prediction of {shown(case)} has {len(cell)} bytes")
    half = np.frombuffer(cell, dtype="<f2").reshape((RESOLUTION,) * 3)
    if not np.isfinite(half).all():
        raise RefusedError("cell-invalid", f"the prediction of {shown(case)} has values that are not finite")
    volume = half.astype(np.float32)
    stored = stored_form(volume)
    if not np.array_equal(stored, volume):
        raise RefusedError("cell-invalid", f"the prediction of {shown(case)} has values beyond the truncation")
    if stored.astype("<f2").tobytes() != cell:
        raise RefusedError("cell-invalid", f"the prediction of {shown(case)} has negative zeros")
    if not (volume < 0).any():
        raise RefusedError("cell-invalid", f"the prediction of {shown(case)} has no voxel inside; it is a failed case")
    if crossings(volume) > CROSSINGS:
        raise RefusedError(
            "cell-unscorable", f"the prediction of {shown(case)} has a surface of {crossings(volume)} voxels"
        )
    return volume


def mask_of(volume: Volume) -> PackedMasks:
    """The one mask of a volume, 32 KiB."""
    return pack((volume < 0)[None])


class Likeness(NamedTuple):
    """What a prediction is like, beside its scores.

    Attributes:
        packed: one mask.
        dice: with the truth.
        is_truth: whether the prediction tells the truth more precisely than any method could.
        contradicted: share of exactly observed voxels on which it disagrees; None where nothing is exact.
        digest: identifies the prediction.
    """

    packed: PackedMasks
    dice: float
    is_truth: bool
    contradicted: float | None
    digest: str


def likeness(prediction: Volume, case: Case) -> Likeness:
    """What a prediction of a case is like."""
    seen = case.observation.observed
    contradicted: float | None = None
    if case.observation.kind == "planes" and seen.any():
        contradicted = float(np.mean((prediction < 0)[seen] != (case.observation.value[seen] > 0.5)))
    truth = stored_form(case.truth)
    same = nearly_same(prediction, truth)
    return Likeness(
        mask_of(prediction), float(dice(prediction, case.truth)), same, contradicted, sha256(prediction.tobytes())
    )


def crossings(volume: Volume) -> int:
    """How many pairs of neighbouring voxels have the surface between them."""
    inside = volume < 0
    return sum(int(np.count_nonzero(np.diff(inside, axis=axis))) for axis in range(inside.ndim))


def nearly_same(first: Volume, second: Volume) -> bool:
    """Whether two volumes tell the same surface, more precisely than by two methods' agreement.

    Equal masks are no proof: several honest methods recover the whole mask from a barely damaged copy. Their distances
    to the surface between the voxels still differ.
    """
    shell = np.abs(second) < SHELL
    if not shell.any():
        return bool(np.array_equal(first, second))
    difference = first - second
    if np.median(np.abs(difference[shell])) * HALF_BOX_VOXELS < SAME:
        return True
    smoothed = ndimage.uniform_filter(difference, _BOX)
    return bool(np.median(np.abs(smoothed[shell])) * HALF_BOX_VOXELS < SAME_SMOOTHED)
