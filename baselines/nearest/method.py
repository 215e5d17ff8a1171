"""The training shape of the same category that fits the observation best.

Two stages: the Dice of every candidate with the prompt on the observed voxels, computed on packed bits,
shortlists ``SHORTLIST`` shapes; among those the one with the smallest residual on the full SDFs wins
(`baselines.nearest.residual`), which breaks the many ties of voxel counts.

Candidates are the real *and* the synthetic training shapes: on the validation subjects that was
stronger than real ones alone (figures in README.md).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from baselines.nearest.residual import residual
from baselines.training import learnt, rows_by_category
from benchmark.contract import Method, MethodContext, Observation, Prediction, Request
from benchmark.observations.agreement import observed_inside
from benchmark.tasks.shape_completion.tasks import SHAPE
from benchmark.tasks.shape_completion.training import ShapeTrainingData
from medshape_text.files import replacing

SHORTLIST = 16
_CACHE_VERSION = "1"


@dataclass(frozen=True, eq=False)
class Shelf:
    """The candidates of one category: rows in the training split and their occupancy.

    ``rows`` is (N,); ``bits`` is (N, 64**3 / 8) uint8, packed in C order.
    """

    rows: NDArray[np.int64]
    bits: NDArray[np.uint8]

    def shortlist(self, observation: Observation, count: int) -> NDArray[np.int64]:
        """Rows of the ``count`` candidates with the highest Dice on the observed voxels, best first."""
        wanted = observed_inside(observation)
        observed_bits, wanted_bits = np.packbits(observation.mask), np.packbits(wanted)
        common = np.bitwise_count(self.bits & wanted_bits).sum(axis=1, dtype=np.int64)
        size = np.bitwise_count(self.bits & observed_bits).sum(axis=1, dtype=np.int64)
        overlap = 2 * common / np.maximum(1, size + np.count_nonzero(wanted))
        order = np.argsort(-overlap, kind="stable")
        return self.rows[order[:count]]


class Nearest:
    """Answers with an unchanged training shape."""

    def __init__(self) -> None:
        """Nothing is known before ``fit``."""
        self._data: ShapeTrainingData | None = None
        self._shelves: dict[str, Shelf] = {}

    def fit(self, training_data: ShapeTrainingData, workdir: Path) -> None:
        """Read every training shape once; the occupancies are kept in ``workdir``, named by the data's hash."""
        self._data = training_data
        rows = rows_by_category(training_data, real_only=False)
        # The ids too: two splits of one data set share its revision.
        identity = "\x1f".join(["nearest", _CACHE_VERSION, training_data.revision, *training_data.ids])
        key = hashlib.sha256(identity.encode()).hexdigest()
        cache = workdir / f"nearest-{key[:16]}.npz"
        if cache.exists():
            with np.load(cache, allow_pickle=False) as stored:
                bits = {category: stored[category] for category in rows}
        else:
            bits = {
                category: np.stack([np.packbits(training_data.sdf(row) < 0) for row in members])
                for category, members in rows.items()
            }
            workdir.mkdir(parents=True, exist_ok=True)
            with replacing(cache) as stream:
                np.savez_compressed(stream, allow_pickle=False, **bits)
        self._shelves = {category: Shelf(np.asarray(rows[category]), bits[category]) for category in rows}

    def predict(self, request: Request) -> Prediction:
        """The best-fitting training shape of ``request.category``; ties go to the earlier row."""
        shelf = learnt(self._shelves, request.category)
        if self._data is None:
            raise AssertionError("shelves without data")
        candidates = [self._data.sdf(int(row)) for row in shelf.shortlist(request.observation, SHORTLIST)]
        errors = [residual(candidate, request.observation) for candidate in candidates]
        return Prediction({SHAPE: candidates[int(np.argmin(errors))].astype(np.float32, copy=True)})


def build(context: MethodContext) -> Method:
    """Entry point ``nearest``."""
    return Nearest()
